"""Check policy files against one another: every name used must exist, every data type has one flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from gateway.home.settings_file import Location, nearest
from gateway.policy.calendar_schema import CalendarFile, SchoolYear
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.citations import citation_faults
from gateway.policy.dates import academic_year_from, day_by_rule, day_in, first_year, terms_by_rule
from gateway.policy.faults import Contradiction
from gateway.policy.names import name_faults, names_at
from gateway.policy.schema import NOBODY, PUPILS, SHARED_FOLDERS, Flow, FlowDataType, FlowsFile
from gateway.policy.small_schemas import DFE_NUMBER, URN

_EXAMPLES = {DFE_NUMBER: "9991234", URN: "999123"}
"""A number of each kind that files name: 7 figures for the DfE, 6 for its register of establishments."""


def _bodies(catalogue: Catalogue) -> Iterator[Contradiction]:
    bodies = catalogue.bodies
    if [each.own for each in bodies.recipient].count(True) != 1:
        yield "bodies.toml", ("recipient",), "exactly one recipient is the authority itself: own = true"
    for n, number in enumerate(bodies.identifier):
        if number.id in _EXAMPLES and not number.fits(_EXAMPLES[number.id]):
            words = f"{_EXAMPLES[number.id]} does not fit the pattern"
            yield "bodies.toml", ("identifier", n, "pattern"), words
    for n, team in enumerate(catalogue.teams.team):
        if bodies.find(team.of or "") is not None and (team.triage or team.sensitive):
            words = "files that wait are looked at by the authority's own people"
            yield "teams.toml", ("team", n, "of"), words
    for n, body in enumerate(bodies.recipient):
        if body.about == "anyone" and not any(right.team == body.id for right in catalogue.rights.right):
            words = f"rights.toml gives {body.id} no right to anything, so that nobody of it gets a file"
            yield "bodies.toml", ("recipient", n, "about"), words
        if body.own and body.kinds:
            words = "the authority's own teams collect; it has no kinds"
            yield "bodies.toml", ("recipient", n, "kinds"), words


def _recipients(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield recipients of a flow without a team there, foreign teams, and data types that reach nobody."""
    for n, flow in enumerate(catalogue.flows.flow):
        teams = {team for entry in flow.data_type for team in entry.teams}
        served = {catalogue.body_of(team) for team in catalogue.teams.team if team.id in teams}
        for body in catalogue.bodies.recipient:
            if body.id in flow.recipients and not body.kinds and body.id not in served:
                words = f"nobody of {body.id} gets it: no team of it stands in this flow"
                yield "flows.toml", ("flow", n, "recipients"), words
        found = map(catalogue.bodies.find, flow.recipients)
        sent_on = any(each is not None and each.kinds for each in found)
        for m, entry in enumerate(flow.data_type):
            place = ("flow", n, "data_type", m, "teams")
            for name in entry.teams:
                team = catalogue.team(name)
                of = None if team is None else catalogue.body_of(team)
                if of is not None and of not in flow.recipients:
                    yield "flows.toml", place, f"{name} is of {of}, which is no recipient of this flow"
            if not entry.teams and not sent_on:
                words = f"no team gets {entry.id}, and no recipient of the flow is a provider"
                yield "flows.toml", place, words


def _hand_ons(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield hand-ons of data the team does not get, and contradictory settings of output files."""
    for n, each in enumerate(catalogue.hand_ons.hand_on):
        place, team = ("hand_on", n), catalogue.team(each.team)
        for m, name in enumerate(each.data_types if team is not None else ()):
            flow = catalogue.flow_of(name)
            if flow is None or each.team not in flow.of(name).teams:
                yield "hand_ons.toml", (*place, "data_types", m), f"{each.team} gets no {name}"
            elif catalogue.has_counts_alone(each.team, name):
                yield "hand_ons.toml", (*place, "data_types", m), f"{each.team} gets counts of {name} alone"
        names = Counter(file.name for file in each.file)
        for m, file in enumerate(each.file):
            if names[file.name] > 1:
                yield "hand_ons.toml", (*place, "file", m, "name"), f"{file.name} is listed twice"
            parts = any("/" in heading for column in file.column for heading in column.headings)
            if parts != bool(file.each):
                words = "headings such as Contact/Surname and each belong together"
                yield "hand_ons.toml", (*place, "file", m, "each"), words


def _parties(catalogue: Catalogue) -> Iterator[Contradiction]:
    agreement = catalogue.agreement
    for kind in catalogue.bodies.parties if agreement.signatory else ():
        signing = agreement.signatories(kind)
        if signing and [each.by_copy for each in signing].count(True) != 1:
            words = f"for a {kind}, exactly one of them signs by the copy in /agreement: by_copy = true"
            yield "agreement.toml", ("signatory",), words
    ruled = {group.of for group in catalogue.rights.group} | {PUPILS}
    for each in names_at(catalogue.files, "flows.toml flow.data_type.about"):
        if each.name in {*agreement.persons, NOBODY} - ruled:
            words = f"rights.toml lists no item of {each.name}, so that no rule speaks of their data"
            yield each.file, each.location, words


GATEWAY = "sftp"
"""The method of this gateway itself."""


def _without_effect(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield settings of the calendar that have no effect."""
    timescales = {
        entry.id: entry.every_timescale() for flow in catalogue.flows.flow for entry in flow.data_type
    }
    for n, due in enumerate(catalogue.calendar.due):
        if "annually" not in timescales.get(due.data_type, ("annually",)):
            words = f"{due.data_type} is due {timescales[due.data_type][0]}, so that this says nothing"
            yield "calendar.toml", ("due", n, "data_type"), words
    if catalogue.calendar.census and not any("termly" in each for each in timescales.values()):
        yield "calendar.toml", ("census",), "nothing is due termly, so that this says nothing"


def _teams(catalogue: Catalogue) -> Iterator[Contradiction]:
    served = {team for flow in catalogue.flows.flow for entry in flow.data_type for team in entry.teams}
    entitled = {right.team for right in catalogue.rights.right}
    for n, team in enumerate(catalogue.teams.team):
        if team.id in SHARED_FOLDERS:
            yield "teams.toml", ("team", n, "id"), f"{team.id} is a folder of all teams, not a team"
        if team.id not in served and not team.triage and not team.sensitive:
            yield "teams.toml", ("team", n, "id"), f"no flow sends anything to {team.id}"
        if team.id in served and team.id not in entitled:
            yield ("teams.toml", ("team", n, "id"), f"{team.id} has no right in rights.toml")
    for n, flow in enumerate(catalogue.flows.flow):
        for m, entry in enumerate(flow.data_type):
            if len(set(entry.teams)) < len(entry.teams):
                yield "flows.toml", ("flow", n, "data_type", m, "teams"), "a team is listed twice"


def _rights(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield items no team may have, and exceptions (`without`, `not_from`) to a right not given."""
    for n, group in enumerate(catalogue.rights.group):
        for m, item in enumerate(group.labels()):
            agreed = group.items[m] not in group.proposed
            if agreed and not any(catalogue.may_have(right.team, item) for right in catalogue.rights.right):
                yield "rights.toml", ("group", n, "items", m), f"no team may have {item}"
    for n, right in enumerate(catalogue.rights.right):
        taken = [("without", item, "") for item in right.without]
        taken += [
            ("not_from", item, f" of {kind}") for kind, items in right.not_from.items() for item in items
        ]
        for key, item, of in taken:
            if item in catalogue.appendix_a and not catalogue.would_have(right, item):
                words = f"{right.team} has no right to {item}, so it need not be taken away{of}"
                yield "rights.toml", ("right", n, key), words


def _methods(catalogue: Catalogue) -> Iterator[Contradiction]:
    methods = catalogue.methods
    way = methods.find(GATEWAY)
    if way is None:
        words = f"there is no method {GATEWAY}{nearest(GATEWAY, [each.id for each in methods.method])}"
        yield "methods.toml", ("method",), f"{words}: every file would be refused"
    elif not way.electronic or way.declarable or way.need or way.flows is not None or way.senders is not None:
        place = ("method", methods.method.index(way))
        yield (
            "methods.toml",
            place,
            f"{GATEWAY} is this gateway: electronic, not declared, for all, without needs",
        )
    yield from _carries_nothing(catalogue)
    for n, material in enumerate(methods.material):
        if catalogue.flow(material.id) or catalogue.flow_of(material.id):
            yield "methods.toml", ("material", n, "id"), f"{material.id} is a flow or data type already"
    for n, method in enumerate(methods.method):
        for m, need in enumerate(method.need):
            if both := sorted(set(need.when) & set(need.unless)):
                words = f"it can never arise: {both[0]} is both in when and in unless"
                yield "methods.toml", ("method", n, "need", m), words


def _carries_nothing(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield flows named by a method that no data of the flow, or none of its senders, may use."""
    for n, method in enumerate(catalogue.methods.method):
        flows = [flow for name in method.flows or () if (flow := catalogue.flow(name)) is not None]
        for flow in flows:
            open_ones = [entry for entry in flow.data_type if method.electronic or not entry.electronic]
            senders = {*flow.senders, *flow.on_behalf}
            if not open_ones:
                words = f"{flow.id} has to travel electronically, which {method.id} is not"
                yield "methods.toml", ("method", n, "flows"), words
            elif method.senders is not None and senders.isdisjoint(method.senders):
                words = f"none of the senders of {flow.id} may use {method.id}"
                yield "methods.toml", ("method", n, "flows"), words


def contradictions(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield each contradiction: the file to correct, the place in the file, and a message."""
    yield from citation_faults(catalogue)
    yield from name_faults(catalogue, catalogue.files)
    yield from _bodies(catalogue)
    yield from _recipients(catalogue)
    if not catalogue.looking_teams().triage:
        yield "teams.toml", ("team",), "no team has triage = true, so nobody would see held files"
    if not catalogue.sensitive_teams():
        yield "teams.toml", ("team",), "no team has sensitive = true, so nobody would see sensitive files"
    yield from _flow_faults(catalogue)
    # Teams that an item is carried for, or records go to, and that get no file of the data type.
    for table, listed in (("flow", catalogue.flows.flow), ("optional", catalogue.flows.optional)):
        entries = (
            ((table, n), m, entry) for n, flow in enumerate(listed) for m, entry in enumerate(flow.data_type)
        )
        for place, m, entry in entries:
            for name in sorted({team for each in entry.carried for team in each.teams} - set(entry.teams)):
                words = f"{name} gets no {entry.id}, so nothing is carried for it"
                yield "flows.toml", (*place, "data_type", m, "carried"), words
            for name, records in entry.records.items():
                team, where = catalogue.team(name), (*place, "data_type", m, "records", name)
                if name not in entry.teams or team is None or not team.pupil_level:
                    yield "flows.toml", where, f"{name} gets no records of {entry.id}"
                if records.item not in {*catalogue.appendix_a, *entry.carries}:
                    near = nearest(records.item, catalogue.appendix_a)
                    yield "flows.toml", (*where, "item"), f"the agreement lists no {records.item}{near}"
    yield from _right_faults(catalogue)
    yield from _without_effect(catalogue)
    yield from _teams(catalogue)
    yield from _rights(catalogue)
    yield from _methods(catalogue)
    if "en" not in catalogue.agreement.languages:
        yield "agreement.toml", ("languages",), "English is one of the languages"
    yield from _parties(catalogue)
    yield from _calendar(catalogue.calendar, catalogue.flows)
    yield from _hand_ons(catalogue)


def _flow_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    flows = catalogue.flows.flow
    for clause, count in Counter(flow.clause for flow in flows if not flow.law).items():
        if count > 1:
            yield "flows.toml", ("flow",), f"clause {clause} is that of two flows"
    for n, flow in enumerate(flows):
        for kind in sorted(set(flow.senders) & set(flow.on_behalf)):
            yield "flows.toml", ("flow", n, "on_behalf"), f"{kind} is a sender already"
        for kind in sorted({*flow.senders, *flow.on_behalf} & set(flow.for_a_person)):
            yield "flows.toml", ("flow", n, "for_a_person"), f"{kind} is a sender already"
        # Data types told by one update are due at the same times.
        timescales = {entry.id: entry.timescale for entry in flow.data_type}
        for m, entry in enumerate(flow.data_type):
            place = ("flow", n, "data_type", m, "within")
            if entry.within is not None and entry.within not in timescales.keys() - {entry.id}:
                yield "flows.toml", place, f"{entry.within} is no other data type of this flow"
            elif entry.within is not None and timescales[entry.within] != entry.timescale:
                yield "flows.toml", place, f"{entry.within} is not due {entry.timescale}"


def _right_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    rights = catalogue.rights
    for name, count in Counter(label for group in rights.group for label in group.labels()).items():
        if count > 1:
            yield "rights.toml", ("group",), f"{name} is listed twice"
    for n, group in enumerate(rights.group):
        for item in sorted(set(group.proposed) - set(group.items)):
            yield "rights.toml", ("group", n, "proposed"), f"{item} is not an item of {group.label}"
    entitled = {body.id for body in catalogue.bodies.recipient if body.about == "anyone"}
    of_nobody = {group.label for group in rights.group if group.of == NOBODY}
    for n, right in enumerate(rights.right):
        team = catalogue.team(right.team)
        if team is None and right.team not in entitled:
            yield "rights.toml", ("right", n, "team"), f"there is no team {right.team}"
        records = right.selections or right.items or set(right.groups) - of_nobody
        if team is not None and not team.pupil_level and records:
            yield "rights.toml", ("right", n, "groups"), f"{team.id} may have no data about single pupils"


_YEARS = range(2020, 2060)


def _calendar(calendar: CalendarFile, flows: FlowsFile) -> Iterator[Contradiction]:
    """Yield each fault of the calendar: the file to correct, the place in the file, and a message."""
    try:
        ZoneInfo(calendar.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "calendar.toml", ("timezone",), "there is no such time zone"
    for n, year in enumerate(calendar.school_year):
        yield from (("calendar.toml", ("school_year", n, key), text) for key, text in _year_faults(year))
    yield from _rule_faults(calendar)
    # Results whose season begins on their day or later, so that none of a summer would wait.
    for n, each in enumerate(calendar.results):
        if any(day_in(y, each.season) >= day_by_rule(each.rule, each.dates, y) for y in _YEARS):
            yield "calendar.toml", ("results", n, "season"), "the season begins after the day of the results"
    # Phases that share establishment numbers.
    ranges = sorted(
        (first, last, n) for n, each in enumerate(calendar.phase) for first, last in each.establishments
    )
    for (_, last, _), (first, _, n) in pairwise(ranges):
        if first <= last:
            words = f"establishment {first} is in a range before this one, too"
            yield "calendar.toml", ("phase", n, "establishments"), words
    # Releases of results, and censuses, that say the same.
    results = [(each.data_type, each.time, each.rule, each.dates) for each in calendar.results]
    for name in sorted({one[0] for one in results if results.count(one) > 1}):
        yield "calendar.toml", ("results",), f"{name} is given twice"
    for term, count in Counter(each.term for each in calendar.census).items():
        if term is not None and count > 1:
            yield "calendar.toml", ("census",), f"the {term} census is given twice"
    yield from _missing_days(calendar, flows)


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


def _rule_faults(calendar: CalendarFile) -> Iterator[Contradiction]:
    """Yield faults of term rules: terms out of order in some year, for any date of Easter."""
    for first in _YEARS if calendar.term_rule else ():
        try:
            faults = [text for _, text in _year_faults(terms_by_rule(calendar, first))]
        except ValidationError:
            faults = ["a term ends before it begins"]
        if faults:
            yield "calendar.toml", ("term_rule",), f"in {academic_year_from(first)} {faults[0]}"
            return


def _timescale_faults(flow: Flow, entry: FlowDataType, place: Location) -> Iterator[Contradiction]:
    if entry.timescale in entry.also_due:
        yield "flows.toml", (*place, "also_due"), f"it is due {entry.timescale} already"
    for kind, name in entry.timescale_of.items():
        if kind not in flow.kinds or name == entry.timescale:
            words = f"it is due {name} already" if kind in flow.kinds else f"{kind} does not send it"
            yield "flows.toml", (*place, "timescale_of", kind), words


def _missing_days(calendar: CalendarFile, flows: FlowsFile) -> Iterator[Contradiction]:
    results = {each.data_type for each in calendar.results}
    due = {each.data_type: each for each in calendar.due}
    for n, flow in enumerate(flows.flow):
        for m, entry in enumerate(flow.data_type):
            place = ("flow", n, "data_type", m, "timescale")
            yield from _timescale_faults(flow, entry, place[:-1])
            if flow.embargo and entry.id not in results:
                yield "flows.toml", ("flow", n, "embargo"), f"calendar.toml has no results day of {entry.id}"
            scales = entry.every_timescale()
            if "annually" in scales and entry.id not in due:
                yield "flows.toml", place, f"calendar.toml does not say when {entry.id} is due"
            if "termly" in scales and not calendar.census:
                yield "flows.toml", place, "calendar.toml names no census"
    for n, each in enumerate(calendar.due):
        if each.days is not None and each.data_type not in results:
            yield "calendar.toml", ("due", n, "days"), f"there is no results day of {each.data_type}"
