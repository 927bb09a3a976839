"""A receipt for people: plain words first, then the details, then the proof.

Printable ASCII, at most 74 columns, no line that starts with a hyphen or ends in a space, so that
clearsigning changes no line and any mail program or printer keeps it.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from gateway.classify.findings import FINDINGS, describe
from gateway.home import shown_name
from gateway.receipts.facts import Proof, ReceiptFacts, plain_reason, receipt_digest, receipt_object
from gateway.receipts.words import plain

WIDTH = 74
_LABEL = 16
_NEXT_STEP_NEEDLESS = "Nothing needs doing."

_HEADLINES = {
    "landed": "Your file has ARRIVED.",
    "accepted": "Your file was ACCEPTED.",
    "held": "Your file is HELD: it waits.",
    "refused": "Your file was REFUSED.",
}
# What a file says of itself: labels for people.
STATED = {
    "la": "LA number",
    "establishment": "School number",
    "urn": "URN",
    "academic_year": "Academic year",
    "term": "Term",
    "reference_date": "Reference date",
    "key_stage": "Key stage",
    "software": "Made by",
}


def render_text(facts: ReceiptFacts, proof: Proof) -> str:
    """The receipt as text, to be clearsigned with the gateway's OpenPGP key. Ends in a newline."""
    return f"{render_statement(facts)}\n\n{_section('Proof', _proof(facts, proof))}\n"


# It is made twice, for its digest and for the receipt itself.
@lru_cache(256)
def render_statement(facts: ReceiptFacts) -> str:
    """All of the text that stands above its proof, without a newline at its end."""
    sections = [
        _heading(facts),
        _section("What happened", _paragraph(_what_happened(facts))),
        _section("Why", _reasons(facts)),
        _section("What to do next", _next_steps(facts)),
        _section("Please note", _bullets(facts.notices)),
        _section("The file", _file_details(facts)),
        _section("What was found in it", _content_details(facts)),
        _section("What to look at in your data", _findings(facts)),
    ]
    text = "\n\n".join(section for section in sections if section)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def text_digest(facts: ReceiptFacts) -> str:
    """The SHA-256 that the leaf of this receipt's stage may hold in its field `text`.

    It ties the wording a person reads to the log, as the field `receipt` ties the JSON.
    """
    return hashlib.sha256(render_statement(facts).encode()).hexdigest()


def ascii_shown(text: str) -> str:
    """`text` in printable ASCII: accents fall off, what has no plain letter becomes "?"."""
    if text.isascii() and text.isprintable():
        return text
    split = unicodedata.normalize("NFKD", text)
    letters = (c for c in split if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in letters)


def spoken(moment: datetime) -> str:
    """A time as a person writes it, in UTC."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y at %H:%M:%S} UTC"


def _heading(facts: ReceiptFacts) -> str:
    return "\n".join(
        [
            *_wrapped(f"Receipt from {facts.organisation}"),
            *_wrapped(f"to {facts.provider_name}"),
            "",
            _HEADLINES[facts.state],
            "",
            _field("File", shown_name(facts.name)),
            _field("Reference", facts.reference),
            _field("Received", spoken(facts.landed_at)),
            *([_field("Decided", spoken(facts.decided_at))] if facts.decided_at else []),
        ]
    )


def _what_happened(facts: ReceiptFacts) -> str:
    if facts.state == "landed":
        return (
            "Your file reached the gateway and is safely stored, byte for byte as you sent it. It has not "
            "been opened yet. A second receipt will say what was decided."
        )
    found = receipt_object(facts)["data_type"]
    known = f" It was recognised, by its content, as {found}." if found else ""
    if facts.state == "accepted" and facts.folder != "in":
        return "What you sent was looked at, and what follows from it is done. It was passed to nobody."
    if facts.state == "accepted":
        passed = f" It was passed to: {', '.join(facts.teams)}." if facts.teams else ""
        return f"Your file was opened and its signature is yours.{known}{passed}"
    if facts.state == "held":
        return (
            f"Your file has arrived and is safely stored.{known} It has not been passed on yet, for the "
            "reason below. Do not send it again unless you are asked to."
        )
    return "Your file arrived, but it was not taken, for the reason below. Nobody has been given it."


def _reasons(facts: ReceiptFacts) -> str:
    shown = [plain_reason(reason) for reason in facts.reasons]
    blocks = [
        "\n".join(
            [_paragraph(reason.sentence), _paragraph(f"(agreement clause {reason.clause}; {reason.code})")]
        )
        for reason in shown
    ]
    return "\n\n".join(blocks)


def _next_steps(facts: ReceiptFacts) -> str:
    steps = list(dict.fromkeys(plain_reason(reason).next_step for reason in facts.reasons))
    wanted = [step for step in steps if step != _NEXT_STEP_NEEDLESS] or steps
    return _bullets(wanted or ["Nothing needs doing. Keep this receipt."])


def _file_details(facts: ReceiptFacts) -> str:
    name, shown = shown_name(facts.name), ascii_shown(shown_name(facts.name))
    exact = [] if name == shown else [_field("Exact name", name.encode("unicode_escape").decode())]
    lines = [
        *exact,
        _field("Sent by", f"{facts.provider_name} ({facts.provider})"),
        _field("Put in folder", f"/{facts.folder}"),
        _field("Size as sent", f"{facts.sealed_size} bytes"),
        _digest_field("SHA-256 as sent", facts.sealed_sha256),
    ]
    if facts.content_sha256 is not None:
        lines += [
            _field("Size inside", f"{facts.content_size} bytes"),
            _digest_field("SHA-256 inside", facts.content_sha256),
        ]
    if facts.signature is not None:
        lines += [
            _field("Signed by", facts.signature.certificate),
            _field("with key", facts.signature.signing_key),
            _field("signed", spoken(facts.signature.created_at)),
        ]
    return "\n".join(lines)


def _content_details(facts: ReceiptFacts) -> str:
    if facts.state == "landed":
        return ""
    shown = receipt_object(facts)
    stated = shown["facts"]
    assert isinstance(stated, dict)  # noqa: S101 - for the type checker
    pairs = [
        (
            "Kind of data",
            _joined([shown["data_type"], f"({shown['level']})" if shown["level"] else None], " "),
        ),
        ("Judged by", _listed(shown["evidence"])),
        ("Could also be", shown["runner_up"]),
        ("Pupil records", facts.pupils),
        *((STATED[key], value) for key, value in stated.items()),
        ("Data items", _listed(shown["items"])),
        ("Not in list", _listed(shown["other_items"])),
        ("Flow", facts.flow),
        ("Passed to", ", ".join(facts.teams)),
    ]
    return "\n".join(_field(label, str(value)) for label, value in pairs if value not in {None, ""})


def _findings(facts: ReceiptFacts) -> str:
    known = [finding for finding in facts.findings if finding.code in FINDINGS]
    more = len(facts.findings) - len(known)
    lines = [describe(replace(finding, about=plain(finding.about))) for finding in known]
    return _bullets([*lines, *([f"Further kinds of fault: {more}."] if more else [])])


def _proof(facts: ReceiptFacts, proof: Proof) -> str:
    body, _, signatures = proof.checkpoint.rpartition("\n\n")
    origin, size, root = body.split("\n")[:3]
    # Neither the em dash before a note's signature nor the name, which is the origin, is repeated.
    mark = f"— {origin} "
    signed = [line.removeprefix(mark) for line in signatures.splitlines() if line.startswith(mark)]
    return "\n".join(
        [
            _paragraph(
                "This receipt is recorded for good in the gateway's log, of which anyone can check that "
                "nothing was changed or taken out. Keep this file as it is, with the .json file of the "
                "same name. To check both: gateway receipts verify FILE. To check the signature on this "
                "text alone: gpg --verify FILE."
            ),
            "",
            _digest_field("Record", receipt_digest(facts)),
            _chunks("Leaf", proof.leaf.decode()),
            _field("Index", str(proof.index)),
            *(_field("Hash", base64.b64encode(node).decode()) for node in proof.hashes),
            _chunks("Origin", origin),
            _field("Size", size),
            _field("Root", root),
            *(_chunks("Signed", line) for line in signed),
            _chunks("Log key", proof.log_key),
        ]
    )


def _section(title: str, body: str) -> str:
    return f"{title}\n\n{body}" if body else ""


def _wrapped(text: str, indent: str = "") -> list[str]:
    return _filled(text, indent, indent)


def _paragraph(text: str) -> str:
    return "\n".join(_wrapped(text, "    "))


# The same sentences stand in many receipts.
@lru_cache(1024)
def _filled_once(text: str, first: str, further: str) -> tuple[str, ...]:
    return tuple(
        textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=further, break_on_hyphens=False)
    )


def _filled(text: str, first: str, further: str) -> list[str]:
    """`text` in lines within the margin, of which the first begins with `first`, others with `further`."""
    shown = ascii_shown(text)
    if shown and len(first) + len(shown) <= WIDTH and shown == shown.strip():
        return [first + shown]  # As textwrap would have it, ten times as fast.
    return list(_filled_once(shown, first, further))


def _bullets(texts: Iterable[str]) -> str:
    return "\n".join("\n".join(_filled(text, "    * ", "      ")) for text in texts)


def _field(label: str, value: str) -> str:
    return "\n".join(_filled(value, f"    {label:<{_LABEL}}", " " * (4 + _LABEL)))


def _digest_field(label: str, digest: str) -> str:
    """A 64-digit digest in two halves, so that it can be compared by eye."""
    return f"    {label:<{_LABEL}}{digest[:32]}\n{' ' * (4 + _LABEL)}{digest[32:]}"


def _chunks(label: str, value: str) -> str:
    """A value without a length limit, cut at the margin. It holds no spaces, so a reader joins the pieces."""
    room = WIDTH - 4 - _LABEL
    cut = [value[at : at + room] for at in range(0, len(value), room)]
    lines = [f"    {label if at == 0 else '':<{_LABEL}}{piece}" for at, piece in enumerate(cut)]
    return "\n".join(lines)


def _listed(values: object) -> str:
    assert isinstance(values, list)  # noqa: S101 - for the type checker
    return ", ".join(str(value) for value in values)


def _joined(values: list[object], by: str) -> str:
    return by.join(str(value) for value in values if value)
