"""gateway.toml as text: one setting put in its place, all else left as its owner wrote it."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.zones.spool import write_durably

_SECRETS = re.compile(r"^\[secrets\][^\n]*\n", re.MULTILINE)
_FILE = re.compile(r"^(?:# ?)?passphrase_file *=[^\n]*\n", re.MULTILINE)


def note_passphrase_file(settings: Path, file: Path) -> None:
    """Let gateway.toml name the file with the passphrase. ConfigurationError where that cannot be written."""
    try:
        target = settings.resolve()
        before = target.stat()
        text = _noted(target.read_text("utf-8"), str(file))
        write_durably(target, text.encode(), mode=stat.S_IMODE(before.st_mode))
        os.chown(target, before.st_uid, before.st_gid)
    except (OSError, ValueError):
        line = f"passphrase_file = {_quoted(str(file))}"
        raise ConfigurationError(
            f"{settings} could not be changed; write there, under [secrets]: {line}"
        ) from None


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
