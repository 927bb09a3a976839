"""Small file systems over the folders of a home: full, read-only, and with room again."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """A tmpfs mounted over a folder."""

    folder: Path

    @property
    def filler(self) -> Path:
        return self.folder / ".filler"

    def fill(self) -> None:
        """Leave not one byte."""
        with self.filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(64 * 1024))
        with self.filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))

    def make_room(self) -> None:
        self.filler.unlink(missing_ok=True)

    def forbid(self) -> None:
        self._remount("ro")

    def allow(self) -> None:
        self._remount("rw")

    def _remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)


@contextlib.contextmanager
def disk_over(folder: Path, size: str = "4m") -> Iterator[Disk]:
    """A file system of this size in the place of `folder`, with the same content, and back again."""
    kept = folder.with_name(f"{folder.name}.kept")
    shutil.copytree(folder, kept)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        folder.chmod(kept.stat().st_mode & 0o7777)
        yield Disk(folder)
        shutil.rmtree(kept)
        shutil.copytree(folder, kept, ignore=shutil.ignore_patterns(".filler"))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        shutil.rmtree(kept)
