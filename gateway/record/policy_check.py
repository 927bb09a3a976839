"""Check a policies folder: each file alone, all files together, and by a simulation.

A simulation decides recent files under the policies before and after a change, by the content on record and
as of the time at which each file landed. A change of the rules of recognition (data_types.toml, items.toml,
sensitive.toml) does not show, since no file is read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session

from gateway.classify.content import EXTENSIONS
from gateway.classify.load import faults as rule_faults
from gateway.classify.rules import DataTypes, Items, Rules
from gateway.classify.sensitive import Sensitive
from gateway.classify.views.sieve import ViewFilter
from gateway.home.settings import KeyPolicy, Limits
from gateway.home.settings_file import nearest
from gateway.law import LawPack
from gateway.model import Basis, Decision, Held, Transfer
from gateway.policy.catalogue import FILES, OPTIONAL, Catalogue, read
from gateway.policy.citations import name_faults
from gateway.policy.crosscheck import entries
from gateway.policy.dates import is_ending
from gateway.policy.decide import decide
from gateway.policy.faults import Contradiction, PolicyFault
from gateway.policy.items import basis_for
from gateway.policy.ratification import years_at
from gateway.policy.small_schemas import HandOn
from gateway.registry import register, transfers
from gateway.reports.retention import Retention

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


def check(policies: Path, on: date | None = None) -> list[PolicyFault]:
    """Return every fault of a policies folder, with file, key and line; [] for a usable folder.
    With a day `on`, also a fault if the calendar's terms end within a year of the day and no rule
    ([[term_rule]]) gives the terms of later years.
    """
    reading = read(policies, SHAPES)
    rules, catalogue = None, reading.catalogue
    match [reading.models.get(name) for name in ("data_types.toml", "items.toml", "sensitive.toml")]:
        case [DataTypes() as types, Items() as items, Sensitive() as sensitive]:
            rules = Rules(**dict(items), data_types=types, sensitive=sensitive)
            reading.blame(*rule_faults(rules))
    if catalogue is not None:
        if on is not None and not catalogue.calendar.term_rule and is_ending(catalogue.calendar, on):
            reading.blame(("calendar.toml", ("school_year",), _NO_RULE))
        if rules is not None:
            reading.blame(*_across(catalogue, rules, reading.models))
    # That a clause is to be read again comes last: it follows from the other faults.
    return sorted(reading.faults, key=lambda f: (f.file == "confirmed.toml", f.file, f.line or 0, f.key))


def _across(catalogue: Catalogue, rules: Rules, models: Mapping[str, BaseModel]) -> Iterator[Contradiction]:
    yield from name_faults(catalogue, models, "across")
    carried = {entry.id for _, _, entry in entries(catalogue, optional=True)}
    for n, name in enumerate(catalogue.flows.not_carried):
        if name in carried:
            yield "flows.toml", ("not_carried", n), "a flow carries it: take it out here"
    told = rules.recognisable_types()
    for name in rules.data_types.types:
        if name not in told:
            yield "data_types.toml", ("types", name), f"nothing here recognises {name}: it has no signature"
    # Items named in only one of rights.toml and items.toml, which nothing would judge.
    listed = {item.label: item for item in rules.items.values()}
    for n, group in enumerate(catalogue.rights.group):
        for m, label in enumerate(group.labels()):
            place = ("group", n, "items", m)
            if label not in listed:
                yield "rights.toml", place, f"items.toml does not say which columns carry {label}"
            elif listed[label].proposed != (group.items[m] in group.proposed):
                yield "rights.toml", place, f"items.toml and this file differ on whether {label} is proposed"
    yield from _unknown(catalogue)
    yield from _packs(catalogue.law)
    yield from _columns_handed_on(catalogue, rules)


def _unknown(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield a fault for each format in a flow that no reader reads, and each code set that its law pack
    lacks.
    """
    for place, _, entry in entries(catalogue, optional=True):
        for form in (form for each in entry.carried for form in each.formats if form not in EXTENSIONS):
            words = f"no file is of the format {form}{nearest(form, EXTENSIONS)}"
            yield "flows.toml", (*place, "carried"), words
    for pack in catalogue.law:
        known = pack.code_sets
        for name, layout in pack.layouts.items():
            for code_set in sorted({each.codes for each in layout.elements if each.codes} - known.keys()):
                words = f"there is no code set {code_set}{nearest(code_set, known)}"
                yield f"law-{pack.academic_year}.toml", ("more", name), words


def _packs(packs: tuple[LawPack, ...]) -> Iterator[Contradiction]:
    """Yield a fault for each gap between two law packs, and each day outside the year of its pack.
    Yield also a fault for a previous version of a file format that is not older than the present version.
    """
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
    """Yield a fault for each column of a hand-on that would stay empty, as the team may not see the field."""
    for n, each in enumerate(catalogue.hand_ons.hand_on):
        sieves = [ViewFilter(rules, basis) for basis in _bases(each, catalogue, rules)]
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
    """Yield a Basis for each sort of file that a hand-on sends: by data type, kind of sender and format."""
    for name in each.data_types:
        flow = catalogue.flow_of(name)
        if flow is not None and name in rules.data_types.types:
            forms = {"", *(form for carried in flow.of(name).carried for form in carried.formats)}
            for sender in flow.kinds:
                for form in sorted(forms):
                    yield basis_for(each.team, name, catalogue, sender, form=form)


def _fields_of(headings: Iterable[str], rules: Rules) -> dict[str, str | None]:
    """Return the field of each heading, or of each element given as "PART/NAME"; None if unknown."""
    found: dict[str, str | None] = {}
    for heading in headings:
        part, slash, name = heading.partition("/")
        key = rules.element_field(part, name) if slash else rules.element_field("Pupil", heading)
        found[heading] = key or rules.column_field(f"{part} 1 {name}" if slash else heading)
    return found


EXAMPLES = 3
_Outcome = tuple[str, tuple[str, ...], datetime | None]
"""The compared parts of a decision: its outcome in a few words, its reasons' codes, the end of a hold."""


def simulate(session: Session, before: Catalogue, after: Catalogue, since: datetime) -> dict[str, Any]:
    """Decide all files that landed since a moment under both policies, and compare the outcomes.
    Returns the number of `files`, how many of them have the `same` outcome, and the other outcomes as
    `changes`, the most frequent first.
    """
    changed: defaultdict[tuple[_Outcome, _Outcome], list[str]] = defaultdict(list)
    files = same = 0
    for transfer in (one for some in transfers.landed_since(session, since) for one in some):
        if transfer.content is None or transfer.upload.folder != "in":
            continue
        was, now = (_outcome(session, transfer, catalogue) for catalogue in (before, after))
        files += 1
        same += was == now
        if was != now:
            changed[was, now].append(transfer.upload.reference)
    rows = [
        {"files": len(some), "before": was[0], "after": now[0], "until": now[2], "such_as": some[:EXAMPLES]}
        for (was, now), some in sorted(changed.items(), key=lambda each: -len(each[1]))
    ]
    return {"files": files, "same": same, "changes": rows}


def _outcome(session: Session, transfer: Transfer, catalogue: Catalogue) -> _Outcome:
    at = transfer.upload.landed_at
    provider = register.of(session).provider(transfer.upload.provider, years_at(at, catalogue))
    assert transfer.content is not None  # noqa: S101 - for the type checker
    decision: Decision = decide(transfer.content, catalogue, provider, at)
    codes = tuple(dict.fromkeys(reason.code for reason in decision.reasons))
    told = f"{decision.state}: {', '.join(codes)}"
    if decision.state == "accepted":
        told = f"accepted for {', '.join(decision.teams) or 'nobody'}"
    return told, codes, decision.until if isinstance(decision, Held) else None
