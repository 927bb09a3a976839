"""Pass owed letters to the courier, and record the courier's notes."""

import logging
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from email import message_from_string, policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import tomlkit

from gateway.errors import Fault
from gateway.home import Letters
from gateway.home.settings import LetterSettings
from gateway.publish.projection import replace_published
from gateway.registry import letters
from gateway.registry.database import Registry
from gateway.registry.tables import LetterRow
from gateway.zones.across import read_words
from gateway.zones.landed_file import BadFileError

_AT_ONCE = 500
_NOTE = re.compile(r"[0-9]{10}")
_NOTE_BYTES, _SHOWN = 4_096, 100
_UNFOLDED = policy.default.clone(max_line_length=998)  # RFC 5322, 2.1.1
_log = logging.getLogger(__name__)


def pass_letters(
    registry: Registry, place: Letters, settings: LetterSettings, now: datetime, *, leads: bool = True
) -> None:
    """Record the courier's notes, then put owed letters in its folder. Raises Fault where writing fails.

    Of several hosts only the one that `leads` sends; another host's remaining letters are removed from its
    folder.
    """
    if settings.relay is None:
        return
    lay_out(place, settings)
    try:
        _take_back(registry, place, now)
        if leads:
            with registry.read() as session:
                for row in letters.unsent(session, _AT_ONCE):
                    stem = f"{row.number:010}"
                    if not (place.out / f"{stem}.eml").exists() and not (place.done / stem).exists():
                        message = _message(row, settings, letters.before(session, row))
                        replace_published(place.out / f"{stem}.eml", message.as_string(policy=_UNFOLDED))
        else:
            for letter in place.out.glob("*.eml"):
                letter.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_be_written(error) from None


def lay_out(place: Letters, settings: LetterSettings) -> None:
    """Make the folders and write the relay's settings for the courier. Raises Fault where writing fails."""
    relay = tomlkit.dumps(settings.model_dump(mode="json", exclude_none=True))
    try:
        for folder in (place.root, place.out, place.done):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not place.settings.exists() or place.settings.read_text("utf-8") != relay:
            replace_published(place.settings, relay)
    except OSError as error:
        raise _cannot_be_written(error) from None


def _cannot_be_written(error: OSError) -> Fault:
    return Fault(f"letters/ cannot be written: {os.strerror(error.errno or 0)}")


def _take_back(registry: Registry, place: Letters, now: datetime) -> None:
    done = list(_noted(place))
    if not done:
        return
    with registry.write() as session:
        for path, said in done:
            letters.note(session, int(path.name), at=now, refused=said or None)
    for path, _ in done:
        (place.out / f"{path.name}.eml").unlink(missing_ok=True)  # Before its note: or it would go once more.
        path.unlink(missing_ok=True)


def _noted(place: Letters) -> Iterator[tuple[Path, str]]:
    """Yield the courier's notes and their text, trusting nothing: the courier may write anything.

    A malformed note is renamed for a person to look at, and its letter goes to the relay again.
    """
    found = sorted(path for path in place.done.iterdir() if _NOTE.fullmatch(path.name))
    for path in found[:_AT_ONCE]:
        try:
            yield path, read_words(path, _NOTE_BYTES)[:_SHOWN]
        except FileNotFoundError:
            continue
        except BadFileError as error:
            path.rename(path.with_name(f"{path.name}.{secrets.token_hex(4)}.aside"))
            _log.error("letters/done/%s is set aside: %s", path.name, error)


def _message(row: LetterRow, settings: LetterSettings, before: Sequence[str]) -> EmailMessage:
    """Return a letter with its headers; `before`: the Message-IDs of earlier ones about the same file."""
    message: EmailMessage = message_from_string(row.text, policy=policy.default)
    if not message.is_multipart():  # Owed by a version that signed text only.
        message = EmailMessage()
        message.set_content(row.text, cte="quoted-printable")
    del message["MIME-Version"]
    message["MIME-Version"] = "1.0"
    message["From"] = settings.sender
    message["To"] = row.recipient
    message["Subject"] = row.subject
    message["Date"] = format_datetime(row.owed_at)
    message["Message-ID"] = row.message_id
    message["Auto-Submitted"] = "auto-generated"
    if before:
        message["In-Reply-To"] = before[-1]
        message["References"] = " ".join(before)
    return message
