"""Write the record of a breach of personal data for the ICO (UK GDPR Article 33).

The record has the facts the gateway knows, and marks those to be filled in by people. It has
references, counts and words of the agreement, but no file names (a name may be a pupil's), and of the files
only the labels of data items.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from gateway.model import LogStep, counted
from gateway.policy.small_schemas import BreachFile, WhoIsTold
from gateway.reasons import step_in_words
from gateway.receipts.text import spoken
from gateway.reports.document import (
    Block,
    Details,
    Document,
    Paragraph,
    Points,
    ReportTable,
    Section,
    table_or,
)
from gateway.reports.report import TransferAccount, outcome_in_words

TO_FILL = "[to be filled in]"
_SHOWN = 8  # Entries of each list in the summary.

Nature = Literal["confidentiality", "integrity", "availability"]
_NATURES: dict[Nature, str] = {
    "confidentiality": "confidentiality: personal data was seen by, or given to, somebody it was not for",
    "integrity": "integrity: personal data was changed without authority",
    "availability": "availability: personal data was lost or could not be reached",
}


class BreachStatement(BaseModel):
    """A person's statement about a breach, from which the files concerned are found. No text names a pupil.

    `transfers`: references. `staff`: names of accounts. `keys`: fingerprints or their unique beginnings. The
    breach concerns the files touched by the staff or keys from `since` to before `until`; if no staff, keys
    or transfers are named, all files of the time. Times are aware.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aware_at: datetime
    transfers: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    natures: tuple[Nature, ...] = ()
    what: str = ""
    measures: tuple[str, ...] = ()
    contact: str = ""
    governance: str = ""
    notified_at: datetime | None = None

    @property
    def notify_by(self) -> datetime:
        """The moment until which the ICO must be notified: nights, week-ends and holidays count."""
        return self.aware_at + timedelta(hours=72)  # Article 33(1).


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """The facts of a breach: the statement of a person (`told`), and the facts in the registry.

    `accounts`: the facts of each transfer concerned. `keys`: owner, kind, fingerprint and state of each key
    concerned. `zone`: the authority's time zone.
    """

    number: int
    organisation: str
    told: BreachStatement
    accounts: tuple[TransferAccount, ...] = ()
    keys: tuple[tuple[str, str, str, str], ...] = ()
    zone: str = "UTC"

    def spoken(self, moment: datetime) -> str:
        """Return a moment in words, in the authority's time zone."""
        return spoken(moment, ZoneInfo(self.zone))


def breach_report(breach: Breach, policy: BreachFile, now: datetime) -> Document:
    """Return the record of a breach as known at `now`, by breach.toml (`policy`).
    It has about two pages for any breach; the annex lists each provider, opening, log entry and transfer.
    """
    items = set(_data_items(breach))
    likely = [one.text for one in policy.consequence if not items.isdisjoint(one.items)]
    ended = tuple(
        f"The {kind} key {fingerprint} of {owner} is {state}."
        for owner, kind, fingerprint, state in breach.keys
        if state in {"revoked", "retired"}
    )
    keys = table_or(("Owner", "Kind", "Fingerprint", "State"), breach.keys, "None named.")
    sections = (
        Section("The 72 hours", _clock(breach, now)),
        Section("Nature of the breach (Article 33(3)(a))", _nature(breach)),
        Section("Whose data, and how much (Article 33(3)(a))", (*_scale(breach), *_by_kind(breach))),
        Section("Kinds of data (Article 33(3)(a))", _kinds(breach, policy)),
        Section("Contact (Article 33(3)(b))", (Details((("Contact", breach.told.contact or TO_FILL),)),)),
        Section(
            "Likely consequences (Article 33(3)(c))",
            (Points((*likely, f"To be judged by a person: {TO_FILL}")),),
        ),
        Section("Measures (Article 33(3)(d))", (Points((*breach.told.measures, *ended) or (TO_FILL,)),)),
        Section("Who must be told", _to_tell(breach, policy.tell)),
        Section("Who had access", _access(breach)),
        Section("Keys concerned", keys),
        Section("Timeline, in short", _timeline_in_short(breach)),
    )
    made = f"{breach.organisation}. Record made {breach.spoken(now)}."
    return Document(
        f"Personal data breach {breach.number}",
        f"{made} It holds no pupil's data: keep it so.",
        sections,
        _annex(breach) if breach.accounts else (),
    )


def _clock(breach: Breach, now: datetime) -> tuple[Block, ...]:
    due, told = breach.told.notify_by, breach.told.notified_at
    details = Details(
        (
            ("Became aware", breach.spoken(breach.told.aware_at)),
            ("Notify the ICO by", breach.spoken(due)),
            ("ICO notified", breach.spoken(told) if told else None),
        )
    )
    if told is not None:
        late = told > due
        words = "later than 72 hours: the notification must give the reasons" if late else "in time"
        return details, Paragraph(f"The ICO was notified {words}.", important=late)
    if now > due:
        words = f"Overdue by {_span(now - due)}. Notify at once, and give the reasons for the delay."
        return details, Paragraph(words, important=True)
    words = f"{_span(due - now)} left; nights, week-ends and holidays count. What is not known may follow."
    return details, Paragraph(words, important=True)


def _nature(breach: Breach) -> tuple[Block, ...]:
    kinds = tuple(_NATURES[one] for one in breach.told.natures) or (TO_FILL,)
    return (
        Points(kinds),
        Details(
            (
                ("What happened", breach.told.what or TO_FILL),
                ("From", breach.spoken(breach.told.since) if breach.told.since else TO_FILL),
                ("Until", breach.spoken(breach.told.until) if breach.told.until else TO_FILL),
            )
        ),
    )


def _scale(breach: Breach) -> tuple[Block, ...]:
    counted = [one for one in breach.accounts if one.facts.found.pupils is not None]
    unknown = len(breach.accounts) - len(counted)
    records = sum(one.facts.found.pupils or 0 for one in counted)
    largest = Counter[str]()
    for one in counted:
        largest |= Counter({one.facts.provider.id: one.facts.found.pupils or 0})
    least = sum(largest.values())
    pupils = str(records) if least == records else f"between {least} and {records}"
    details = Details(
        (
            ("Data subjects", "pupils (children), and their guardians where a file names them"),
            ("Pupils, about", pupils if counted else TO_FILL),
            ("Pupil records", str(records) if counted else TO_FILL),
            ("Files", str(len(breach.accounts))),
            ("Files not counted", str(unknown) if unknown else None),
        )
    )
    why = Paragraph(
        "The lower number counts each provider's largest file, since one pupil may stand in several; "
        "the higher one counts every record."
    )
    return (details, why) if counted and least != records else (details,)


def _by_kind(breach: Breach) -> tuple[Block, ...]:
    counted = defaultdict[str, list[int]](list)
    for one in breach.accounts:
        counted[one.kind or "not recognised"].append(one.facts.found.pupils or 0)
    rows = [(kind, str(len(pupils)), str(sum(pupils))) for kind, pupils in sorted(counted.items())]
    return table_or(("Kind of data", "Files", "Pupil records"), rows)


def _kinds(breach: Breach, policy: BreachFile) -> tuple[Block, ...]:
    items = _data_items(breach)
    if not items:
        return (Paragraph(f"Not known from the files. {TO_FILL}"),)
    weighs = {one.item: one for one in policy.grave}
    grave = ((item, weighs[item].why, weighs[item].clause or "") for item in items if item in weighs)
    table = table_or(("Data item", "Why it weighs more", "Clause"), grave)
    few = len(items) <= _SHOWN
    listed = ", ".join(items) if few else f"{len(items)} items of the agreement's list, in the annex"
    return (Points((listed,)), *table)


def _to_tell(breach: Breach, tell: WhoIsTold) -> tuple[Block, ...]:
    schools = _providers_to_tell(breach)
    if len(schools) > _SHOWN:
        schools = (f"{len(schools)} providers, each a data controller in its own right: see the annex",)
    rows = (
        ("The ICO", f"by {breach.spoken(breach.told.notify_by)}", _rests_on(tell.ico, "Article 33")),
        ("LA Information Governance", breach.told.governance or TO_FILL, _rests_on(tell.governance)),
        *((school, "without delay", _rests_on(tell.providers)) for school in schools),
        (
            "The pupils and families",
            "without delay, if the risk to them is high",
            _rests_on(tell.subjects, "Article 34"),
        ),
    )
    return (ReportTable(("Who", "How or when", "Clause"), rows),)


def _rests_on(clauses: Sequence[str], article: str = "") -> str:
    return "; ".join(filter(None, (", ".join(clauses), article)))


def _access(breach: Breach) -> tuple[Block, ...]:
    accounts = tuple(f"Account concerned: {name}" for name in breach.told.staff)
    named = (Points(accounts),) if accounts else ()
    found = defaultdict[tuple[str, str], list[LogStep]](list)
    for account, step in _openings(breach):
        found[step.by or "", account.team(step.team)].append(step)
    if not found:
        return (*named, Paragraph("The log shows no opening of these files through the gateway."))
    rows = [
        (who, team, str(len(steps)), breach.spoken(steps[0].at), breach.spoken(steps[-1].at))
        for (who, team), steps in sorted(found.items(), key=lambda pair: -len(pair[1]))
    ]
    table = ReportTable(("Who", "Team", "Times", "First", "Last"), tuple(rows[:_SHOWN]))
    more = len(rows) - _SHOWN
    return (*named, table, Paragraph(f"And {more} more: see the annex.")) if more > 0 else (*named, table)


def _timeline_in_short(breach: Breach) -> tuple[Block, ...]:
    steps = [step for _, step in _logged(breach)]
    if not steps:
        return (Paragraph(TO_FILL),)
    counted = Counter(step_in_words(step.kind, step.reasons) for step in steps)
    kinds = "; ".join(f"{what}: {number}" for what, number in counted.items())
    pairs = (
        ("First entry", f"{steps[0].number}, {breach.spoken(steps[0].at)}"),
        ("Last entry", f"{steps[-1].number}, {breach.spoken(steps[-1].at)}"),
        ("What happened", kinds),
    )
    return (Details(pairs),)


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{counted(minutes // 60, 'hour')} {counted(minutes % 60, 'minute')}"


def _providers_to_tell(breach: Breach) -> tuple[str, ...]:
    """Return a line for each provider of the files concerned, with the name and responsibility."""
    providers = sorted({(one.facts.provider.id, one.facts.provider.name) for one in breach.accounts})
    whose = "a data controller in its own right: of a school, its Governors and Head"
    return tuple(f"{name} ({provider}), {whose}" for provider, name in providers)


def _data_items(breach: Breach) -> tuple[str, ...]:
    """Return the labels of the data items in the files concerned, sorted."""
    found: set[str] = set()
    for one in breach.accounts:
        items = one.facts.shown["items"]
        assert isinstance(items, list)  # noqa: S101 - for the type checker
        found.update(items)
    return tuple(sorted(found))


def _openings(breach: Breach) -> list[tuple[TransferAccount, LogStep]]:
    """Return the log entries about openings of the files concerned, each with the file's facts."""
    return [pair for pair in _logged(breach) if pair[1].kind in {"collected", "opened"}]


def _logged(breach: Breach) -> list[tuple[TransferAccount, LogStep]]:
    """Return the log entries about the files concerned, in order, each with the file's facts."""
    steps = [(one, step) for one in breach.accounts for step in one.steps]
    return sorted(steps, key=lambda pair: pair[1].number)


def _annex(breach: Breach) -> tuple[Section, ...]:
    """Return the annex of the record: each provider, opening, log entry and transfer concerned."""
    opened = (
        (breach.spoken(step.at), step.by or "", one.team(step.team), one.facts.transfer.upload.reference)
        for one, step in _openings(breach)
    )
    timeline = (
        (
            str(step.number), breach.spoken(step.at), step_in_words(step.kind, step.reasons),
            one.facts.transfer.upload.reference,
        )
        for one, step in _logged(breach)
    )  # fmt: skip
    headings = ("Reference", "Arrived", "Kind of data", "Outcome", "Pupil records", "Teams")
    rows = [
        (
            sent.upload.reference, breach.spoken(sent.upload.landed_at), one.kind, outcome_in_words(sent),
            "" if one.facts.found.pupils is None else str(one.facts.found.pupils),
            ", ".join(map(one.team, sent.teams)),
        )
        for one in breach.accounts
        for sent in [one.facts.transfer]
    ]  # fmt: skip
    return (
        Section("Providers to be told", (Points(_providers_to_tell(breach)),)),
        Section("Data items", (Points(_data_items(breach) or (TO_FILL,)),)),
        Section("Who opened what", table_or(("When", "Who", "Team", "Transfer"), opened, "Nobody.")),
        Section("Timeline, from the log", table_or(("Entry", "When", "What", "Transfer"), timeline, TO_FILL)),
        Section("Transfers concerned", (ReportTable(headings, tuple(rows)),)),
    )
