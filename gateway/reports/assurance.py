"""The assurance pack: an impact assessment (UK GDPR Article 35) and a record of processing (Article 30).

Policies and counts fill the words of `templates/assurance.toml`; what only people know is marked.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

from gateway.model import State
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import day_in, local_day
from gateway.policy.schema import Flow, FlowDataType
from gateway.receipts.text import spoken
from gateway.reports.breach import TO_FILL
from gateway.reports.document import Block, Details, Document, Paragraph, Points, ReportTable, Section
from gateway.reports.retention import Days, Keep, Retention

_SIGNED = ("For", "Name and position", "Answer, and reasons", "Date and signature")
WORDS = tomllib.loads((files("gateway.reports") / "templates/assurance.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assured:
    """The facts of a home for an assurance pack. Counts are of the twelve months before `made_at`.

    `store` and `database`: where sealed files and the registry are. `providers`: numbers enrolled and
    ratified for the year, by kind. `transfers`: files by kind of data ("" for unrecognised) and state.
    `people` and `members`: numbers of people by role and by team.
    """

    catalogue: Catalogue
    retention: Retention
    organisation: str
    made_at: datetime
    in_force_since: datetime | None
    store: str
    database: str
    telephone: str | None = None
    providers: Mapping[str, tuple[int, int]]
    transfers: Mapping[tuple[str, State], int]
    people: Mapping[str, int]
    members: Mapping[str, int]
    version: str = TO_FILL
    systems: tuple[tuple[str, str, str], ...] = ()
    """The systems that the gateway connects with: the sort, a name if it has one, and where it is."""


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
    tables = (_TABLES[name](home) for name in section.get("tables", ()))
    return (
        *map(Paragraph, said),
        *([Points(points)] if points else []),
        *([Details(facts)] if facts else []),
        *tables,
        *([Details(asked)] if asked else []),
        *([ReportTable(_SIGNED, signed)] if signed else []),
    )


def _blanks(home: Assured) -> dict[str, str]:
    catalogue, since = home.catalogue, home.in_force_since
    today = local_day(home.made_at, catalogue.calendar.timezone)
    review = day_in(today.year, catalogue.agreement.year.review)
    if review <= today:
        review = day_in(today.year + 1, catalogue.agreement.year.review)
    people = ", ".join(f"{number} with the role {role}" for role, number in sorted(home.people.items()))
    return {
        "organisation": home.organisation,
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
        "store": home.store,
        "database": home.database,
        "desk": catalogue.desks.desk,
        "governance": catalogue.desks.governance,
        "telephone": f" ({home.telephone})" if home.telephone else "",
        "access": people or "nobody has a role yet",
        "program": home.version,
        "clause_controller": "clause " + ", ".join(catalogue.breach.tell.providers or (TO_FILL,)),
    }


def _summary(home: Assured) -> Details:
    entries = list(_entries(home.catalogue))
    enrolled, ratified = (sum(each) for each in zip((0, 0), *home.providers.values(), strict=True))
    left = Counter(one["remains"].partition(":")[0] for one in WORDS["risk"])
    blanks = sum(len(one.get("ask", ())) + len(one.get("sign", ())) for one in WORDS["section"])
    pairs = (
        ("Kinds of data", f"{len(entries)}, each with a clause, a purpose and a time to be kept"),
        ("Providers", f"{enrolled} enrolled, {ratified} of them ratified for this year"),
        ("Files of the last 12 months", str(sum(home.transfers.values()))),
        ("Teams that collect", f"{len(home.catalogue.teams.team)}, with {sum(home.members.values())} people"),
        ("Systems handed on to", str(len(home.catalogue.hand_ons.hand_on))),
        ("What remains of the risks", ", ".join(f"{left[one]} {one}" for one in ("high", "medium", "low"))),
        ("Left for people to fill in", f"{blanks} places, and {TO_FILL} in tables"),
    )
    return Details(pairs)


def _systems(home: Assured) -> ReportTable:
    rows = tuple(
        (f"{WORDS['system'][what]} {name}".strip(), where, WORDS["given"][what], TO_FILL, TO_FILL)
        for what, name, where in home.systems
    )
    headings = ("Connected for", "Where", "What it is given", "Run by, under which contract", "Country")
    return ReportTable(headings, rows or (("nothing", *("",) * 4),))


def _hand_ons(home: Assured) -> ReportTable:
    names = {entry.id: entry.name or flow.document.description for flow, entry in _entries(home.catalogue)}
    rows = tuple(
        (
            one.id,
            team.name if (team := home.catalogue.team(one.team)) else one.team,
            ", ".join(names.get(kind, kind) for kind in one.data_types),
            "; ".join(dict.fromkeys(column.name for file in one.file for column in file.column)),
            f"at {one.at}" if one.at != "at-once" else "at once",
            f"until acknowledged, asked for within {one.acknowledge_hours} hours; there: {TO_FILL}",
        )
        for one in home.catalogue.hand_ons.hand_on
    )
    headings = ("Handed on to", "Of the team", "Kinds of data", "Columns", "When", "Kept in the clear")
    return ReportTable(headings, rows or (("no system", *("",) * 5),))


def _providers(home: Assured) -> ReportTable:
    kinds, parties = home.catalogue.bodies.kind, home.catalogue.bodies.parties
    rows = tuple(
        (kind.name, str(enrolled), str(ratified) if kind.id in parties else "does not sign")
        for kind in kinds
        for enrolled, ratified in [home.providers.get(kind.id, (0, 0))]
    )
    return ReportTable(("Kind of provider", "Enrolled", "Ratified for this year"), rows)


def _volume(home: Assured) -> ReportTable:
    states: tuple[State, ...] = ("accepted", "held", "refused")
    kinds = sorted({kind for kind, _ in home.transfers}, key=lambda kind: (not kind, kind))
    rows = tuple(
        (kind or "not recognised", *(str(home.transfers.get((kind, state), 0)) for state in states))
        for kind in kinds
    )
    return ReportTable(("Files of the last 12 months", *states), rows or (("none", "0", "0", "0"),))


def _items(home: Assured) -> ReportTable:
    catalogue = home.catalogue
    sensitive = dict.fromkeys(catalogue.rights.outside.sensitive, "sensitive: elsewhere, few people see it")
    weighs = sensitive | {one.item: one.why for one in catalogue.breach.grave}
    persons = catalogue.agreement.persons

    def row(name: str, whose: str, clause: str, items: Mapping[str, str]) -> tuple[str, ...]:
        grave = "; ".join(f"{said}: {weighs[item]}" for item, said in items.items() if item in weighs)
        return name, whose, clause, ", ".join(items.values()), grave

    rows = [
        row(
            one.label,
            persons.get(one.of, one.of),
            one.clause,
            {f"{one.label}: {item}": item for item in one.items}
            | {f"{one.label}: {item}": f"{item} (not yet agreed)" for item in one.proposed},
        )
        for one in catalogue.rights.group
    ]
    for flow, entry in _entries(catalogue):
        carried = [*entry.carries, *(item for one in entry.carried for item in one.items)]
        if carried:
            name = f"carried by {entry.name or flow.document.description}"
            rows.append(
                row(
                    name,
                    _persons(entry, catalogue),
                    ", ".join(entry.clauses),
                    dict(zip(carried, carried, strict=True)),
                )
            )
    return ReportTable(("Data items", "Whose", "Clauses", "Items", "What weighs more"), tuple(rows))


def _purposes(home: Assured) -> ReportTable:
    bases, clauses = home.catalogue.agreement.bases, home.catalogue.agreement.clauses

    def lawful(basis: str) -> str:
        said = bases.get(basis, basis)
        return said if "Article 6" in said else f"{said}: {WORDS['articles'].get(basis, TO_FILL)}"

    rows = tuple(
        (
            entry.name or flow.document.description,
            ", ".join(dict.fromkeys((flow.clause, *entry.clauses))),
            clauses.get(flow.document.purpose, flow.document.purpose),
            "; ".join(map(lawful, flow.basis)) + (f". {flow.law}" if flow.law else ""),
            ", ".join(entry.every_timescale()),
        )
        for flow, entry in _entries(home.catalogue)
    )
    return ReportTable(("Kind of data", "Clauses", "Purpose", "Lawful basis", "When"), rows)


def _risks(home: Assured) -> ReportTable:  # noqa: ARG001 - as every table
    headings = ("Risk", "Likelihood", "Severity", "Measure", "Shown by", "What remains", "Accepted by")
    rows = tuple(
        (
            *(one[name] for name in ("risk", "likelihood", "severity", "measure")),
            ", ".join(one["shown"]),
            one["remains"],
            TO_FILL,
        )
        for one in WORDS["risk"]
    )
    return ReportTable(headings, rows)


def _record(home: Assured) -> ReportTable:
    kinds = {one.id: one.name for one in home.catalogue.bodies.kind}
    rows = tuple(
        (
            entry.name or flow.document.description,
            ", ".join(kinds.get(one, one) for one in flow.kinds),
            _persons(entry, home.catalogue),
            _categories(flow, entry, home.catalogue),
            "; ".join(_recipients(flow, entry, home.catalogue)),
            _kept(home.retention, entry.id),
        )
        for flow, entry in _entries(home.catalogue)
    )
    headings = ("Kind of data", "From", "Data subjects", "Categories of data", "Recipients", "Kept")
    return ReportTable(headings, rows)


def _categories(flow: Flow, entry: FlowDataType, catalogue: Catalogue) -> str:
    """Return in words which groups of data items the teams may see in a flow's files, and other contents."""
    seen = {item for team in entry.teams for item in catalogue.granted(team, None)}
    groups = [one.label for one in catalogue.rights.group if not seen.isdisjoint(one.labels())]
    carried = [*entry.carries, *(item for one in entry.carried for item in one.items)]
    set_by = [] if flow.contents == "appendix-a" else [f"{flow.document.description} ({flow.contents})"]
    return "; ".join(dict.fromkeys([*set_by, *groups, *carried]))


def _recipients(flow: Flow, entry: FlowDataType, catalogue: Catalogue) -> Iterator[str]:
    for name in entry.teams:
        team = catalogue.team(name)
        counts = " (counts alone)" if catalogue.has_counts_alone(name, entry.id) else ""
        yield f"{team.name if team else name}{counts}"
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


def _school(home: Assured) -> ReportTable:
    catalogue, parties = home.catalogue, home.catalogue.bodies.parties
    rows = tuple(
        (
            entry.name or flow.document.description,
            ", ".join(entry.every_timescale()),
            "; ".join(catalogue.agreement.bases.get(one, one) for one in flow.basis),
            {"hold": "waits", "accept": "taken", "accept-with-notice": "taken, with a notice"}[
                flow.unratified(entry.id).action
            ],
        )
        for flow, entry in _entries(catalogue)
        if not parties.isdisjoint(flow.senders)
    )
    return ReportTable(("What a school sends", "When", "Why", "Before it has ratified"), rows)


def _access(home: Assured) -> ReportTable:
    rows = tuple((one.name, str(home.members.get(one.id, 0))) for one in home.catalogue.teams.team)
    return ReportTable(("Team that collects", "People"), rows)


def _other_retention(home: Assured) -> ReportTable:
    keep = home.retention
    refused: tuple[tuple[str, Keep], ...] = (
        ("Refused files", keep.sealed), ("Receipts of refused files", keep.receipts),
        ("Index of refused files", keep.index),
    )  # fmt: skip
    rows = (
        *((name, _days(one.refused)) for name, one in refused),
        ("Refused files that nobody can open", _days(keep.sealed.unopened)),
        ("Receipts in the folders of providers", _days(keep.published.receipts)),
        ("Notices on keys", _days(keep.notices.keys)),
        ("Notices on discrepancies", _days(keep.notices.discrepancies)),
        ("Declarations of what went another way", _days(keep.declarations.accepted)),
        ("Letters", _days(keep.letters.owed)),
        ("Entries of the log, which hold no personal data", "for ever"),
        ("Held files", "until a person decides, then as above"),
    )
    return ReportTable(("What else is kept", "How long"), rows)


def _recipient_teams(home: Assured) -> ReportTable:
    catalogue = home.catalogue
    bodies = {one.id: one.name for one in catalogue.bodies.recipient}
    why = {one.team: one.why for one in catalogue.rights.right}
    rows = tuple(
        (
            team.name,
            bodies.get(catalogue.body_of(team) or "", home.organisation),
            team.purpose,
            ", ".join(team.clauses),
            "records" if team.pupil_level else "counts alone",
            why.get(team.id, ""),
        )
        for team in catalogue.teams.team
    )
    return ReportTable(("Recipient", "Part of", "Purpose", "Clauses", "Sees", "Why it may"), rows)


def _entries(catalogue: Catalogue) -> Iterator[tuple[Flow, FlowDataType]]:
    """Yield each kind of data in use after its flow, in the order of the agreement."""
    return ((flow, entry) for flow in catalogue.flows.flow for entry in flow.data_type)


def _persons(entry: FlowDataType, catalogue: Catalogue) -> str:
    return ", ".join(catalogue.agreement.persons.get(one, one) for one in entry.about)


def _days(days: Days) -> str:
    return days if isinstance(days, str) else f"{days} days"


_TABLES: Mapping[str, Callable[[Assured], Block]] = {
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
