"""The facts of a receipt, the canonical form signed and recorded, and the JSON for machines.

`ReceiptFacts` holds the gateway's knowledge of one transfer at one stage. `receipt_object` gives the facts as
JSON, with everything from the file reduced to known words (`words.plain`). The log's leaf for the stage holds
the SHA-256 of the object's canonical form. So receipt, leaf, inclusion proof and signed checkpoint prove each
other.

The JSON is an envelope around the receipt: the leaf of the log, the leaf's index and inclusion proof, the
signed checkpoint, an Ed25519 signature by the log's key over the receipt's canonical form, the log's key, and
the gateway's OpenPGP statement about the log's key. `verify_receipts.py` reads the JSON without any other
part of the package.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from itertools import repeat
from typing import Literal

from gateway.classify.findings import FINDINGS, shown_expected
from gateway.home import shown_name
from gateway.log.leaf import rfc3339
from gateway.model import Facts, Finding, Folder, Reason, Signature, State
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.policy.schema import CLAUSE
from gateway.reasons import OVERRIDING, REASONS, WITHDRAWN
from gateway.reasons.languages import Language, table, translate, translate_filled
from gateway.words import HIDDEN, plain, plain_but

# The placeholders of a reason's sentence that are filled with words from the file.
_FROM_FILES = frozenset({"found", "kind", "feature", "what"})
_IN_THE_MAKING = 256
_SCHOOL = ("number", "provider", "name")
_OF_REASON = [one.name for one in fields(Reason)]
# What a file states about itself, with the label shown to people.
STATED = {
    "la": "LA number",
    "establishment": "School number",
    "urn": "URN",
    "academic_year": "Academic year",
    "term": "Term",
    "reference_date": "Reference date",
    "latest_day": "Latest day",
    "key_stage": "Key stage",
    "software": "Made by",
}
# A file's statement is shown if it has this form. Of the other statements, known words are shown.
_FORMS = {
    "la": re.compile(r"\d{3}"),
    "establishment": re.compile(r"\d{4}"),
    "urn": re.compile(r"\d{6}"),
    "academic_year": re.compile(r"(?:19|20)\d\d(?:[-/](?:20)?\d\d)?"),
    "key_stage": re.compile(r"(?i)(?:ks ?)?[0-5]|eyfs?"),
}
_REFERENCE_DATE = timedelta(days=550)
"""A day stated further from the day of landing is not shown: it could be a pupil's date of birth."""
_CLAUSE = re.compile(CLAUSE)
_BLANK = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"\d{3}/?\d{4}|\d{3,4}|\d{6}|EY\d{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """The facts of a receipt. Sizes in bytes, digests and fingerprints lower-case hex, times aware.
    - `name`: the file's name as given by the sender. `organisation`: the local authority.
    - `schools`: of a sender with several schools, each school that the file is about, as number, provider id
      and name; id and name are "" for a school that is not enrolled.
    - `withheld`: the content was not kept, so size and digest are only what intake says.
    - `salt`: 32 random hexadecimal digits. The log holds a digest of the receipt for ever; without the salt
      nobody can confirm a guess at the receipt's contents.
    - `wording`: names used in the text for people; machines get the ids.
    """

    reference: str
    provider: str
    provider_name: str
    organisation: str
    name: str
    folder: Folder
    stage: Literal["landed", "decided"]
    state: State
    sealed_size: int
    sealed_sha256: str
    landed_at: datetime
    decided_at: datetime | None = None
    content_size: int | None = None
    content_sha256: str | None = None
    signature: Signature | None = None
    data_type: str | None = None
    level: str | None = None
    evidence: tuple[str, ...] = ()
    runner_up: str | None = None
    pupils: int | None = None
    facts: Facts = field(default_factory=Facts)
    findings: tuple[Finding, ...] = ()
    items: tuple[str, ...] = ()
    other_items: tuple[str, ...] = ()
    flow: str | None = None
    teams: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    notices: tuple[str, ...] = ()
    schools: tuple[tuple[str, str, str], ...] = ()
    withheld: bool = False
    salt: str = ""
    wording: Wording = UNNAMED

    @property
    def withdrawn(self) -> bool:
        """True if people withdrew the file after its delivery."""
        return self.state != "accepted" and any(reason.code in WITHDRAWN for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The proof of a receipt's leaf in the log. `leaf` is the leaf's bytes, `hashes` the inclusion proof.
    `checkpoint`: the signed head at the end of the proof. `log_key`: the verifier key of the checkpoint.
    `log_key_certificate`: the gateway's clearsigned statement about the log's key.
    """

    leaf: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    log_key: str
    log_key_certificate: str


# One receipt needs this object several times: for its JSON, and for parts of its text.
@lru_cache(_IN_THE_MAKING)
def receipt_object(facts: ReceiptFacts) -> Mapping[str, object]:
    """Return the receipt as JSON values: strings, whole numbers, None, lists and objects.
    Words from inside the file are shown only if known, or part of the authority's own wording.
    """
    signature, shown = facts.signature, partial(plain_but, own=facts.wording.own)
    reasons = map(plain_reason, facts.reasons, repeat(facts.wording))
    return {
        "reference": facts.reference,
        "provider": facts.provider,
        "provider_name": facts.provider_name,
        "organisation": facts.organisation,
        "name": shown_name(facts.name),
        "folder": facts.folder,
        "stage": facts.stage,
        "state": facts.state,
        "flow": facts.flow,
        "teams": list(facts.teams),
        "sha256": facts.sealed_sha256,
        "size": facts.sealed_size,
        "content_sha256": facts.content_sha256,
        "content_size": facts.content_size,
        "signer": signature.certificate if signature else None,
        "signing_key": signature.signing_key if signature else None,
        "signed_at": rfc3339(signature.created_at) if signature else None,
        "landed_at": rfc3339(facts.landed_at),
        "decided_at": rfc3339(facts.decided_at) if facts.decided_at else None,
        "reasons": [{name: getattr(reason, name) for name in _OF_REASON} for reason in as_decided(reasons)],
        "data_type": shown(facts.data_type) if facts.data_type else None,
        "level": plain(facts.level) if facts.level else None,
        "evidence": [shown(line) for line in facts.evidence],
        "runner_up": shown(facts.runner_up) if facts.runner_up else None,
        "pupils": facts.pupils,
        "facts": _facts_shown(facts.facts, facts.landed_at.date()),
        "findings": [
            {
                "code": plain(finding.code),
                "about": shown(finding.about),
                "sentence": FINDINGS[finding.code].sentence if finding.code in FINDINGS else None,
                "severity": finding.severity,
                "count": finding.count,
                "rows": list(finding.rows),
                **({"expected": expected} if (expected := shown_expected(finding)) else {}),
            }
            for finding in facts.findings
        ],
        "items": [shown(item) for item in facts.items],
        "other_items": [shown(item) for item in facts.other_items],
        "notices": list(facts.notices),
        # What the inside zone cannot verify.
        "told_by_intake": ["name", "folder", "landed_at", *(("size", "sha256") if facts.withheld else ())],
        **(
            {"schools": [dict(zip(_SCHOOL, one, strict=True)) for one in facts.schools]}
            if facts.schools
            else {}
        ),
        **({"salt": facts.salt} if facts.salt else {}),
    }


def _facts_shown(stated: Facts, landed: date) -> dict[str, str | None]:
    """Return as text, by name, the statements of a file about itself: one for each name in `STATED`.
    None for a statement missing in the file, or in an unexpected form.
    """
    shown: dict[str, str | None] = {}
    for name in STATED:
        said, form = getattr(stated, name), _FORMS.get(name)
        if isinstance(said, date):
            shown[name] = said.isoformat() if abs(said - landed) <= _REFERENCE_DATE else None
        elif form is not None:
            shown[name] = said if said is not None and form.fullmatch(said) else None
        else:
            shown[name] = plain(said) if said else None
    return shown


@lru_cache(_IN_THE_MAKING)
def plain_reason(reason: Reason, wording: Wording = UNNAMED) -> Reason:
    """Return a reason without private text: of a file's words only school numbers and known words stay.
    If a sentence does not fit the template of its code, the template is shown with all blanks hidden.
    """
    template = REASONS.get(reason.code)
    clause = reason.clause if _CLAUSE.fullmatch(reason.clause) else HIDDEN
    if template is None:
        return Reason(code=reason.code, clause=clause, sentence=HIDDEN, next_step=HIDDEN)
    return Reason(
        code=reason.code,
        clause=clause,
        sentence=_plain_blanks(template.sentence, reason.sentence, wording),
        next_step=_plain_blanks(template.next_step, reason.next_step, wording),
    )


@lru_cache(_IN_THE_MAKING)
def in_language(shown: Reason, language: Language, wording: Wording) -> Reason:
    """Translate a reason made by `plain_reason`. A sentence without a translation stays in English."""
    template = REASONS.get(shown.code)
    if language == "en" or template is None:
        return shown
    theirs, terms = table(language).get(shown.code), wording.terms.get(language, {})
    into = theirs or (shown.sentence, shown.next_step)
    ours = ((shown.sentence, template.sentence), (shown.next_step, template.next_step))
    sentence, next_step = (
        translate_filled(said, own, their, language, terms) or translate(said, language)
        for (said, own), their in zip(ours, into, strict=True)
    )
    return replace(shown, sentence=sentence, next_step=next_step)


def _plain_blanks(template: str, filled: str, wording: Wording) -> str:
    """Fill the blanks of a template with the words of the sentence `filled`, reduced to known words."""
    pieces = _BLANK.split(template)
    pattern = "".join("(.*)" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
    found = re.fullmatch(pattern, filled, re.DOTALL)
    values = iter(found.groups() if found else ())

    def value(blank: re.Match[str]) -> str:
        said = next(values, HIDDEN)
        is_plain = blank[1] not in _FROM_FILES or _NUMBER.fullmatch(said)
        return said if is_plain else plain_but(said, wording.own)

    return _BLANK.sub(value, template)


def as_decided(reasons: Iterable[Reason]) -> list[Reason]:
    """Return the reasons of a decision as shown to people.
    If one of them is a person's decision, each later reason, which the decision overrides, gets its next
    step.
    """
    told = list(reasons)
    for at, one in enumerate(told):
        if one.code in OVERRIDING:
            return [*told[:at], *(replace(each, next_step=one.next_step) for each in told[at:])]
    return told


def log_key_statement(organisation: str, vkey: str) -> str:
    """Return the text, to be signed with the gateway's OpenPGP key, that declares `vkey` the log's key."""
    return f"The gateway of {organisation} signs its log and its receipts with this key:\n\nlog-key: {vkey}\n"
