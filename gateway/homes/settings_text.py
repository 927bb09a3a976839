"""gateway.toml as text: one setting put in its place, all else left as its owner wrote it."""

from __future__ import annotations

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
    """Let gateway.toml name the file with the passphrase. ConfigurationError where that cannot be written."""
    try:
        target = settings.resolve()
        _replace(target, _noted(target.read_text("utf-8"), str(file)))
    except (OSError, ValueError):
        line = f"passphrase_file = {_quoted(str(file))}"
        raise ConfigurationError(
            f"{settings} could not be changed; write there, under [secrets]: {line}"
        ) from None


def note_places(settings: Path, places: Settings) -> None:
    """Let gateway.toml name the database and the store of `places`. Durable after return.

    ConfigurationError where that cannot be written.
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
        pass  # Told below, as what would change another setting is.
    raise ConfigurationError(f"{settings} could not be changed; see that it may be, and begin the move again")


def _replace(target: Path, text: str) -> None:
    """The same file with another text: its mode and owner stay."""
    before = target.stat()
    write_durably(target, text.encode(), mode=stat.S_IMODE(before.st_mode))
    os.chown(target, before.st_uid, before.st_gid)


def _noted(text: str, file: str) -> str:
    """The text with that file named. ValueError where it is not written as we can tell."""
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
