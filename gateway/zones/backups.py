"""When a home was backed up last, as whoever backs it up notes it there."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.home import Home

_NAME = "backed-up"


def note_backup(home: Home, at: datetime) -> None:
    """Note that a whole backup was taken. OSError where the home cannot be written."""
    place = home.root / _NAME
    place.write_text(at.astimezone(UTC).isoformat(), "ascii")
    place.chmod(0o640)  # By itself it would be of the backup alone; the mailboxes tell of it.


def last_backup(home: Home) -> datetime | None:
    """When the last whole backup was taken; None where none was noted."""
    try:
        return datetime.fromisoformat((home.root / _NAME).read_text("ascii").strip())
    except (OSError, ValueError):
        return None
