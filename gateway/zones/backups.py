"""The time of a home's last backup, as noted by the backup itself."""

from datetime import UTC, datetime

from gateway.home import Home

_NAME = "backed-up"


def note_backup(home: Home, at: datetime) -> None:
    """Note a complete backup. OSError if the home is not writable."""
    place = home.root / _NAME
    place.write_text(at.astimezone(UTC).isoformat(), "ascii")
    place.chmod(0o640)  # Readable for the group too, because the mailboxes show the time.


def last_backup(home: Home) -> datetime | None:
    """Return the time of the last complete backup; None if none was noted."""
    try:
        return datetime.fromisoformat((home.root / _NAME).read_text("ascii").strip())
    except (OSError, ValueError):
        return None
