"""What a competent administrator would write instead, with nothing but Python's own library and gpg.

    python competent.py ROOT

As diy.sh, without its clumsiness: one process a file (gpg, whose agent runs already), one connection to the
database, no shell. Like it, it keeps plaintext on the disk, syncs and signs nothing, and proves nothing.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

_KINDS = {"CTfile": "student-core", "Message": "school-census"}


class Pipeline:
    """Handles the files of ROOT/in."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._database = sqlite3.connect(root / "transfers.db", check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS transfer (name TEXT PRIMARY KEY, sha256 TEXT, kind TEXT, at TEXT)"
        )
        self._one_at_a_time = threading.Lock()

    def handle(self, name: str) -> None:
        """Decrypt a file, check its signer and its XML, sort, note and move it, and write its receipt."""
        source, plain = self._root / "in" / name, self._root / "teams" / f"{name}.xml"
        signer = (self._root / "signers" / name.partition("-")[0]).read_bytes()
        told = subprocess.run(
            ["gpg", "--batch", "--quiet", "--status-fd", "1", "--trust-model", "always",
             "--output", plain, "--decrypt", source],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
        ).stdout  # fmt: skip
        signed = any(b"VALIDSIG" in line and signer in line for line in told.splitlines())
        try:
            root = ET.parse(plain).getroot() if signed else None
        except ET.ParseError:
            root = None
        if root is None:
            plain.unlink(missing_ok=True)
            source.rename(self._root / "refused" / name)
            return
        kind = _KINDS.get(root.tag, "unknown")
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        with self._one_at_a_time, self._database:
            self._database.execute(
                "INSERT INTO transfer VALUES (?, ?, ?, ?)",
                (name, digest, kind, datetime.now(UTC).isoformat()),
            )
        source.rename(self._root / "done" / name)
        (self._root / "receipts" / f"{name}.txt").write_text(
            f"Your file {name} was accepted as {kind}.\nSHA-256 {digest}\n"
        )


def main() -> None:
    """Watch, for ever."""
    root = Path(sys.argv[1])
    pipeline = Pipeline(root)
    watch = ["inotifywait", "--quiet", "--monitor", "--event", "close_write", "--event", "moved_to"]
    with (
        subprocess.Popen([*watch, "--format", "%f", root / "in"], stdout=subprocess.PIPE, text=True) as names,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for name in names.stdout or ():
            pool.submit(pipeline.handle, name.rstrip("\n"))


if __name__ == "__main__":
    main()
