"""The layout of receipts for people: printable text, at most 74 columns, labels in a column of 16."""

import base64
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from gateway.reasons.languages import Language, told
from gateway.receipts.facts import Proof

WIDTH = 74
_LABEL = 16
_PROOF = (
    "This receipt is recorded for good in the gateway's log, of which anyone can check that nothing was "
    "changed or taken out. Keep this file as it is, with the .json file of the same name. To check both: "
    "gateway receipts verify FILE. To check the signature on this text alone: gpg --verify FILE."
)


def visible(text: str) -> str:
    """Return `text` in visible characters: letters of any script stay, all others become "?".

    Control characters and marks of writing direction are replaced, so that nobody can disguise a receipt.
    Letters with accents become single characters (NFC).
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in unicodedata.normalize("NFC", text))


def spoken(moment: datetime, zone: tzinfo = UTC) -> str:
    """Spell a time as a person writes one, by the clocks of a named zone."""
    at = moment.astimezone(zone)
    return f"{at.day} {at:%B %Y at %H:%M:%S %Z}"


def proof_lines(record: str, proof: Proof, languages: Sequence[Language] = ("en",)) -> str:
    """Return the proof at the end of a receipt, with an explanation in each language.

    `record` is the digest in the leaf.
    """
    body, _, signatures = proof.checkpoint.rpartition("\n\n")
    origin, size, root = body.split("\n")[:3]
    # Neither the em dash before a note's signature nor the name, which is the origin, is repeated.
    mark = f"— {origin} "
    signed = [line.removeprefix(mark) for line in signatures.splitlines() if line.startswith(mark)]
    return "\n".join(
        [
            *(line for language in languages for line in (paragraph(told(_PROOF, language)), "")),
            digest_field("Record", record),
            chunks("Leaf", proof.leaf.decode()),
            field("Index", str(proof.index)),
            *(field("Hash", base64.b64encode(node).decode()) for node in proof.hashes),
            chunks("Origin", origin),
            field("Size", size),
            field("Root", root),
            *(chunks("Signed", line) for line in signed),
            chunks("Log key", proof.log_key),
        ]
    )


def section(title: str, body: str) -> str:
    """Return a title with a body; empty for an empty body."""
    return f"{title}\n\n{body}" if body else ""


def wrapped(text: str, indent: str = "") -> Sequence[str]:
    """Return text in lines of at most 74 columns."""
    return _filled(text, indent, indent)


def paragraph(text: str) -> str:
    """Return running text, indented."""
    return "\n".join(wrapped(text, "    "))


# The same sentences stand in many receipts.
@lru_cache(1024)
def _filled(text: str, first: str, further: str) -> Sequence[str]:
    """Wrap `text` within the margin, the first line prefixed by `first`, others by `further`."""
    told = visible(text)
    if told and len(first) + len(told) <= WIDTH and told == told.strip():
        return (first + told,)  # The result of textwrap, ten times as fast.
    return tuple(
        textwrap.wrap(told, WIDTH, initial_indent=first, subsequent_indent=further, break_on_hyphens=False)
    )


def bullets(texts: Iterable[str]) -> str:
    """Return a list of points."""
    return "\n".join("\n".join(_filled(text, "    * ", "      ")) for text in texts)


def field(label: str, value: str) -> str:
    """Return a label with its value."""
    return "\n".join(_filled(value, f"    {label:<{_LABEL}}", " " * (4 + _LABEL)))


def digest_field(label: str, digest: str) -> str:
    """Return a 64-digit digest in two halves, for comparison by eye."""
    return f"    {label:<{_LABEL}}{digest[:32]}\n{' ' * (4 + _LABEL)}{digest[32:]}"


def chunks(label: str, value: str) -> str:
    """Return a value of any length cut at the margin. Values have no spaces, so a reader joins the pieces."""
    room = WIDTH - 4 - _LABEL
    cut = [value[at : at + room] for at in range(0, len(value), room)]
    lines = [f"    {label if at == 0 else '':<{_LABEL}}{piece}" for at, piece in enumerate(cut)]
    return "\n".join(lines)
