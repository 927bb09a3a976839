"""The facts of a receipt, the canonical form signed and recorded, and the JSON for machines.

`ReceiptFacts` holds the gateway's knowledge of one transfer at one stage, and `ReceiptFacts.shown` gives it
as JSON, with everything from the file reduced to known words (`words.plain`). The log's leaf for the stage
holds the SHA-256 of the object's canonical form. So receipt, leaf, inclusion proof and signed checkpoint
prove each other.

The JSON is an envelope around the receipt: the leaf of the log, the leaf's index and inclusion proof, the
signed checkpoint, an Ed25519 signature by the log's key over the receipt's canonical form, the log's key, and
the gateway's OpenPGP statement about the log's key. `verify_receipts.py` reads the JSON without any other
part of the package.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache, partial
from itertools import repeat

from gateway.classify.findings import FINDINGS, shown_expected
from gateway.home import shown_name
from gateway.log.leaf import rfc3339
from gateway.model import Classified, Facts, Provider, Reason, Transfer
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.policy.schema import CLAUSE
from gateway.reasons import OVERRIDING, REASONS
from gateway.reasons.languages import Language, table, translate, translate_filled
from gateway.words import HIDDEN, plain, plain_but

# The placeholders of a reason's sentence that are filled with words from the file.
_FROM_FILES = frozenset({"found", "kind", "feature", "what"})
_IN_THE_MAKING = 256
_SCHOOL = ("number", "provider", "name")
_NOTHING = Classified(data_type="", level="certain", evidence=(), format="", extension="")
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


@dataclass(frozen=True, kw_only=True)
class ReceiptFacts:
    """The facts of a receipt: a transfer in the present state, the provider, and further facts.
    - `organisation`: the local authority. `notices`: sentences for the receipt's end.
    - `schools`: of a sender with several schools, each school concerned, as number, provider id
      and name; id and name are "" for a school that is not enrolled.
    - `salt`: 32 random hexadecimal digits, in every receipt issued. The log holds a digest of the receipt for
      ever; without the salt nobody can confirm a guess at the receipt's contents.
    - `wording`: names used in the text for people; machines get the ids.
    """

    transfer: Transfer
    provider: Provider
    organisation: str
    notices: tuple[str, ...] = ()
    schools: tuple[tuple[str, str, str], ...] = ()
    salt: str = ""
    wording: Wording = UNNAMED

    @property
    def found(self) -> Classified:
        """The recognised content of the file; an empty one if nothing was recognised."""
        content = self.transfer.content
        return content if isinstance(content, Classified) else _NOTHING

    @cached_property
    def shown(self) -> Mapping[str, object]:
        """The receipt as JSON values: strings, whole numbers, None, lists and objects.
        Words from inside the file are shown only if known, or part of the authority's own wording.
        """
        transfer, upload, found = self.transfer, self.transfer.upload, self.found
        content, signature = transfer.content, transfer.signature
        shown = partial(plain_but, own=self.wording.own)
        reasons = as_decided(map(plain_reason, transfer.reasons, repeat(self.wording)))
        by_intake = ["name", "folder", "landed_at", *(("size", "sha256") if upload.withheld else ())]
        schools = [dict(zip(_SCHOOL, one, strict=True)) for one in self.schools]
        return {
            "reference": upload.reference,
            "provider": self.provider.id,
            "provider_name": self.provider.name,
            "organisation": self.organisation,
            "name": shown_name(upload.name),
            "folder": upload.folder,
            "stage": "landed" if transfer.state == "landed" else "decided",
            "state": transfer.state,
            "flow": transfer.flow,
            "teams": list(transfer.teams),
            "sha256": upload.sha256,
            "size": upload.size,
            "content_sha256": transfer.content_sha256,
            "content_size": transfer.content_size,
            "signer": signature.certificate if signature else None,
            "signing_key": signature.signing_key if signature else None,
            "signed_at": rfc3339(signature.created_at) if signature else None,
            "landed_at": rfc3339(upload.landed_at),
            "decided_at": rfc3339(transfer.decided_at) if transfer.decided_at else None,
            "reasons": [{name: getattr(reason, name) for name in _OF_REASON} for reason in reasons],
            "data_type": shown(transfer.data_type) if transfer.data_type else None,
            # A person's statement of the type has no measure of certainty.
            "level": plain(found.level) if transfer.data_type == found.data_type else None,
            "evidence": [shown(line) for line in content.evidence] if content else [],
            "runner_up": shown(content.runner_up) if content and content.runner_up else None,
            "pupils": found.pupils,
            "facts": _facts_shown(found.facts, upload.landed_at.date()),
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
                for finding in found.findings
            ],
            "items": [shown(item) for item in found.items],
            "other_items": [shown(item) for item in found.other_items],
            "notices": list(self.notices),
            "told_by_intake": by_intake,  # What the inside zone cannot verify.
            **({"schools": schools} if schools else {}),
            **({"salt": self.salt} if self.salt else {}),
        }


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
