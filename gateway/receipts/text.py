"""A receipt for people: plain words first, then the details, then the proof.

Printable text, at most 74 columns, no line that starts with a hyphen or ends in a space, so that
clearsigning changes no line and any mail program or printer keeps it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from gateway.classify.findings import FINDINGS, describe
from gateway.home import shown_name
from gateway.model import Reason
from gateway.receipts.facts import Proof, ReceiptFacts, plain_reason, receipt_digest, receipt_object
from gateway.receipts.layout import (
    WIDTH,
    bullets,
    digest_field,
    field,
    paragraph,
    proof_lines,
    section,
    spoken,
    visible,
    wrapped,
)
from gateway.words import plain

__all__ = ["WIDTH", "render_statement", "render_text", "spoken", "text_digest", "visible"]

_NEXT_STEP_NEEDLESS = "Nothing needs doing."

_HEADLINES = {
    "landed": "Your file has ARRIVED.",
    "accepted": "Your file was ACCEPTED.",
    "held": "Your file is HELD: it waits.",
    "refused": "Your file was REFUSED.",
}
# Letters of which none is easily taken for another one; names in other scripts are told exactly as well.
_LATIN = re.compile(r"[ -~\u00c0-\u024f\u1e00-\u1eff]*")
_WITHDRAWN = {
    "held": "Your file is HELD: it was taken out of every mailbox.",
    "refused": "Your file was REFUSED after all: it is withdrawn for good.",
}
# What only the service at the door knows of a file.
_TOLD = {
    "name": "name",
    "folder": "folder",
    "landed_at": "time received",
    "size": "size",
    "sha256": "SHA-256",
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
    return f"{render_statement(facts)}\n\n{section('Proof', proof_lines(receipt_digest(facts), proof))}\n"


# It is made twice, for its digest and for the receipt itself.
@lru_cache(256)
def render_statement(facts: ReceiptFacts) -> str:
    """All of the text that stands above its proof, without a newline at its end."""
    sections = [
        _heading(facts),
        section("What happened", paragraph(_what_happened(facts))),
        section("Why", _reasons(facts)),
        section("What to do next", _next_steps(facts)),
        section("Please note", bullets(facts.notices)),
        section("The file", _file_details(facts)),
        section("What was found in it", _content_details(facts)),
        section("What to look at in your data", _findings(facts)),
    ]
    text = "\n\n".join(section for section in sections if section)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def text_digest(facts: ReceiptFacts) -> str:
    """The SHA-256 that the leaf of this receipt's stage may hold in its field `text`.

    It ties the wording a person reads to the log, as the field `receipt` ties the JSON.
    """
    return hashlib.sha256(render_statement(facts).encode()).hexdigest()


def _heading(facts: ReceiptFacts) -> str:
    return "\n".join(
        [
            *wrapped(f"Receipt from {facts.organisation}"),
            *wrapped(f"to {facts.provider_name}"),
            "",
            _headline(facts),
            "",
            field("File", shown_name(facts.name)),
            field("Reference", facts.reference),
            field("Received", spoken(facts.landed_at)),
            *([field("Decided", spoken(facts.decided_at))] if facts.decided_at else []),
        ]
    )


def _headline(facts: ReceiptFacts) -> str:
    return (_WITHDRAWN if facts.withdrawn else _HEADLINES)[facts.state]


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
    if facts.withdrawn:
        return f"Your file had been accepted and passed on.{known} It has been taken back, for this reason."
    if facts.state == "held":
        return (
            f"Your file has arrived and is safely stored.{known} It has not been passed on yet, for the "
            "reason below. Do not send it again unless you are asked to."
        )
    return "Your file arrived, but it was not taken, for the reason below. Nobody has been given it."


def _reasons(facts: ReceiptFacts) -> str:
    return reasons_told([plain_reason(reason) for reason in facts.reasons])


def reasons_told(shown: Sequence[Reason]) -> str:
    """Each reason with the clause it rests on."""
    blocks = [
        "\n".join(
            [paragraph(reason.sentence), paragraph(f"(agreement clause {reason.clause}; {reason.code})")]
        )
        for reason in shown
    ]
    return "\n\n".join(blocks)


def _next_steps(facts: ReceiptFacts) -> str:
    return next_steps([plain_reason(reason) for reason in facts.reasons])


def next_steps(shown: Sequence[Reason]) -> str:
    """What the reasons ask for, each step once."""
    steps = list(dict.fromkeys(reason.next_step for reason in shown))
    wanted = [step for step in steps if step != _NEXT_STEP_NEEDLESS] or steps
    return bullets(wanted or ["Nothing needs doing. Keep this receipt."])


def _file_details(facts: ReceiptFacts) -> str:
    name = shown_name(facts.name)
    exact = [] if _LATIN.fullmatch(name) else [field("Exact name", name.encode("unicode_escape").decode())]
    lines = [
        *exact,
        field("Sent by", f"{facts.provider_name} ({facts.provider})"),
        field("Put in folder", f"/{facts.folder}"),
        field("Size as sent", f"{facts.sealed_size} bytes"),
        digest_field("SHA-256 as sent", facts.sealed_sha256),
    ]
    lines.append(field("Told by intake", ", ".join(_TOLD[one] for one in facts.told_by_intake)))
    if facts.content_sha256 is not None:
        lines += [
            field("Size inside", f"{facts.content_size} bytes"),
            digest_field("SHA-256 inside", facts.content_sha256),
        ]
    if facts.salt:
        lines.append(field("Salt", facts.salt))
    if facts.signature is not None:
        lines += [
            field("Signed by", facts.signature.certificate),
            field("with key", facts.signature.signing_key),
            field("signed", spoken(facts.signature.created_at)),
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
    return "\n".join(field(label, str(value)) for label, value in pairs if value not in {None, ""})


def _findings(facts: ReceiptFacts) -> str:
    known = [finding for finding in facts.findings if finding.code in FINDINGS]
    more = len(facts.findings) - len(known)
    lines = [describe(replace(finding, about=plain(finding.about))) for finding in known]
    return bullets([*lines, *([f"Further kinds of fault: {more}."] if more else [])])


def _listed(values: object) -> str:
    assert isinstance(values, list)  # noqa: S101 - for the type checker
    return ", ".join(str(value) for value in values)


def _joined(values: list[object], by: str) -> str:
    return by.join(str(value) for value in values if value)
