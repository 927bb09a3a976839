"""A folder of backups, each in a folder of its own that is named after its time."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from gateway.homes.backup import MANIFEST
from gateway.zones.locks import is_locked

_DATED = "%Y-%m-%dT%H%M%SZ"
_ANY_DATE = "????-??-??T??????Z"


def dated(folder: Path, now: datetime) -> Path:
    """The place of a new backup in a folder of backups."""
    return folder / now.astimezone(UTC).strftime(_DATED)


def whole_backups(folder: Path) -> list[Path]:
    """The whole backups in a folder of dated ones, oldest first."""
    return [path for path in sorted(folder.glob(_ANY_DATE)) if (path / MANIFEST).is_file()]


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove all but the latest `keep` whole backups in `folder`, and what was interrupted before the
    newest of them, unless somebody is still at it; which those were.
    """
    whole = whole_backups(folder)
    cut_off = [path for path in folder.glob(_ANY_DATE) if path not in whole and whole and path < whole[-1]]
    gone = sorted([*whole[:-keep], *(path for path in cut_off if path.is_dir() and not is_locked(path))])
    for path in gone:
        (path / MANIFEST).unlink(missing_ok=True)  # From here on it is no whole backup, whatever happens.
        shutil.rmtree(path)
    return gone
