"""Hold the texts of every reason code: a sentence for a school secretary, and the next step.

The English texts are in en.toml beside this module, those of other languages in tables of their own. The
policies give the clause of the agreement for each reason. `docs/reasons.md` is generated from this package.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from gateway.model import NamedSchool, Reason, State, Transfer, Unlisted, counted

RestsOn = Literal["the code", "the flow", "the group of items", "the method", "the safeguard"]


@dataclass(frozen=True, slots=True)
class Template:
    """The texts of a reason code, with blanks in braces: a sentence and the next step.
    `rests_on`: the part of the policies that gives the reason's clause; for "the code", reasons.toml gives
    the clause. `officer`: a few words for the authority's lists on why a file is held; "" for codes that hold
    no file. `of_content`: True for an objection to what a file holds, not to its sender or the day.
    `needs_nobody`: True if nobody has to do anything about the reason, even where a hold has it.
    """

    sentence: str
    next_step: str
    rests_on: RestsOn = "the code"
    officer: str = ""
    of_content: bool = False
    needs_nobody: bool = False


REASONS: dict[str, Template] = {
    code: Template(**entry)
    for code, entry in tomllib.loads(files("gateway.reasons").joinpath("en.toml").read_text("utf-8")).items()
}

RETURNED, SENT_BACK = "person:returned", "sent back with advice"
"""The reason code of a file a person has sent back with advice, and the words for that outcome."""
UNDECIDED = "not decided yet"
"""The words for the outcome of a file that landed and waits for the processor."""
UNKNOWN_LOGIN = "open:unknown-login"
WITHDRAWN_BY_ONE = "person:withdrawn"
WITHDRAWN = frozenset({WITHDRAWN_BY_ONE, "person:withdrawn-for-good"})
"""The reason codes of a withdrawn file: withdrawn by one person so far, or for good."""

STEPS = {
    "landed": "arrived",
    "decided": "decided by the policies",
    "delivered": "delivered to a team",
    "collected": "downloaded",
    "opened": "opened as a whole",
    "dealt-with": "marked as dealt with",
    "restored": "put back",
    "judged-anew": "read again by other rules: still held",
    "release-proposed": "release proposed",
    "act-proposed": "recall asked for",
}
"""Steps of a file in words; others are told by their names."""

OVERRIDING = frozenset({"person:released-against-policy", "person:redelivered"})
"""The codes of decisions by which people override the agreement; the overridden reason follows the code."""

DESKS = {"desk": "data team", "governance": "information governance team"}
"""Names of the teams a reason tells a provider to ask, where the policies give none."""
_COMMON = {
    **DESKS,
    "service": "Send it through the service it belongs to.",
    "instead": "Take that out of the export and send the file again.",
}
"""The values of blanks that a reason may leave out."""


def step_in_words(kind: str, reasons: str | None) -> str:
    """Return words for a log entry of a `kind`; `reasons` are the reason codes in the entry, if any."""
    return SENT_BACK if RETURNED in (reasons or "") else STEPS.get(kind, kind.replace("-", " "))


def sentence_and_step(code: str, **detail: str | int) -> tuple[str, str]:
    """Return the sentence and the next step of a reason code, with their blanks filled from `detail`.

    Raises KeyError for an unknown code, and for a blank without a value.
    """
    template, detail = REASONS[code], {**_COMMON, **detail}
    return template.sentence.format(**detail), template.next_step.format(**detail)


def is_withdrawn(transfer: Transfer) -> bool:
    """Return True for a file that was passed on and then withdrawn, for good or until a second decision."""
    return transfer.state != "accepted" and any(why.code in WITHDRAWN for why in transfer.reasons)


def waits_for_second(transfer: Transfer) -> bool:
    """Return True for a file that one person withdrew, if a second person has not decided on it yet."""
    return transfer.state == "held" and any(why.code == WITHDRAWN_BY_ONE for why in transfer.reasons)


def outcome_of(state: State, reasons: Iterable[Reason]) -> str:
    """Return the outcome of a file in words: its state, "not decided yet", or "sent back with advice"."""
    returned = state == "refused" and any(why.code == RETURNED for why in reasons)
    return SENT_BACK if returned else UNDECIDED if state == "landed" else state


def for_officers(reasons: Iterable[Reason]) -> str:
    """Return a few words for officers on why a file is held, or else the sentence of the first reason."""
    reasons = list(reasons)
    known = (REASONS.get(one.code) for one in reasons)
    words = dict.fromkeys(one.officer for one in known if one is not None and one.officer)
    return "; ".join(words or [one.sentence for one in reasons[:1]])


def in_officers_words(code: str) -> str:
    """Return the few words for officers of a reason code, else its sentence, else the code itself.

    A sentence with blanks is not used, because the blanks of a code alone have no values.
    """
    template = REASONS.get(code)
    if template is None or ("{" in template.sentence and not template.officer):
        return code
    return template.officer or template.sentence.rstrip(".")


def to_officer(reason: Reason) -> str:
    """Return a reason in words for officers, without a full stop. The words are the reason's sentence if its
    template has blanks, else the template's few words for officers, if any.
    """
    template = REASONS.get(reason.code)
    told = reason.sentence if template is None or "{" in template.sentence else template.officer
    return (told or reason.sentence).rstrip(".")


def unlisted_in_words(one: Unlisted) -> str:
    """Describe a column or element unknown to the file's data type: place, heading, kind of its values."""
    place = f"{one.place} {one.position}" if one.position else "above the table"
    name = f" ({one.header})" if one.header else ""
    why = one.topic and f", sensitive: {one.topic}"
    grades = one.assessment and f", {one.assessment} grades"
    return f"{place}{name}: {one.kind}, filled {counted(one.filled, 'time')}{why}{grades}"


def school_in_words(one: NamedSchool) -> str:
    """Describe a school in a file: the numbers that name the school, and the count of records."""
    marks = ("dfe_number", "urn", "establishment", "centre")
    said = [f"{mark.replace('_', ' ')} {value}" for mark in marks if (value := getattr(one, mark))]
    named = ", ".join(said) or (f"name {one.name}" if one.name else "no school")
    return f"{'further schools' if one.further else named}: {counted(one.records, 'record')}"


def documented() -> str:
    """Return the text of docs/reasons.md, a page about every reason code."""
    lines = [
        "# Reason codes",
        "",
        "Every outcome names its reasons by these codes, which never change their meaning. Words in braces",
        "are filled in. The clause of a code stands in `policies/reasons.toml`, that of a flow, a group of",
        "items, a method or a safeguard with it. This page is generated by `make docs`.",
    ]
    for code, template in REASONS.items():
        rests_on = f"Rests on the clause of {template.rests_on}."
        officer = f"In the authority's lists: {template.officer}." if template.officer else ""
        step = template.next_step
        for blank in ("service", "instead"):
            step = step.replace(f"{{{blank}}}", _COMMON[blank])
        paragraphs = (f"## {code}", rests_on, template.sentence, step, officer)
        lines += [line for paragraph in paragraphs if paragraph for line in ("", paragraph)]
    return "\n".join(lines) + "\n"
