"""Have a stranger's program follow a log through 70,000 entries, and catch a split view: `make stranger`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from gateway.log.checkpoint import LogKey, checkpoint
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.registry.log import Entry

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
ORIGIN = "test.invalid/log"
KEY = LogKey.load(LogKey.generate())
FOLLOW = Path(__file__).with_name("follow.go")


def written(registry: Registry, folder: Path, more: int, subject: str) -> None:
    """Append entries, and write the tiles and the head over them into a folder."""
    with registry.write() as session:
        before = log.size(session)
        log.append(session, [Entry(kind="refused", subject=subject)] * more, AT)
    with registry.read() as session:
        size = log.size(session)
        for name, hashes in log.tiles(session, before, size):
            tile = folder / "tile" / name
            tile.parent.mkdir(parents=True, exist_ok=True)
            tile.write_bytes(hashes)
        (folder / "checkpoint").write_text(checkpoint(ORIGIN, size, log.root(session, size), KEY))


def main() -> None:
    """Compile the program, and show it a log that goes on, one that was exchanged, and one that was cut."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        go = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": f"{root}/cache"}
        program = root / "follow"
        subprocess.run(["go", "build", "-o", program, FOLLOW], check=True, env=os.environ | go)
        seen = root / "seen"

        def follows(folder: Path) -> str:
            done = subprocess.run(
                [program, KEY.vkey(ORIGIN), folder, seen], capture_output=True, text=True, check=False
            )
            return done.stdout + done.stderr

        ours, other, cut = (Registry(f"sqlite:///{root / name}.db") for name in ("ours", "other", "cut"))
        for registry in (ours, other, cut):
            registry.migrate()
        for more in (1, 254, 1, 1, 300, 69_443):
            written(ours, root / "ours", more, "260901-oak-00000")
            told = follows(root / "ours")
            assert told.startswith("follows"), told
            print(told, end="")
        written(other, root / "other", 70_001, "260901-elm-00000")
        written(cut, root / "cut", 600, "260901-oak-00000")
        for folder in ("other", "cut"):
            told = follows(root / folder)
            assert told.startswith("refused"), told
            print(f"{folder}: {told}", end="")
        tile = root / "ours/tile/0/000"
        tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
        told = follows(root / "ours")
        assert told.startswith("refused"), told
        print(f"a changed tile: {told}", end="")
        for registry in (ours, other, cut):
            registry.close()


if __name__ == "__main__":
    main()
