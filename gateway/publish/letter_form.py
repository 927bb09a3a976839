"""The form of a letter: plain text and HTML from one source, signed as a whole (PGP/MIME, RFC 3156)."""

import hashlib
import re
import textwrap
from email.message import EmailMessage
from email.policy import SMTP

from gateway.openpgp.sealer import hash_of
from gateway.publish.provider_page import TEMPLATES

_WIDTH = 74
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_FROM = re.compile(rb"^From ", re.MULTILINE)


def entity(subject: str, text: str, organisation: str, language: str) -> bytes:
    """Return a letter's two forms as one MIME entity (multipart/alternative) with CRLF, fit to be signed.

    Paragraphs stand between blank lines; one of lines beginning with "- " is a list, one beginning with "## "
    a heading. The entity is ASCII, no line ends in a blank, and none begins with "From " (RFC 3156, 3).
    """
    paragraphs = [_lines(each) for each in _BLANK_LINE.split(text.strip())]
    html = TEMPLATES.get_template("letter.html").render(
        subject=subject, paragraphs=paragraphs, organisation=organisation, language=language
    )
    part = EmailMessage(policy=SMTP)
    part.set_content("\n\n".join(map(_wrapped, paragraphs)) + "\n", cte="quoted-printable")
    part.add_alternative(html, subtype="html", cte="quoted-printable")
    del part["MIME-Version"]
    part.set_boundary(hashlib.sha256(html.encode()).hexdigest()[:32])
    return _FROM.sub(b"=46rom ", part.as_bytes())


def signed(data: bytes, signature: bytes) -> str:
    """Return an entity with its detached armored signature as multipart/signed (RFC 3156, 5), with LF."""
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


def _lines(paragraph: str) -> list[str]:
    """Return the lines of a paragraph; of a list, each entry as one line."""
    lines = paragraph.splitlines()
    if not lines[0].startswith("- "):
        return [line.strip() for line in lines]
    return [" ".join(entry.split()) for entry in re.split(r"\n(?=- )", paragraph)]


def _wrapped(paragraph: list[str]) -> str:
    if paragraph[0].startswith("## "):
        return f"{paragraph[0][3:]}\n{'-' * len(paragraph[0][3:])}"
    if not paragraph[0].startswith("- "):
        return textwrap.fill(" ".join(paragraph), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(
        textwrap.fill(line, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for line in paragraph
    )
