"""Change one setting in the text of gateway.toml, leaving the rest as written."""

import json
import os
import re
import stat
import tomllib
from pathlib import Path

import tomlkit

from gateway.errors import ConfigurationError
from gateway.home.settings import Settings
from gateway.zones.spool import write_durably

_SECRETS = re.compile(r"^\[secrets\][^\n]*\n", re.MULTILINE)
_FILE = re.compile(r"^(?:# ?)?passphrase_file *=[^\n]*\n", re.MULTILINE)


def note_passphrase_file(settings: Path, file: Path) -> None:
    """Name the passphrase file in gateway.toml. Raises ConfigurationError where writing fails."""
    try:
        target = settings.resolve()
        _replace(target, _noted(target.read_text("utf-8"), str(file)))
    except (OSError, ValueError):
        line = f"passphrase_file = {_quoted(str(file))}"
        raise ConfigurationError(
            f"{settings} could not be changed; write there, under [secrets]: {line}"
        ) from None


def note_places(settings: Path, places: Settings) -> None:
    """Name the database and store of `places` in gateway.toml. Durable after return.

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


def _noted(text: str, file: str) -> str:
    """Return the text with `file` named. Raises ValueError where another setting would change."""
    line = f"passphrase_file = {_quoted(file)}\n"
    table = _SECRETS.search(text)
    if table is None:
        noted = f"{text.rstrip()}\n\n[secrets]\n{line}"
    else:
        rest = text[table.end() :]
        end = re.search(r"^\[", rest, re.MULTILINE)
        inside, after = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
        noted = text[: table.end()] + line + _FILE.sub("", inside, count=1) + after
    if tomllib.loads(noted) | {"secrets": None} != tomllib.loads(text) | {"secrets": None}:
        raise ValueError("another setting would change")
    return noted


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
