"""Give queued letters to the courier, and record what the courier reports."""

import hashlib
import logging
import re
import secrets
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from email import message_from_string, policy
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from itertools import islice
from math import inf
from pathlib import Path

import tomlkit

from gateway.home import Letters
from gateway.home.settings import LetterSettings
from gateway.openpgp.sealer import hash_of
from gateway.publish.projection import published_is_written, replace_published
from gateway.publish.provider_page import TEMPLATES
from gateway.registry import letters
from gateway.registry.database import Registry
from gateway.registry.tables import LetterRow
from gateway.zones.places import grant_lease
from gateway.zones.spool import BadFileError, read_words

_AT_ONCE = 500
_NOTE = re.compile(r"[0-9]{10}")
_NOTE_BYTES, _SHOWN = 4_096, 100
_UNFOLDED = policy.default.clone(max_line_length=998)  # RFC 5322, 2.1.1
_log = logging.getLogger(__name__)


def pass_letters(
    registry: Registry, place: Letters, settings: LetterSettings, now: datetime, held_at: float | None = inf
) -> None:
    """Record the courier's reports, then put queued letters into the courier's folder.
    Of several hosts only the leader sends letters; every other host empties the folder. `held_at`: when this
    host was last known to be the leader, in seconds since 1970; None if it is not. Raises Fault if a file
    cannot be written. Without a mail relay in the settings nothing is done.
    """
    if settings.relay is None:
        return
    lay_out(place, settings)
    with published_is_written("letters/"):
        _take_back(registry, place, now)
        with registry.read() as session:
            unsent = () if held_at is None else letters.unsent(session)
            stems = {f"{number:010}": number for number in unsent}
            # Of an earlier term: another host may have sent it since.
            for letter in place.out.glob("*.eml"):
                if letter.stem not in stems:
                    letter.unlink(missing_ok=True)
            fresh = (one for one in stems if not (place.out / f"{one}.eml").exists())
            for stem in islice((one for one in fresh if not (place.done / one).exists()), _AT_ONCE):
                row = letters.get(session, stems[stem])
                message = _message(row, settings, letters.earlier_message_ids(session, row))
                replace_published(place.out / f"{stem}.eml", message.as_string(policy=_UNFOLDED))
        if held_at is not None:
            grant_lease(place.settings, held_at)


def lay_out(place: Letters, settings: LetterSettings) -> None:
    """Make the courier's folders, and write the relay's settings there. Raise Fault if writing fails."""
    relay = tomlkit.dumps(settings.model_dump(mode="json", exclude_none=True))
    with published_is_written("letters/"):
        for folder in (place.root, place.out, place.done):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not place.settings.exists() or place.settings.read_text("utf-8") != relay:
            replace_published(place.settings, relay)
            grant_lease(place.settings, 0)  # Until the folder is known to be as the registry has it.


def _take_back(registry: Registry, place: Letters, now: datetime) -> None:
    """Record the reports of the courier, an untrusted service: a report may hold anything.
    A malformed report is renamed, for a person to examine, and its letter is sent again.
    """
    done = list[tuple[Path, str]]()
    for path in sorted(path for path in place.done.iterdir() if _NOTE.fullmatch(path.name))[:_AT_ONCE]:
        try:
            done.append((path, read_words(path, _NOTE_BYTES)[:_SHOWN]))
        except FileNotFoundError:
            continue
        except BadFileError as error:
            path.rename(path.with_name(f"{path.name}.{secrets.token_hex(4)}.aside"))
            _log.error("letters/done/%s is set aside: %s", path.name, error)
    if not done:
        return
    with registry.write() as session:
        for path, said in done:
            letters.note(session, int(path.name), at=now, refused=said or None)
    for path, _ in done:
        # The letter goes first: without the report it would be sent again.
        (place.out / f"{path.name}.eml").unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _message(row: LetterRow, settings: LetterSettings, before: Sequence[str]) -> EmailMessage:
    """Return a letter as an e-mail. `before`: the Message-IDs of earlier letters about the same file."""
    message: EmailMessage = message_from_string(row.text, policy=policy.default)
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


# The form of a letter: plain text and HTML from one source, signed as a whole (PGP/MIME, RFC 3156).

_WIDTH = 74
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_FROM = re.compile(rb"^From ", re.MULTILINE)


def entity(subject: str, text: str, organisation: str, language: str) -> bytes:
    """Return a letter as plain text and HTML in one MIME entity (multipart/alternative), ready to be signed.
    Blank lines divide `text` into paragraphs: one beginning with "- " is a list, one with "## " a heading.
    The entity is ASCII with CRLF; no line ends in a blank, and none begins with "From " (RFC 3156, 3).
    """
    paragraphs = list(_paragraphs(text))
    html = TEMPLATES.get_template("letter.html").render(
        subject=subject, paragraphs=paragraphs, organisation=organisation, language=language
    )
    part = EmailMessage(policy=SMTP)
    part.set_content(plain(text), cte="quoted-printable")
    part.add_alternative(html, subtype="html", cte="quoted-printable")
    del part["MIME-Version"]
    part.set_boundary(hashlib.sha256(html.encode()).hexdigest()[:32])
    return _FROM.sub(b"=46rom ", part.as_bytes())


def plain(text: str, width: int = _WIDTH) -> str:
    """Return a letter's plain text: headings underlined, lines of at most `width` characters."""
    return "\n\n".join(_wrapped(each, width) for each in _paragraphs(text)) + "\n"


def signed(data: bytes, signature: bytes) -> str:
    """Return the multipart/signed message (RFC 3156, 5) of an entity and a detached signature.
    Lines end in LF, though the signature is on the entity with CRLF.
    """
    boundary = f"signed-{hashlib.sha256(data).hexdigest()[:32]}"
    lines = (
        f'Content-Type: multipart/signed; micalg="pgp-{hash_of(signature)}";',
        f' protocol="application/pgp-signature"; boundary="{boundary}"',
        "",
        f"--{boundary}",
        data.decode("ascii").replace("\r\n", "\n"),
        f"--{boundary}",
        'Content-Type: application/pgp-signature; name="signature.asc"',
        "",
        signature.decode("ascii").strip(),
        "",
        f"--{boundary}--",
        "",
    )
    return "\n".join(lines)


def _paragraphs(text: str) -> Iterator[list[str]]:
    """Yield the lines of each paragraph of a letter; an entry of a list is one line."""
    for each in _BLANK_LINE.split(text.strip()):
        if each.startswith("- "):
            yield [" ".join(entry.split()) for entry in re.split(r"\n(?=- )", each)]
        else:
            yield [line.strip() for line in each.splitlines()]


def _wrapped(paragraph: list[str], width: int) -> str:
    if paragraph[0].startswith("## "):
        return f"{paragraph[0][3:]}\n{'-' * len(paragraph[0][3:])}"
    if not paragraph[0].startswith("- "):
        return textwrap.fill(" ".join(paragraph), width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for line in paragraph
    )
