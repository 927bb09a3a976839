"""Change one setting in the text of gateway.toml, leaving the rest as written."""

import os
import stat
import tomllib
from pathlib import Path

import tomlkit

from gateway.errors import ConfigurationError
from gateway.home.settings import Settings
from gateway.zones.spool import write_durably


def note_passphrase_file(settings: Path, file: Path) -> None:
    """Write the path of the passphrase file into gateway.toml. ConfigurationError where writing fails."""
    try:
        target = settings.resolve()
        text = tomlkit.parse(target.read_text("utf-8"))
        text.setdefault("secrets", tomlkit.table())["passphrase_file"] = str(file)
        _replace(target, tomlkit.dumps(text))
    except (OSError, ValueError):
        line = tomlkit.dumps({"passphrase_file": str(file)}).strip()
        raise ConfigurationError(
            f"{settings} could not be changed; write there, under [secrets]: {line}"
        ) from None


def note_places(settings: Path, places: Settings) -> None:
    """Write the database and store of `places` into gateway.toml. Durable after return.

    Raises ConfigurationError where writing fails or another setting would change.
    """
    try:
        target = settings.resolve()
        text = tomlkit.parse(target.read_text("utf-8"))
        if places.database is not None:
            text["database"] = places.database
        if places.store.url is not None:
            text["store"] = places.store.model_dump(mode="json", exclude_defaults=True)
        written = tomlkit.dumps(text)
        if Settings.model_validate(tomllib.loads(written)) == places:
            _replace(target, written)
            return
    except (OSError, ValueError):
        pass  # Reported below, like a change of another setting.
    raise ConfigurationError(f"{settings} could not be changed; see that it may be, and begin the move again")


def _replace(target: Path, text: str) -> None:
    """Replace the text of a file, keeping mode and owner."""
    before = target.stat()
    write_durably(target, text.encode(), mode=stat.S_IMODE(before.st_mode))
    os.chown(target, before.st_uid, before.st_gid)
