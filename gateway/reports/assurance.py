"""Write the assurance pack: impact assessment (UK GDPR Article 35), record of processing (Article 30).

Policies and counts fill the blanks of `templates/assurance.toml`; marks stand in blanks only people can fill.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from operator import attrgetter
from typing import Any

from gateway.home.settings import Settings
from gateway.model import State, counted
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import day_in, local_day
from gateway.policy.schema import Flow, FlowDataType
from gateway.receipts.text import spoken
from gateway.reports.breach import TO_FILL
from gateway.reports.document import Block, Details, Document, Paragraph, Points, ReportTable, Section
from gateway.reports.retention import Days, Retention

_SIGNED = ("For", "Name and position", "Answer, and reasons", "Date and signature")
WORDS = tomllib.loads((files("gateway.reports") / "templates/assurance.toml").read_text("utf-8"))
_Rows = Iterator[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assured:
    """The facts of a home for an assurance pack. Counts are of the twelve months before `made_at`.

    `providers`: by kind, how many are enrolled and how many have ratified for the year. `transfers`: the
    number of files by data type ("" for unrecognised) and state. `people` and `members`: the number of people
    by role and by team. `sees_all`: False if only the files within a person's sight are counted.
    """

    catalogue: Catalogue
    retention: Retention
    settings: Settings
    made_at: datetime
    in_force_since: datetime | None
    providers: Mapping[str, tuple[int, int]]
    transfers: Mapping[tuple[str, State], int]
    people: Mapping[str, int]
    members: Mapping[str, int]
    version: str = TO_FILL
    sees_all: bool = True
    systems: tuple[tuple[str, str, str], ...] = ()
    """The systems the gateway connects with: the sort, a name if it has one, and where it is."""


def assurance_report(home: Assured) -> Document:
    """Return the assurance pack as one document."""
    blanks = _blanks(home)
    return Document(
        WORDS["title"],
        WORDS["subtitle"].format(**blanks),
        tuple(Section(one["title"].format(**blanks), _blocks(one, home, blanks)) for one in WORDS["section"]),
    )


def _blocks(section: Mapping[str, list[Any]], home: Assured, blanks: Mapping[str, str]) -> tuple[Block, ...]:
    signed = tuple((text.format(**blanks), *(TO_FILL,) * 3) for text in section.get("sign", ()))
    said = [text.format(**blanks) for text in section.get("text", ())]
    points = tuple(text.format(**blanks) for text in section.get("points", ()))
    asked = tuple((text.format(**blanks), TO_FILL) for text in section.get("ask", ()))
    facts = tuple((label, text.format(**blanks)) for label, text in section.get("facts", ()))
    tables = (_table(name, home) for name in section.get("tables", ()))
    return (
        *map(Paragraph, said),
        *([Points(points)] if points else []),
        *([Details(facts)] if facts else []),
        *tables,
        *([Details(asked)] if asked else []),
        *([ReportTable(_SIGNED, signed)] if signed else []),
    )


def _table(name: str, home: Assured) -> Block:
    """Return the table `name` of the template, with the home's facts. A table without headings becomes
    labelled details.
    """
    rows, words = tuple(_ROWS[name](home)), WORDS["table"].get(name)
    if words is None:
        return Details(tuple((label, said) for label, said in rows))
    return ReportTable(tuple(words["headings"]), rows or tuple(map(tuple, words.get("nothing", ()))))


def _blanks(home: Assured) -> dict[str, str]:
    catalogue, settings, since = home.catalogue, home.settings, home.in_force_since
    today = local_day(home.made_at, catalogue.calendar.timezone)
    review = day_in(today.year, catalogue.agreement.year.review)
    if review <= today:
        review = day_in(today.year + 1, catalogue.agreement.year.review)
    people = ", ".join(f"{number} with the role {role}" for role, number in sorted(home.people.items()))
    return {
        "organisation": settings.organisation,
        "agreement": catalogue.agreement.title,
        "version": catalogue.agreement.version,
        "policies": catalogue.digest[:16],
        "digest": catalogue.digest,
        "text_digest": catalogue.text_sha256,
        "packs": ", ".join(f"{one.academic_year} ({one.first} to {one.last})" for one in catalogue.law)
        or "none",
        "parties": "; ".join(one.name for one in catalogue.bodies.kind if one.ratifies) or TO_FILL,
        "purposes": "; ".join(dict.fromkeys(one.purpose for one in catalogue.teams.team)),
        "made": spoken(home.made_at),
        "since": spoken(since) if since else "now (no service has started yet)",
        "review": str(review),
        "store": "in an S3 store" if settings.store.url else "on the disk of this machine",
        "database": "in PostgreSQL" if settings.database else "in SQLite, on the same disk",
        "desk": catalogue.desks.desk,
        "governance": catalogue.desks.governance,
        "telephone": f" ({settings.telephone})" if settings.telephone else "",
        "access": people or "nobody has a role yet",
        "program": home.version,
        "clause_controller": "clause " + ", ".join(catalogue.breach.tell.providers or (TO_FILL,)),
    }


def _summary(home: Assured) -> _Rows:
    entries = list(_entries(home.catalogue))
    enrolled, ratified = (sum(each) for each in zip((0, 0), *home.providers.values(), strict=True))
    left = Counter(one["remains"].partition(":")[0] for one in WORDS["risk"])
    blanks = sum(len(one.get("ask", ())) + len(one.get("sign", ())) for one in WORDS["section"])
    yield "Kinds of data", f"{len(entries)}, each with a clause, a purpose and a time to be kept"
    yield "Providers", f"{enrolled} enrolled, {ratified} of them ratified for this year"
    of_some = "" if home.sees_all else " of those that you may know of"
    yield "Files of the last 12 months", f"{sum(home.transfers.values())}{of_some}"
    teams, people = len(home.catalogue.teams.team), sum(home.members.values())
    yield "Teams that collect", f"{teams}, with {counted(people, 'person', 'people')}"
    yield "Systems handed on to", str(len(home.catalogue.hand_ons.hand_on))
    yield "What remains of the risks", ", ".join(f"{left[one]} {one}" for one in ("high", "medium", "low"))
    yield "Left for people to fill in", f"{blanks} places, and {TO_FILL} in tables"


def _systems(home: Assured) -> _Rows:
    for what, name, where in home.systems:
        yield f"{WORDS['system'][what]} {name}".strip(), where, WORDS["given"][what], TO_FILL, TO_FILL


def _hand_ons(home: Assured) -> _Rows:
    names = {entry.id: _name(flow, entry) for flow, entry in _entries(home.catalogue)}
    for one in home.catalogue.hand_ons.hand_on:
        yield (
            one.id,
            home.catalogue.wording.name(one.team),
            ", ".join(names.get(kind, kind) for kind in one.data_types),
            "; ".join(dict.fromkeys(column.name for file in one.file for column in file.column)),
            f"at {one.at}" if one.at != "at-once" else "at once",
            f"until acknowledged, asked for within {one.acknowledge_hours} hours; there: {TO_FILL}",
        )


def _providers(home: Assured) -> _Rows:
    for kind in home.catalogue.bodies.kind:
        enrolled, ratified = home.providers.get(kind.id, (0, 0))
        signs = kind.id in home.catalogue.bodies.parties
        yield kind.name, str(enrolled), str(ratified) if signs else "does not sign"


def _volume(home: Assured) -> _Rows:
    states: tuple[State, ...] = ("accepted", "held", "refused")
    for kind in sorted({kind for kind, _ in home.transfers}, key=lambda kind: (not kind, kind)):
        yield kind or "not recognised", *(str(home.transfers.get((kind, state), 0)) for state in states)


def _items(home: Assured) -> _Rows:
    catalogue = home.catalogue
    sensitive = dict.fromkeys(catalogue.rights.outside.sensitive, "sensitive: elsewhere, few people see it")
    weighs = sensitive | {one.item: one.why for one in catalogue.breach.grave}

    def row(name: str, whose: str, clause: str, items: Mapping[str, str]) -> tuple[str, ...]:
        grave = "; ".join(f"{said}: {weighs[item]}" for item, said in items.items() if item in weighs)
        return name, whose, clause, ", ".join(items.values()), grave

    for one in catalogue.rights.group:
        items = {f"{one.label}: {item}": item for item in one.items}
        items |= {f"{one.label}: {item}": f"{item} (not yet agreed)" for item in one.proposed}
        yield row(one.label, catalogue.agreement.persons.get(one.of, one.of), one.clause, items)
    for flow, entry in _entries(catalogue):
        if carried := _carried(entry):
            name, clauses = f"carried by {_name(flow, entry)}", ", ".join(entry.clauses)
            yield row(name, _persons(entry, catalogue), clauses, dict(zip(carried, carried, strict=True)))


def _purposes(home: Assured) -> _Rows:
    bases, clauses = home.catalogue.agreement.bases, home.catalogue.agreement.clauses

    def lawful(basis: str) -> str:
        said = bases.get(basis, basis)
        return said if "Article 6" in said else f"{said}: {WORDS['articles'].get(basis, TO_FILL)}"

    for flow, entry in _entries(home.catalogue):
        yield (
            _name(flow, entry),
            ", ".join(dict.fromkeys((flow.clause, *entry.clauses))),
            clauses.get(flow.document.purpose, flow.document.purpose),
            "; ".join(map(lawful, flow.basis)) + (f". {flow.law}" if flow.law else ""),
            ", ".join(entry.every_timescale()),
        )


def _risks(home: Assured) -> _Rows:  # noqa: ARG001 - as every table
    for one in WORDS["risk"]:
        said = (one[name] for name in ("risk", "likelihood", "severity", "measure"))
        yield *said, ", ".join(one["shown"]), one["remains"], TO_FILL


def _record(home: Assured) -> _Rows:
    kinds = {one.id: one.name for one in home.catalogue.bodies.kind}
    for flow, entry in _entries(home.catalogue):
        yield (
            _name(flow, entry),
            ", ".join(kinds.get(one, one) for one in flow.kinds),
            _persons(entry, home.catalogue),
            _categories(flow, entry, home.catalogue),
            "; ".join(_recipients(flow, entry, home.catalogue)),
            _kept(home.retention, entry.id),
        )


def _categories(flow: Flow, entry: FlowDataType, catalogue: Catalogue) -> str:
    """Describe the contents of files of a data type: items for teams, by group, and others."""
    seen = {item for team in entry.teams for item in catalogue.granted(team, None)}
    groups = [one.label for one in catalogue.rights.group if not seen.isdisjoint(one.labels())]
    set_by = [] if flow.contents == "appendix-a" else [f"{flow.document.description} ({flow.contents})"]
    return "; ".join(dict.fromkeys([*set_by, *groups, *_carried(entry)]))


def _recipients(flow: Flow, entry: FlowDataType, catalogue: Catalogue) -> Iterator[str]:
    for name in entry.teams:
        counts = " (counts alone)" if catalogue.has_counts_alone(name, entry.id) else ""
        yield f"{catalogue.wording.name(name)}{counts}"
        for one in catalogue.hand_ons.hand_on:
            if one.team == name and entry.id in one.data_types:
                yield f"the system {one.id}, to which that is handed on"
    for body in catalogue.bodies.recipient:
        if body.id in flow.recipients and body.kinds:
            yield f"{body.name}, what is about {'them' if body.about == 'themselves' else 'anyone'}"


def _kept(retention: Retention, data_type: str) -> str:
    return ", ".join(
        f"{what} {_days(getattr(retention, what).days('accepted', data_type)[0])}"
        for what in ("sealed", "receipts", "index", "people")
    )


def _school(home: Assured) -> _Rows:
    catalogue = home.catalogue
    for flow, entry in _entries(catalogue):
        if not catalogue.bodies.parties.isdisjoint(flow.senders):
            bases = "; ".join(catalogue.agreement.bases.get(one, one) for one in flow.basis)
            before = WORDS["before"][flow.unratified(entry.id).partition("-until ")[0]]
            yield _name(flow, entry), ", ".join(entry.every_timescale()), bases, before


def _access(home: Assured) -> _Rows:
    for one in home.catalogue.teams.team:
        yield one.name, str(home.members.get(one.id, 0))


def _other_retention(home: Assured) -> _Rows:
    for what, rule in WORDS["retained"]:
        yield what, _days(attrgetter(rule)(home.retention))
    yield "Entries of the log, which hold no personal data", "for ever"
    yield "Held files", "until a person decides, then as above"


def _recipient_teams(home: Assured) -> _Rows:
    catalogue = home.catalogue
    bodies = {one.id: one.name for one in catalogue.bodies.recipient}
    why = {one.team: one.why for one in catalogue.rights.right}
    for team in catalogue.teams.team:
        yield (
            team.name,
            bodies.get(catalogue.body_of(team) or "", home.settings.organisation),
            team.purpose,
            ", ".join(team.clauses),
            "records" if team.pupil_level else "counts alone",
            why.get(team.id, ""),
        )


def _entries(catalogue: Catalogue) -> Iterator[tuple[Flow, FlowDataType]]:
    """Yield each data type in use, and before it the flow, in the order of the agreement."""
    return ((flow, entry) for flow in catalogue.flows.flow for entry in flow.data_type)


def _name(flow: Flow, entry: FlowDataType) -> str:
    return entry.name or flow.document.description


def _carried(entry: FlowDataType) -> list[str]:
    return [*entry.carries, *(item for one in entry.carried for item in one.items)]


def _persons(entry: FlowDataType, catalogue: Catalogue) -> str:
    return ", ".join(catalogue.agreement.persons.get(one, one) for one in entry.about)


def _days(days: Days) -> str:
    return days if isinstance(days, str) else counted(days, "day")


_ROWS: Mapping[str, Callable[[Assured], _Rows]] = {
    "summary": _summary,
    "systems": _systems,
    "hand-ons": _hand_ons,
    "providers": _providers,
    "volume": _volume,
    "items": _items,
    "purposes": _purposes,
    "risks": _risks,
    "record": _record,
    "other retention": _other_retention,
    "recipients": _recipient_teams,
    "school": _school,
    "access": _access,
}
