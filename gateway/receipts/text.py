"""Write receipts as text for people: plain words first, then the details, then the proof.

Printable text, at most 74 columns, without lines starting with a hyphen or ending in a space: clearsigning
changes no line, and any mail program or printer preserves the text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Self, cast

from gateway.classify.findings import FINDINGS, describe
from gateway.home import shown_name
from gateway.log.leaf import canonical, rfc3339
from gateway.model import Decision, Reason
from gateway.policy.catalogue_schema import Catalogue
from gateway.reasons import is_withdrawn
from gateway.reasons.languages import Language, phrases_of_receipts, translate
from gateway.receipts.facts import STATED, Proof, ReceiptFacts, as_decided, in_language, plain_reason
from gateway.words import plain_but

if TYPE_CHECKING:
    from gateway.policy.decide import Declaration

FORMAT = "gateway-receipt/1"
WIDTH = 74
_LABEL = 16
_HALF = 32
"""Characters of a digest on one line: half of it, for comparison by eye."""
_PROOF = (
    "This receipt is recorded for good in the gateway's log, of which anyone can check that nothing was "
    "changed or taken out. Keep this file as it is, with the .json file of the same name. To check both: "
    "gateway receipts verify FILE. To check the signature on this text alone: gpg --verify FILE."
)


def visible(text: str) -> str:
    """Replace characters that cannot be seen by "?"; letters of any script stay.
    Control characters and marks of writing direction are replaced, so nobody can disguise a receipt.
    Letters with accents become single characters (NFC).
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in unicodedata.normalize("NFC", text))


def spoken(moment: datetime, zone: tzinfo = UTC) -> str:
    """Format a time in words, in a time zone: "1 May 2026 at 09:30:00 UTC"."""
    at = moment.astimezone(zone)
    return f"{at.day} {at:%B %Y at %H:%M:%S %Z}"


def notice_top(
    headline: str,
    organisation: str,
    provider_name: str,
    facts: Iterable[tuple[str, str]],
    language: Language,
) -> list[str]:
    """Return the first sections of a notice in a language: sender and addressee, headline, and facts.
    `facts` are pairs of an English label and a value.
    """
    heading = (f"Notice from {organisation}", f"to {provider_name}")
    return [
        "\n".join(filled(translate(line, language)) for line in heading),
        filled(translate(headline, language)),
        "\n".join(field(translate(label, language), value) for label, value in facts),
    ]


def paragraph(text: str) -> str:
    """Format running text, indented."""
    return filled(text, "    ", "    ")


# The same sentences stand in many receipts.
@lru_cache(1024)
def filled(text: str, first: str = "", further: str = "") -> str:
    """Wrap a text at 74 columns, with `first` before the first line and `further` before each other line."""
    told = visible(text)
    if told and len(first) + len(told) <= WIDTH and told == told.strip():
        return first + told  # As textwrap would do, but ten times as fast.
    return textwrap.fill(told, WIDTH, initial_indent=first, subsequent_indent=further, break_on_hyphens=False)


def bullets(texts: Iterable[str]) -> str:
    """Format texts as a list with bullets."""
    return "\n".join(filled(text, "    * ", "      ") for text in texts)


def field(label: str, value: str) -> str:
    """Return a line with a label and its value, aligned."""
    return filled(value, f"    {f'{label} ':<{_LABEL}}", " " * (4 + _LABEL))


def cut_field(label: str, value: str, width: int = WIDTH - 4 - _LABEL) -> str:
    """Format a label and a long value, cut into lines of `width` characters, which can be joined again."""
    cut = [value[at : at + width] for at in range(0, len(value), width)] or [""]
    lines = [f"    {f'{label} ' if at == 0 else '':<{_LABEL}}{piece}" for at, piece in enumerate(cut)]
    return "\n".join(lines)


_ABOVE_PROOF = "\n\nProof\n\n"
# Latin letters are hard to confuse. A name in other scripts is shown a second time, as escapes.
_LATIN = re.compile(r"[ -~\u00c0-\u024f\u1e00-\u1eff]*")
# What only intake can know, as named in the JSON and in the text.
_TOLD = {
    "name": "name",
    "folder": "folder",
    "landed_at": "time received",
    "size": "size",
    "sha256": "SHA-256",
}


@dataclass(frozen=True)
class Statement:
    """A receipt before its proof, in two forms: canonical JSON (RFC 8785), and text for people."""

    canonical: bytes
    text: str
    languages: tuple[Language, ...]

    @classmethod
    def of(
        cls, receipt: object, sections: Iterable[tuple[str, str]], languages: tuple[Language, ...]
    ) -> Self:
        """Make a statement from a receipt's JSON values and the sections of its text.
        A section is a title, or "", and a body. A section with an empty body is left out.
        """
        text = "\n\n".join(part for section in sections if section[1] for part in section if part)
        return cls(canonical(receipt), "\n".join(line.rstrip() for line in text.split("\n")), languages)

    @cached_property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of the JSON ("receipt") and of the text ("text"), as in the log's leaf."""
        forms = {"receipt": self.canonical, "text": self.text.encode()}
        return {name: hashlib.sha256(form).hexdigest() for name, form in forms.items()}

    def for_people(self, proof: Proof) -> str:
        """Return the receipt as text, to be clearsigned with the gateway's key. Ends in a newline.
        The proof stands at the end, with an explanation in each language.
        """
        body, _, signatures = proof.checkpoint.rpartition("\n\n")
        origin, size, root = body.split("\n")[:3]
        # Neither the em dash before a note's signature nor the name, which is the origin, is repeated.
        mark = f"— {origin} "
        signed = [line.removeprefix(mark) for line in signatures.splitlines() if line.startswith(mark)]
        lines = [
            *(line for language in self.languages for line in (paragraph(translate(_PROOF, language)), "")),
            cut_field("Record", self.digests["receipt"], _HALF),
            cut_field("Leaf", proof.leaf.decode()),
            field("Index", str(proof.index)),
            *(field("Hash", base64.b64encode(node).decode()) for node in proof.hashes),
            cut_field("Origin", origin),
            field("Size", size),
            field("Root", root),
            *(cut_field("Signed", line) for line in signed),
            cut_field("Log key", proof.log_key),
        ]
        return f"{self.text}{_ABOVE_PROOF}" + "\n".join([*lines, ""])

    def for_machines(self, proof: Proof, sign: Callable[[bytes], bytes]) -> str:
        """Return the receipt as JSON, one part on each line: receipt, proof, and the log key's signature.
        `sign` makes an Ed25519 signature (64 bytes) with the log key over the given bytes.
        """
        proof_parts = {
            "leaf": proof.leaf.decode(),
            "index": proof.index,
            "proof": [base64.b64encode(node).decode() for node in proof.hashes],
            "checkpoint": proof.checkpoint,
            "signature": base64.b64encode(sign(self.canonical)).decode(),
            "log_key": proof.log_key,
            "log_key_certificate": proof.log_key_certificate,
        }
        lines = [
            f'"format": "{FORMAT}"',
            f'"receipt": {self.canonical.decode()}',
            *(f'"{name}": {json.dumps(part, ensure_ascii=False)}' for name, part in proof_parts.items()),
        ]
        return "{\n" + ",\n".join(lines) + "\n}\n"


def receipt_statement(facts: ReceiptFacts) -> Statement:
    """Return the statement of a transfer's receipt."""
    languages = facts.wording.languages
    sections = (part for language in languages for part in _told_in(language, facts))
    return Statement.of(facts.shown, sections, languages)


def statement_in(signed: str) -> str:
    """Return the text above the proof in a signed receipt. ValueError for a text without a proof."""
    _, _, text = signed.partition("\n\n")
    statement, mark, _ = text.rpartition(_ABOVE_PROOF)
    if not mark:
        raise ValueError("no text of a receipt with its proof")
    return statement


def _told_in(language: Language, facts: ReceiptFacts) -> Iterator[tuple[str, str]]:
    """Yield title and text of each section of a receipt, in one language."""
    said, transfer, upload = phrases_of_receipts(language), facts.transfer, facts.transfer.upload
    reasons = as_decided(
        in_language(plain_reason(reason, facts.wording), language, facts.wording)
        for reason in transfer.reasons
    )
    withdrawn = transfer.state != "accepted" and is_withdrawn(transfer)  # Nearly every file is accepted.
    heading = [
        filled(said["heading"].format(organisation=facts.organisation)),
        filled(said["to"].format(provider=facts.provider.name)),
        "",
        said[f"withdrawn_{transfer.state}" if withdrawn else transfer.state],
        "",
        field(said["file"], shown_name(upload.name)),
        field(said["reference"], upload.reference),
        field(said["received"], translate(spoken(upload.landed_at), language)),
    ]
    if transfer.decided_at:
        heading.append(field(said["decided"], translate(spoken(transfer.decided_at), language)))
    yield "", "\n".join(heading)
    data_type, how = facts.shown["data_type"], said["recognised" if facts.shown["level"] else "placed"]
    kind = how.format(kind=facts.wording.name(str(data_type))) if data_type else ""
    teams = ", ".join(map(facts.wording.name, transfer.teams))
    if transfer.state == "landed":
        happened = said["has_landed"]
    elif transfer.state == "accepted" and upload.folder != "in":
        happened = said["drop_done"]
    else:
        phrase = said["was_withdrawn" if withdrawn else f"was_{transfer.state}"]
        happened = phrase.format(known=kind, passed=said["passed"].format(teams=teams) if teams else "")
    yield said["happened"], paragraph(happened)
    yield from reason_sections(reasons, said)
    yield said["note"], bullets(translate(notice, language) for notice in facts.notices)
    for title, lines in (
        ("The file", _file_details(facts)),
        ("What was found in it", _content_details(facts)),
    ):
        parts = (
            cut_field(translate(label, language), value, _HALF)
            if label.startswith("SHA-256")
            else field(translate(label, language), translate(value, language))
            for label, value in lines
        )
        yield translate(title, language), "\n".join(parts)

    tell = partial(translate, language=language)
    known = [finding for finding in facts.found.findings if finding.code in FINDINGS]
    shown = (replace(one, about=plain_but(one.about, facts.wording.own)) for one in known)
    more = len(facts.found.findings) - len(known)
    rest = [tell(f"Further kinds of fault: {more}.")] if more else []
    findings = bullets([*(describe(one, tell) for one in shown), *rest])
    yield tell("What to look at in your data"), findings


def reason_sections(reasons: Sequence[Reason], said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield two sections, each title and text: the reasons with their clauses, and the steps to take.
    `said` are the fixed phrases of receipts in the language of the reasons.
    """
    blocks = [
        "\n".join(
            [paragraph(reason.sentence), paragraph(f"({said['clause']} {reason.clause}; {reason.code})")]
        )
        for reason in reasons
    ]
    yield said["why"], "\n\n".join(blocks)
    steps = list(dict.fromkeys(reason.next_step for reason in reasons))
    wanted = [step for step in steps if step != said["nothing"]] or steps
    yield said["next"], bullets(wanted or [said["keep"]])


def _file_details(facts: ReceiptFacts) -> Iterator[tuple[str, str]]:
    transfer, upload = facts.transfer, facts.transfer.upload
    name = shown_name(upload.name)
    if not _LATIN.fullmatch(name):
        yield "Exact name", name.encode("unicode_escape").decode()
    yield "Sent by", f"{facts.provider.name} ({facts.provider.id})"
    yield "Put in folder", f"/{upload.folder}"
    yield "Size as sent", f"{upload.size} bytes"
    yield "SHA-256 as sent", upload.sha256
    by_intake = cast("list[str]", facts.shown["told_by_intake"])
    yield "Told by intake", ", ".join(_TOLD[one] for one in by_intake)
    if transfer.content_sha256 is not None:
        yield "Size inside", f"{transfer.content_size} bytes"
        yield "SHA-256 inside", transfer.content_sha256
    if facts.salt:
        yield "Salt", facts.salt
    if transfer.signature is not None:
        yield "Signed by", transfer.signature.certificate
        yield "with key", transfer.signature.signing_key
        yield "signed", spoken(transfer.signature.created_at)


def _content_details(facts: ReceiptFacts) -> Iterator[tuple[str, str]]:
    if facts.transfer.state == "landed":
        return
    shown = facts.shown
    stated = shown["facts"]
    assert isinstance(stated, dict)  # noqa: S101 - for the type checker
    level = f"({shown['level']})" if shown["level"] else ""
    lists = ("evidence", "items", "other_items")
    listed = {name: ", ".join(cast("list[str]", shown[name])) for name in lists}
    pairs = [
        ("Kind of data", " ".join(str(one) for one in (shown["data_type"], level) if one)),
        ("Judged by", listed["evidence"]),
        ("Could also be", shown["runner_up"]),
        ("Pupil records", facts.found.pupils),
        ("Schools", "; ".join(f"{name} ({number})".strip() for number, _, name in facts.schools)),
        *((STATED[key], value) for key, value in stated.items()),
        ("Data items", listed["items"]),
        ("Not in list", listed["other_items"]),
        ("Flow", facts.transfer.flow),
        ("Passed to", ", ".join(map(facts.wording.name, facts.transfer.teams))),
    ]
    yield from ((label, str(value)) for label, value in pairs if value not in {None, ""})


_RECORDED = "It is recorded under the reference above."
_SAID = {
    "accepted": (
        "This transfer is ALLOWED.",
        "The agreement allows this data to go this way, with what was confirmed below.",
    ),
    "held": ("This transfer must WAIT.", "It may not go yet, for the reason below."),
    "refused": (
        "This transfer is NOT ALLOWED.",
        (
            "The agreement does not allow it, for the reason below. If it has gone all the same, tell your "
            "data protection lead."
        ),
    ),
}
"""Headline and meaning of each decision."""


def declaration_statement(
    declaration: Declaration, decision: Decision, catalogue: Catalogue, *,
    title: str, reference: str, organisation: str, at: datetime,
) -> Statement:  # fmt: skip
    """Return the statement of the receipt of a declaration made `at` a moment, in the gateway's own words.
    `title`: the name of the data declared. Safeguards and circumstances are given in the sentences that the
    declarer confirmed.
    """
    provider, method, wording = declaration.provider, declaration.method, catalogue.wording
    way = catalogue.methods.find(method)
    told = {each.id: each.told for each in catalogue.methods.safeguard}
    asked = {each.id: each.question for each in catalogue.methods.circumstance}
    safeguards = [told[each] for each in sorted(declaration.safeguards & told.keys())]
    circumstances = [f"{asked[each]} Yes." for each in sorted(declaration.circumstances & asked.keys())]
    headline, meaning = _SAID[decision.state]
    details = {
        "Reference": reference,
        "Declared": spoken(at),
        "Declared for": f"{provider.name} ({provider.id})",
        "Data": f"{title} ({declaration.data})",
        "Method": f"{way.name if way else method} ({method})",
        "Goes": spoken(declaration.at),
    }
    sections: list[tuple[str, str]] = []
    for language in wording.languages:
        said, tell = phrases_of_receipts(language), partial(translate, language=language)
        to = filled(said["to"].format(provider=provider.name))
        sections += [
            ("", f"{filled(said['heading'].format(organisation=organisation))}\n{to}"),
            ("", tell(headline)),
            ("", "\n".join(field(tell(label), tell(value)) for label, value in details.items())),
            (tell("What it means"), paragraph(tell(f"{meaning} {_RECORDED}"))),
            *reason_sections([in_language(one, language, wording) for one in decision.reasons], said),
            (tell("What was said of the data"), bullets(map(tell, circumstances))),
            (tell("What was confirmed"), bullets(safeguards)),
        ]
    values: dict[str, object] = {"reference": reference, "provider": provider.id}
    values |= {"provider_name": provider.name, "organisation": organisation, "stage": "declared"}
    values |= {
        "state": decision.state,
        "declared_at": rfc3339(at),
        "goes_at": rfc3339(declaration.at),
        "method": method,
        "data": declaration.data,
        "flow": decision.flow,
        "safeguards": safeguards,
        "circumstances": circumstances,
        "reasons": [asdict(reason) for reason in decision.reasons],
    }
    return Statement.of(values, sections, wording.languages)
