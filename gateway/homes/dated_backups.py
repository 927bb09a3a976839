"""Folder of backups, each in a folder named after its time."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from gateway.homes.backup import MANIFEST
from gateway.zones.places import is_locked

_DATED = "%Y-%m-%dT%H%M%SZ"
_ANY_DATE = "????-??-??T??????Z"


def dated(folder: Path, now: datetime) -> Path:
    """Return the place of a new backup in a folder of backups."""
    return folder / now.astimezone(UTC).strftime(_DATED)


def whole_backups(folder: Path) -> list[Path]:
    """Return the complete backups in a folder of dated ones, oldest first."""
    return [path for path in sorted(folder.glob(_ANY_DATE)) if (path / MANIFEST).is_file()]


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove all but the latest `keep` complete backups in `folder`, and return the folders removed.

    Interrupted backups older than the newest complete one are removed too, unless still in progress.
    """
    whole = whole_backups(folder)
    cut_off = [path for path in folder.glob(_ANY_DATE) if path not in whole and whole and path < whole[-1]]
    gone = sorted([*whole[:-keep], *(path for path in cut_off if path.is_dir() and not is_locked(path))])
    for path in gone:
        (path / MANIFEST).unlink(missing_ok=True)  # Incomplete from here on, whatever happens.
        shutil.rmtree(path)
    return gone
