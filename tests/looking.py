"""Looking at folders in which services work meanwhile: what goes away while one looks was not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from gateway.samples import MARKER


def contents(paths: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """What is in those of the paths that are files."""
    for path in paths:
        with suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def in_the_clear(folder: Path) -> list[Path]:
    """Every file below `folder` that holds what only the content of a sealed file holds."""
    return [path for path, content in contents(folder.rglob("*")) if MARKER.encode() in content]
