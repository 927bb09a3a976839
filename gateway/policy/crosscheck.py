"""Check policy files against one another: every name used must exist, every data type have one flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from gateway.home.settings_file import Location, nearest
from gateway.policy.calendar_schema import SchoolYear
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.citations import citation_faults, name_faults
from gateway.policy.dates import academic_year_from, day_by_rule, day_in, first_year, terms_by_rule
from gateway.policy.faults import Contradiction
from gateway.policy.schema import NOBODY, PUPILS, SHARED_FOLDERS, Flow, FlowDataType
from gateway.policy.small_schemas import DFE_NUMBER, URN

_EXAMPLES = {DFE_NUMBER: "9991234", URN: "999123"}
"""An example of each number named in files: a DfE number of 7 figures, and a URN of 6."""
GATEWAY = "sftp"
"""The id of the method that is this gateway itself."""
_YEARS = range(2020, 2060)
_Faults = Iterator[tuple[Location, str]]
"""The faults of one file: for each, the place and a message."""


def contradictions(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield every contradiction between the policy files of a catalogue."""
    yield from citation_faults(catalogue)
    yield from name_faults(catalogue, catalogue.files)
    for file, check in _CHECKS:
        yield from ((file, place, words) for place, words in check(catalogue))


def _twice(names: Iterable[Any]) -> list[Any]:
    return [name for name, count in Counter(names).items() if count > 1]


def entries(catalogue: Catalogue, *, optional: bool = False) -> Iterator[tuple[Location, Flow, FlowDataType]]:
    """Yield each data type of flows.toml: place, flow and entry. `optional`: also those of optional flows."""
    for table in ("flow", "optional") if optional else ("flow",):
        for n, flow in enumerate(getattr(catalogue.flows, table)):
            yield from (((table, n, "data_type", m), flow, entry) for m, entry in enumerate(flow.data_type))


def _bodies(catalogue: Catalogue) -> _Faults:
    bodies = catalogue.bodies
    if [each.own for each in bodies.recipient].count(True) != 1:
        yield ("recipient",), "exactly one recipient is the authority itself: own = true"
    for n, number in enumerate(bodies.identifier):
        if number.id in _EXAMPLES and not number.fits(_EXAMPLES[number.id]):
            yield ("identifier", n, "pattern"), f"{_EXAMPLES[number.id]} does not fit the pattern"
    for n, body in enumerate(bodies.recipient):
        if body.about == "anyone" and not any(right.team == body.id for right in catalogue.rights.right):
            words = f"rights.toml gives {body.id} no right to anything, so that nobody of it gets a file"
            yield ("recipient", n, "about"), words
        if body.own and body.kinds:
            yield ("recipient", n, "kinds"), "the authority's own teams collect; it has no kinds"


def _teams(catalogue: Catalogue) -> _Faults:
    served = {team for _, _, entry in entries(catalogue) for team in entry.teams}
    entitled = {right.team for right in catalogue.rights.right}
    if not catalogue.looking_teams().triage:
        yield ("team",), "no team has triage = true, so nobody would see held files"
    if not catalogue.looking_teams().sensitive:
        yield ("team",), "no team has sensitive = true, so nobody would see sensitive files"
    for n, team in enumerate(catalogue.teams.team):
        place, looks = ("team", n, "id"), team.triage or team.sensitive
        if team.id in SHARED_FOLDERS:
            yield place, f"{team.id} is a folder of all teams, not a team"
        if team.id not in served and not looks:
            yield place, f"no flow sends anything to {team.id}"
        if team.id in served and team.id not in entitled:
            yield place, f"{team.id} has no right in rights.toml"
        if looks and catalogue.bodies.find(team.of or "") is not None:
            yield ("team", n, "of"), "files that wait are looked at by the authority's own people"


def _flows(catalogue: Catalogue) -> _Faults:
    flows = catalogue.flows.flow
    for clause in _twice(flow.clause for flow in flows if not flow.law):
        yield ("flow",), f"clause {clause} is that of two flows"
    for n, flow in enumerate(flows):
        for kind in sorted(set(flow.senders) & set(flow.on_behalf)):
            yield ("flow", n, "on_behalf"), f"{kind} is a sender already"
        for kind in sorted({*flow.senders, *flow.on_behalf} & set(flow.for_a_person)):
            yield ("flow", n, "for_a_person"), f"{kind} is a sender already"
        teams = {team for entry in flow.data_type for team in entry.teams}
        served = {catalogue.body_of(team) for team in catalogue.teams.team if team.id in teams}
        for body in catalogue.bodies.recipient:
            if body.id in flow.recipients and not body.kinds and body.id not in served:
                words = f"nobody of {body.id} gets it: no team of it stands in this flow"
                yield ("flow", n, "recipients"), words


def _to_teams(catalogue: Catalogue) -> _Faults:
    """Yield faults in the lists of teams for data types, and each data type sent to nobody."""
    for place, flow, entry in entries(catalogue):
        here = (*place, "teams")
        yield from ((here, "a team is listed twice") for _ in _twice(entry.teams)[:1])
        for name in entry.teams:
            team = catalogue.team(name)
            of = None if team is None else catalogue.body_of(team)
            if of is not None and of not in flow.recipients:
                yield here, f"{name} is of {of}, which is no recipient of this flow"
        bodies = map(catalogue.bodies.find, flow.recipients)
        if not entry.teams and not any(each is not None and each.kinds for each in bodies):
            yield here, f"no team gets {entry.id}, and no recipient of the flow is a provider"
    for place, _, entry in entries(catalogue, optional=True):
        # Teams that an item is carried for, or records go to, and that get no file of the data type.
        for name in sorted({team for each in entry.carried for team in each.teams} - set(entry.teams)):
            yield (*place, "carried"), f"{name} gets no {entry.id}, so nothing is carried for it"
        for name, records in entry.records.items():
            team, where = catalogue.team(name), (*place, "records", name)
            if name not in entry.teams or team is None or not team.pupil_level:
                yield where, f"{name} gets no records of {entry.id}"
            if records.item not in {*catalogue.appendix_a, *entry.carries}:
                near = nearest(records.item, catalogue.appendix_a)
                yield (*where, "item"), f"the agreement lists no {records.item}{near}"


def _data_types(catalogue: Catalogue) -> _Faults:
    """Yield a fault for each data type with wrong due times, and for each one about persons to which
    rights.toml gives no item.
    """
    results = {each.data_type for each in catalogue.calendar.results}
    due = {each.data_type for each in catalogue.calendar.due}
    ruled = {PUPILS, *(group.of for group in catalogue.rights.group)}
    for place, flow, entry in entries(catalogue):
        # Data types told by one update are due at the same times.
        others = {each.id: each.timescale for each in flow.data_type if each.id != entry.id}
        if entry.within is not None and others.get(entry.within) != entry.timescale:
            words = (
                f"is not due {entry.timescale}"
                if entry.within in others
                else "is no other data type of this flow"
            )
            yield (*place, "within"), f"{entry.within} {words}"
        for name in {*catalogue.agreement.persons, NOBODY}.intersection(entry.about) - ruled:
            words = f"rights.toml lists no item of {name}, so that no rule speaks of their data"
            yield (*place, "about"), words
        if entry.timescale in entry.also_due:
            yield (*place, "also_due"), f"it is due {entry.timescale} already"
        for kind, name in entry.timescale_of.items():
            if kind not in flow.kinds or name == entry.timescale:
                words = f"it is due {name} already" if kind in flow.kinds else f"{kind} does not send it"
                yield (*place, "timescale_of", kind), words
        if flow.embargo and entry.id not in results:
            yield (*place[:2], "embargo"), f"calendar.toml has no results day of {entry.id}"
        scales = entry.every_timescale()
        if "annually" in scales and entry.id not in due:
            yield (*place, "timescale"), f"calendar.toml does not say when {entry.id} is due"
        if "termly" in scales and not catalogue.calendar.census:
            yield (*place, "timescale"), "calendar.toml names no census"


def _rights(catalogue: Catalogue) -> _Faults:
    """Yield each item given to no team, and each exception (`without`, `not_from`) without effect."""
    rights = catalogue.rights
    entitled = {body.id for body in catalogue.bodies.recipient if body.about == "anyone"}
    of_nobody = {group.label for group in rights.group if group.of == NOBODY}
    twice = _twice(label for group in rights.group for label in group.labels())
    yield from ((("group",), f"{name} is listed twice") for name in twice)
    for n, group in enumerate(rights.group):
        strange = sorted(set(group.proposed) - set(group.items))
        yield from ((("group", n, "proposed"), f"{item} is not an item of {group.label}") for item in strange)
        for m, item in enumerate(group.labels()):
            agreed = group.items[m] not in group.proposed
            if agreed and not any(catalogue.may_have(right.team, item) for right in rights.right):
                yield ("group", n, "items", m), f"no team may have {item}"
    for n, right in enumerate(rights.right):
        taken = [("without", item, "") for item in right.without]
        taken += [("not_from", one, f" of {kind}") for kind, items in right.not_from.items() for one in items]
        for key, item, of in taken:
            if item in catalogue.appendix_a and not catalogue.would_have(right, item):
                words = f"{right.team} has no right to {item}, so it need not be taken away{of}"
                yield ("right", n, key), words
        team = catalogue.team(right.team)
        if team is None and right.team not in entitled:
            yield ("right", n, "team"), f"there is no team {right.team}"
        records = right.selections or right.items or set(right.groups) - of_nobody
        if team is not None and not team.pupil_level and records:
            yield ("right", n, "groups"), f"{team.id} may have no data about single pupils"


def _methods(catalogue: Catalogue) -> _Faults:
    methods = catalogue.methods
    way = methods.find(GATEWAY)
    if way is None:
        near = nearest(GATEWAY, [each.id for each in methods.method])
        yield ("method",), f"there is no method {GATEWAY}{near}: every file would be refused"
    elif not way.electronic or way.declarable or way.need or way.flows is not None or way.senders is not None:
        words = f"{GATEWAY} is this gateway: electronic, not declared, for all, without needs"
        yield ("method", methods.method.index(way)), words
    taken = {*catalogue.data_types(), *(flow.id for flow in catalogue.flows.flow)}
    for n, each in ((n, each) for n, each in enumerate(methods.material) if each.id in taken):
        yield ("material", n, "id"), f"{each.id} is a flow or data type already"
    for n, method in enumerate(methods.method):
        for m, both in enumerate(sorted(set(need.when) & set(need.unless)) for need in method.need):
            if both:
                yield ("method", n, "need", m), f"it can never arise: {both[0]} is both in when and in unless"
        # Flows that no data of the flow, or none of its senders, may use the method for.
        for flow in filter(None, map(catalogue.flow, method.flows or ())):
            if not method.electronic and all(entry.electronic for entry in flow.data_type):
                words = f"{flow.id} has to travel electronically, which {method.id} is not"
                yield ("method", n, "flows"), words
            elif method.senders is not None and {*flow.senders, *flow.on_behalf}.isdisjoint(method.senders):
                yield ("method", n, "flows"), f"none of the senders of {flow.id} may use {method.id}"


def _agreement(catalogue: Catalogue) -> _Faults:
    agreement = catalogue.agreement
    if "en" not in agreement.languages:
        yield ("languages",), "English is one of the languages"
    for kind in catalogue.bodies.parties if agreement.signatory else ():
        signing = agreement.signatories(kind)
        if signing and [each.by_copy for each in signing].count(True) != 1:
            words = f"for a {kind}, exactly one of them signs by the copy in /agreement: by_copy = true"
            yield ("signatory",), words


def _hand_ons(catalogue: Catalogue) -> _Faults:
    """Yield hand-ons of data that their team does not get, and contradictory settings of output files."""
    for n, each in enumerate(catalogue.hand_ons.hand_on):
        known = catalogue.team(each.team) is not None
        for m, name in enumerate(each.data_types if known else ()):
            if name not in catalogue.entries or each.team not in catalogue.entries[name].teams:
                yield ("hand_on", n, "data_types", m), f"{each.team} gets no {name}"
            elif catalogue.has_counts_alone(each.team, name):
                yield ("hand_on", n, "data_types", m), f"{each.team} gets counts of {name} alone"
        repeated = _twice(file.name for file in each.file)
        for m, file in enumerate(each.file):
            place = ("hand_on", n, "file", m)
            if file.name in repeated:
                yield (*place, "name"), f"{file.name} is listed twice"
            parts = any("/" in heading for column in file.column for heading in column.headings)
            if parts != bool(file.each):
                yield (*place, "each"), "headings such as Contact/Surname and each belong together"


def _calendar(catalogue: Catalogue) -> _Faults:
    calendar = catalogue.calendar
    try:
        ZoneInfo(calendar.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield ("timezone",), "there is no such time zone"
    # Results whose season begins on their day or later, so that none of a summer would wait.
    for n, each in enumerate(calendar.results):
        if any(day_in(y, each.season) >= day_by_rule(each.rule, each.dates, y) for y in _YEARS):
            yield ("results", n, "season"), "the season begins after the day of the results"
    # Phases that share establishment numbers.
    ranges = sorted(
        (first, last, n) for n, each in enumerate(calendar.phase) for first, last in each.establishments
    )
    for (_, last, _), (first, _, n) in pairwise(ranges):
        if first <= last:
            yield ("phase", n, "establishments"), f"establishment {first} is in a range before this one, too"
    # Releases of results, and censuses, that say the same.
    results = _twice((each.data_type, each.time, each.rule, each.dates) for each in calendar.results)
    for name in sorted({each[0] for each in results}):
        yield ("results",), f"{name} is given twice"
    for term in _twice(each.term for each in calendar.census if each.term is not None):
        yield ("census",), f"the {term} census is given twice"


def _due(catalogue: Catalogue) -> _Faults:
    """Yield due dates counted from a results day that is not set, and due dates that no flow uses."""
    calendar = catalogue.calendar
    results = {each.data_type for each in calendar.results}
    timescales = {entry.id: entry.every_timescale() for _, _, entry in entries(catalogue)}
    for n, due in enumerate(calendar.due):
        if due.days is not None and due.data_type not in results:
            yield ("due", n, "days"), f"there is no results day of {due.data_type}"
        scales = timescales.get(due.data_type, ("annually",))
        if "annually" not in scales:
            yield ("due", n, "data_type"), f"{due.data_type} is due {scales[0]}, so that this says nothing"
    if calendar.census and not any("termly" in each for each in timescales.values()):
        yield ("census",), "nothing is due termly, so that this says nothing"


def _terms(catalogue: Catalogue) -> _Faults:
    """Yield faults of the written terms, and of the first year to which the term rules give faulty terms."""
    calendar = catalogue.calendar
    for n, year in enumerate(calendar.school_year):
        yield from ((("school_year", n, key), text) for key, text in _year_faults(year))
    for first in _YEARS if calendar.term_rule else ():  # For any date of Easter.
        try:
            faults = [text for _, text in _year_faults(terms_by_rule(calendar, first))]
        except ValidationError:
            faults = ["a term ends before it begins"]
        if faults:
            yield ("term_rule",), f"in {academic_year_from(first)} {faults[0]}"
            return


def _year_faults(year: SchoolYear) -> Iterator[tuple[str, str]]:
    try:
        first = first_year(year.academic_year)
    except ValueError:
        yield "academic_year", "write it as 2026-27"
        return
    if any(earlier.last >= later.first for earlier, later in pairwise(year.terms)):
        yield "terms", "the terms overlap or are out of order"
    if year.terms[0].first.year != first or year.terms[-1].last.year not in {first, first + 1}:
        yield "terms", f"the terms are not those of {year.academic_year}"


_CHECKS: tuple[tuple[str, Callable[[Catalogue], _Faults]], ...] = (
    ("bodies.toml", _bodies),
    ("teams.toml", _teams),
    *(("flows.toml", check) for check in (_flows, _to_teams, _data_types)),
    ("rights.toml", _rights),
    ("methods.toml", _methods),
    ("agreement.toml", _agreement),
    *(("calendar.toml", check) for check in (_calendar, _due, _terms)),
    ("hand_ons.toml", _hand_ons),
)
