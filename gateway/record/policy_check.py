"""Check a policies folder: each file alone, all together, and against recent files.

Each file is decided twice, by the stored contents and at the landing time: under the policies `before` and
`after`. The rules of recognition (data_types.toml, items.toml, sensitive.toml) have no effect, since no file
is read again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlmodel import Session

from gateway.classify.load import faults as rule_faults
from gateway.classify.parts import EXTENSIONS
from gateway.classify.rules import DataTypes, Items, Rules
from gateway.classify.sensitive import Sensitive
from gateway.classify.views.sieve import Sieve
from gateway.home.settings import KeyPolicy, Limits
from gateway.home.settings_file import nearest
from gateway.law import LawPack
from gateway.model import Basis, Decision, Held, Transfer
from gateway.policy.catalogue import FILES, OPTIONAL, Catalogue, PoliciesRead, read
from gateway.policy.dates import is_ending
from gateway.policy.decide import decide
from gateway.policy.faults import Contradiction, PolicyFault
from gateway.policy.items import basis_for
from gateway.policy.ratification import years_at
from gateway.policy.small_schemas import HandOn
from gateway.registry import register, transfers
from gateway.reports.retention import Keep, Retention

SHAPES: dict[str, type[BaseModel]] = {
    **FILES,
    **OPTIONAL,
    "limits.toml": Limits,
    "keys.toml": KeyPolicy,
    "retention.toml": Retention,
    "data_types.toml": DataTypes,
    "items.toml": Items,
    "sensitive.toml": Sensitive,
}
"""Every policy file with its shape."""

_NO_RULE = (
    "the terms end within a year, and no [[term_rule]] says which follow: nothing daily or weekly would be "
    "judged then. Write the terms of another year, or rules"
)
Model = TypeVar("Model", bound=BaseModel)


def check(policies: Path, on: date | None = None) -> list[PolicyFault]:
    """Return every fault of a policies folder, with file, key and line; an empty list for a usable folder.

    With the day `on`, also the faults that come with time: terms that end, with no rule for those after them.
    """
    reading = read(policies, SHAPES)
    rules, catalogue = _rules(reading), reading.catalogue
    if rules is not None:
        reading.blame(*rule_faults(rules))
    if catalogue is not None:
        if on is not None and not catalogue.calendar.term_rule and is_ending(catalogue.calendar, on):
            reading.blame(("calendar.toml", ("school_year",), _NO_RULE))
        if rules is not None:
            reading.blame(*_across(catalogue, rules))
        retention = reading.models.get("retention.toml")
        if isinstance(retention, Retention):
            reading.blame(*_retention_faults(catalogue, retention))
    # That a clause is to be read again comes last: it follows from the other faults.
    return sorted(reading.faults, key=lambda f: (f.file == "confirmed.toml", f.file, f.line or 0, f.key))


def _rules(reading: PoliciesRead) -> Rules | None:
    def model(name: str, kind: type[Model]) -> Model | None:
        found = reading.models.get(name)
        return found if isinstance(found, kind) else None

    types, items = model("data_types.toml", DataTypes), model("items.toml", Items)
    sensitive = model("sensitive.toml", Sensitive)
    if types is None or items is None or sensitive is None:
        return None
    return Rules(
        data_types=types, items=items.items, others=items.others, working=items.working, sensitive=sensitive
    )


def _across(catalogue: Catalogue, rules: Rules) -> Iterator[Contradiction]:
    # Faults of data types: without a flow a type is refused, without a recogniser never found.
    types = rules.data_types.types
    for n, flow in enumerate(catalogue.flows.flow):
        for m, entry in enumerate(flow.data_type):
            place = ("flow", n, "data_type", m, "id")
            if entry.id not in types:
                words = f"data_types.toml knows no {entry.id}{nearest(entry.id, types)}"
                yield "flows.toml", place, f"{words}: no file would ever be of it"
    off = (entry.id for flow in catalogue.flows.optional for entry in flow.data_type)
    known, told = {*catalogue.data_types(), *off}, rules.recognised()
    for n, name in enumerate(catalogue.flows.not_carried):
        if name in known or name not in types:
            words = "a flow carries it" if name in known else f"data_types.toml knows no {name}"
            yield "flows.toml", ("not_carried", n), f"{words}: take it out here"
    known.update(catalogue.flows.not_carried)
    for name in types:
        if name not in known:
            words = f"no flow carries {name}{nearest(name, known)}: every file of it would be refused"
            yield "data_types.toml", ("types", name), words
        if name not in told:
            yield "data_types.toml", ("types", name), f"nothing here recognises {name}: it has no signature"
    yield from _item_faults(catalogue, rules)
    yield from _formats_of_carried(catalogue)
    yield from _names_in_packs(catalogue.law, rules)
    yield from _days_of_packs(catalogue.law)
    yield from _columns_handed_on(catalogue, rules)


def _item_faults(catalogue: Catalogue, rules: Rules) -> Iterator[Contradiction]:
    """Yield items named in only one of rights.toml and items.toml, which nothing would judge."""
    listed = {item.label: item for item in rules.items.values()}
    for key, item in rules.items.items():
        if item.label not in catalogue.appendix_a:
            words = f"rights.toml lists no {item.label}{nearest(item.label, catalogue.appendix_a)}"
            yield "items.toml", ("items", key, "label"), words
    for n, group in enumerate(catalogue.rights.group):
        for m, label in enumerate(group.labels()):
            place = ("group", n, "items", m)
            if label not in listed:
                yield "rights.toml", place, f"items.toml does not say which columns carry {label}"
            elif listed[label].proposed != (group.items[m] in group.proposed):
                yield "rights.toml", place, f"items.toml and this file differ on whether {label} is proposed"
    yield from _names_outside(catalogue, {item.label for item in rules.others.values()})


def _names_outside(catalogue: Catalogue, others: set[str]) -> Iterator[Contradiction]:
    """Yield items outside Appendix A that rules or flows name and no list has."""
    outside = catalogue.rights.outside
    named = [("rights.toml", ("outside", "hold"), name) for name in outside.hold]
    named += [("rights.toml", ("outside", "sensitive"), name) for name in outside.sensitive]
    places = (
        ("flows.toml", ("flow", n, "data_type", m, "carries"), name)
        for n, flow in enumerate((*catalogue.flows.flow, *catalogue.flows.optional))
        for m, entry in enumerate(flow.data_type)
        for name in (*entry.carries, *(item for each in entry.carried for item in each.items))
    )
    for file, place, name in (*named, *places):
        if name not in others:
            yield file, place, f"items.toml has no {name}{nearest(name, others)}"


def _formats_of_carried(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield file formats in rules about carried items that no reader produces."""
    for n, flow in enumerate((*catalogue.flows.flow, *catalogue.flows.optional)):
        for m, entry in enumerate(flow.data_type):
            for form in (form for each in entry.carried for form in each.formats if form not in EXTENSIONS):
                words = f"no file is of the format {form}{nearest(form, EXTENSIONS)}"
                yield "flows.toml", ("flow", n, "data_type", m, "carried"), words


def _names_in_packs(packs: tuple[LawPack, ...], rules: Rules) -> Iterator[Contradiction]:
    """Yield code sets, items and data types that law packs name and no file defines."""
    others, types = {item.label for item in rules.others.values()}, rules.data_types.types
    for pack in packs:
        file, known = f"law-{pack.academic_year}.toml", pack.code_sets
        for name, layout in pack.layouts.items():
            for code_set in sorted({each.codes for each in layout.elements if each.codes} - known.keys()):
                yield file, ("more", name), f"there is no code set {code_set}{nearest(code_set, known)}"
        said = (*pack.lawful, *pack.awaited)
        for item in sorted({item for each in said for item in each.items} - others):
            yield file, (), f"items.toml has no {item}{nearest(item, others)}"
        named = {each.data_type for each in said} | {each.data_type for each in pack.coming}
        for data_type in sorted(named.union(pack.dates.results, pack.optional) - types.keys()):
            yield file, (), f"data_types.toml knows no {data_type}{nearest(data_type, types)}"


def _days_of_packs(packs: tuple[LawPack, ...]) -> Iterator[Contradiction]:
    """Yield gaps between law packs, days outside their pack, and versions out of order."""
    for earlier, later in pairwise(packs):
        if later.first != earlier.last + timedelta(days=1):
            words = f"the pack {earlier.academic_year} ends on {earlier.last}: begin on the day after"
            yield f"law-{later.academic_year}.toml", ("first",), words
    for pack in packs:
        file = f"law-{pack.academic_year}.toml"
        for key, days in (("census", pack.dates.census), ("results", pack.dates.results)):
            for name, day in days.items():
                if not pack.first <= day <= pack.last:
                    yield file, ("dates", key, name), f"{day} is not a day of {pack.academic_year}"
        for n, version in enumerate(pack.versions):
            if not float(version.previous) < float(version.present):
                yield file, ("versions", n, "previous"), "write a version older than the present one"


def _columns_handed_on(catalogue: Catalogue, rules: Rules) -> Iterator[Contradiction]:
    """Yield columns of hand-ons that no view of the team can fill."""
    for n, each in enumerate(catalogue.hand_ons.hand_on):
        sieves = [Sieve(rules, basis) for basis in _bases(each, catalogue, rules)]
        for m, file in enumerate(each.file):
            for k, column in enumerate(file.column):
                place = ("hand_on", n, "file", m, "column", k)
                if column.field and column.field not in rules.fields:
                    words = f"items.toml has no {column.field}{nearest(column.field, rules.fields)}"
                    yield "hand_ons.toml", (*place, "from"), words
                    continue
                keys = {column.field: column.field} if column.field else _fields_of(column.headings, rules)
                for said, key in keys.items():
                    if key is None or (sieves and not any(sieve.shows(key) for sieve in sieves)):
                        words = f"no view of {each.team} shows {said}: rights.toml gives the team none of it"
                        yield "hand_ons.toml", place, words


def _bases(each: HandOn, catalogue: Catalogue, rules: Rules) -> Iterator[Basis]:
    """Yield every basis on which a hand-on's team gets files, by sender and format."""
    for name in each.data_types:
        flow = catalogue.flow_of(name)
        if flow is not None and name in rules.data_types.types:
            forms = {"", *(form for carried in flow.of(name).carried for form in carried.formats)}
            for sender in flow.kinds:
                for form in sorted(forms):
                    yield basis_for(each.team, name, catalogue, sender, form=form)


def _fields_of(headings: Iterable[str], rules: Rules) -> dict[str, str | None]:
    """Return the field of each heading of a view, or element within a part; None if unknown."""
    found: dict[str, str | None] = {}
    for heading in headings:
        part, slash, name = heading.partition("/")
        key = rules.element_field(part, name) if slash else rules.element_field("Pupil", heading)
        found[heading] = key or rules.column_field(f"{part} 1 {name}" if slash else heading)
    return found


def _retention_faults(catalogue: Catalogue, retention: Retention) -> Iterator[Contradiction]:
    off = (entry.id for flow in catalogue.flows.optional for entry in flow.data_type)
    known = {*catalogue.data_types(), *off}
    for table in type(retention).model_fields:
        keep = getattr(retention, table)
        for name in keep.by_data_type if isinstance(keep, Keep) else ():
            if name not in known:
                words = f"no flow lists {name}{nearest(name, known)}"
                yield "retention.toml", (table, "by_data_type", name), words


EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedOutcome:
    """The compared parts of a decision: state, teams, reasons and the end of waiting."""

    state: str
    teams: tuple[str, ...]
    reasons: tuple[str, ...]
    until: datetime | None

    @property
    def told(self) -> str:
        """The decision in a few words: the teams, or the reasons against."""
        if self.state == "accepted":
            return f"accepted for {', '.join(self.teams) or 'nobody'}"
        return f"{self.state}: {', '.join(self.reasons)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Result of a simulation: number of files, and each kind of change with its number and examples."""

    files: int
    same: int
    changes: tuple[tuple[SimulatedOutcome, SimulatedOutcome, int, tuple[str, ...]], ...] = field(default=())

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each change of outcome: the number of files, both outcomes, and a few references."""
        return [
            {"files": count, "before": was.told, "after": now.told, "until": now.until, "such_as": [*some]}
            for was, now, count, some in self.changes
        ]


def simulate(session: Session, before: Catalogue, after: Catalogue, since: datetime) -> Simulated:
    """Decide past files under both policies; return the changes, the most frequent first."""
    counted: Counter[tuple[SimulatedOutcome, SimulatedOutcome]] = Counter()
    examples: defaultdict[tuple[SimulatedOutcome, SimulatedOutcome], list[str]] = defaultdict(list)
    files = same = 0
    for some in transfers.landed_since(session, since):
        for reference, was, now in _both(session, some, before, after):
            files += 1
            if was == now:
                same += 1
                continue
            counted[was, now] += 1
            if len(examples[was, now]) < EXAMPLES:
                examples[was, now].append(reference)
    changes = tuple((*pair, count, tuple(examples[pair])) for pair, count in counted.most_common())
    return Simulated(files=files, same=same, changes=changes)


def _both(
    session: Session, some: Sequence[Transfer], before: Catalogue, after: Catalogue
) -> Iterator[tuple[str, SimulatedOutcome, SimulatedOutcome]]:
    """Yield each opened file of pupils' data with both decisions."""
    for transfer in some:
        if transfer.content is not None and transfer.upload.folder == "in":
            was, now = (_outcome(session, transfer, catalogue) for catalogue in (before, after))
            yield transfer.upload.reference, was, now


def _outcome(session: Session, transfer: Transfer, catalogue: Catalogue) -> SimulatedOutcome:
    at = transfer.upload.landed_at
    provider = register.of(session).provider(transfer.upload.provider, years_at(at, catalogue))
    assert transfer.content is not None  # noqa: S101 - for the type checker
    decision: Decision = decide(transfer.content, catalogue, provider, at)
    return SimulatedOutcome(
        state=decision.state,
        teams=decision.teams if decision.state == "accepted" else (),
        reasons=tuple(dict.fromkeys(reason.code for reason in decision.reasons)),
        until=decision.until if isinstance(decision, Held) else None,
    )
