"""Check policy files against one another: every name used must exist, every data type has one flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from gateway.home.settings_file import nearest
from gateway.policy.agreement_schema import AgreementFile
from gateway.policy.calendar_check import calendar_faults
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.citations import citation_faults
from gateway.policy.faults import Contradiction, Location
from gateway.policy.schema import NOBODY, PUPILS, Flow, FlowDataType, Right
from gateway.policy.small_schemas import DFE_NUMBER, URN, Method, RecipientBody

_EXAMPLES = {DFE_NUMBER: "9991234", URN: "999123"}
"""A number of each kind that files name: 7 figures for the DfE, 6 for its register of establishments."""


def bodies_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield each fault: the file to correct, the place in the file, and a message."""
    bodies = catalogue.bodies
    for table, names in (
        ("kind", [each.id for each in bodies.kind]),
        ("identifier", [each.id for each in bodies.identifier]),
        ("recipient", [each.id for each in bodies.recipient]),
    ):
        for name in (name for name, count in Counter(names).items() if count > 1):
            yield "bodies.toml", (table,), f"{name} is listed twice"
    if [each.own for each in bodies.recipient].count(True) != 1:
        yield "bodies.toml", ("recipient",), "exactly one recipient is the authority itself: own = true"
    known = catalogue.bodies.kinds()
    for file, place, kind in _named_kinds(catalogue):
        if kind not in known:
            yield file, place, f"bodies.toml lists no kind {kind}{nearest(kind, known)}"
    yield from _of_kinds(catalogue)
    yield from _of_recipients(catalogue)
    recipients = [each.id for each in catalogue.bodies.recipient]
    for n, team in enumerate(catalogue.teams.team):
        if team.of is not None and team.of not in recipients:
            yield (
                "teams.toml",
                ("team", n, "of"),
                f"bodies.toml lists no recipient {team.of}{nearest(team.of, recipients)}",
            )
        elif team.of is not None and (team.triage or team.sensitive):
            yield (
                "teams.toml",
                ("team", n, "of"),
                "files that wait are looked at by the authority's own people",
            )


def _named_kinds(catalogue: Catalogue) -> Iterator[tuple[str, Location, str]]:
    for n, flow in enumerate(catalogue.flows.flow):
        for key in ("senders", "on_behalf", "for_a_person"):
            yield from (("flows.toml", ("flow", n, key), kind) for kind in getattr(flow, key))
    for n, method in enumerate(catalogue.methods.method):
        yield from (("methods.toml", ("method", n, "senders"), kind) for kind in method.senders or ())
    for n, right in enumerate(catalogue.rights.right):
        yield from (("rights.toml", ("right", n, "not_from", kind), kind) for kind in right.not_from)
    for n, each in enumerate(catalogue.bodies.kind):
        yield from (("bodies.toml", ("kind", n, "becomes"), kind) for kind in each.becomes)
    for n, body in enumerate(catalogue.bodies.recipient):
        yield from (("bodies.toml", ("recipient", n, "kinds"), kind) for kind in body.kinds)


def _of_kinds(catalogue: Catalogue) -> Iterator[Contradiction]:
    bodies, data_types = catalogue.bodies, catalogue.data_types()
    numbers = [each.id for each in bodies.identifier]
    taking_part = {kind for file, _, kind in _named_kinds(catalogue) if file == "flows.toml"}
    taking_part |= {kind for body in bodies.recipient for kind in body.kinds}
    for n, kind in enumerate(bodies.kind):
        if kind.id not in taking_part:
            yield "bodies.toml", ("kind", n, "id"), f"no flow is from or for a provider of the kind {kind.id}"
        if kind.identifier is not None and kind.identifier not in numbers:
            words = f"there is no identifier {kind.identifier}{nearest(kind.identifier, numbers)}"
            yield "bodies.toml", ("kind", n, "identifier"), words
        for name in kind.not_expected:
            if name not in data_types:
                words = f"no flow lists {name}{nearest(name, data_types)}"
                yield "bodies.toml", ("kind", n, "not_expected"), words
    used = {kind.identifier for kind in bodies.kind} | {DFE_NUMBER, URN}
    for n, number in enumerate(bodies.identifier):
        if number.id not in used:
            yield "bodies.toml", ("identifier", n, "id"), f"no kind is known by its {number.id}"
        if number.id in _EXAMPLES and not number.fits(_EXAMPLES[number.id]):
            words = f"{_EXAMPLES[number.id]} does not fit the pattern"
            yield "bodies.toml", ("identifier", n, "pattern"), words


def _of_recipients(catalogue: Catalogue) -> Iterator[Contradiction]:
    bodies = catalogue.bodies
    known, used = [each.id for each in bodies.recipient], set[str]()
    for n, flow in enumerate(catalogue.flows.flow):
        used.update(flow.recipients)
        for name in flow.recipients:
            body = bodies.find(name)
            if body is None:
                words = f"bodies.toml lists no recipient {name}{nearest(name, known)}"
                yield "flows.toml", ("flow", n, "recipients"), words
            elif not body.kinds and not _teams_of(body, flow, catalogue):
                words = f"nobody of {name} gets it: no team of it stands in this flow"
                yield "flows.toml", ("flow", n, "recipients"), words
        for m, entry in enumerate(flow.data_type):
            yield from _addressed(n, m, flow, entry, catalogue)
    for n, body in enumerate(bodies.recipient):
        if body.id not in used:
            yield "bodies.toml", ("recipient", n, "id"), f"no flow goes to {body.id}"
        if body.about == "anyone" and not any(right.team == body.id for right in catalogue.rights.right):
            words = f"rights.toml gives {body.id} no right to anything, so that nobody of it gets a file"
            yield "bodies.toml", ("recipient", n, "about"), words
        if body.own and body.kinds:
            yield (
                "bodies.toml",
                ("recipient", n, "kinds"),
                "the authority's own teams collect; it has no kinds",
            )


def _addressed(
    n: int, m: int, flow: Flow, entry: FlowDataType, catalogue: Catalogue
) -> Iterator[Contradiction]:
    """Check that each team of a data type belongs to a recipient of the flow, and that some team gets it."""
    place = ("flow", n, "data_type", m, "teams")
    for name in entry.teams:
        team = catalogue.team(name)
        if team is not None and (of := catalogue.body_of(team)) is not None and of not in flow.recipients:
            yield "flows.toml", place, f"{name} is of {of}, which is no recipient of this flow"
    bodies = (catalogue.bodies.find(each) for each in flow.recipients)
    if not entry.teams and not any(body is not None and body.kinds for body in bodies):
        yield "flows.toml", place, f"no team gets {entry.id}, and no recipient of the flow is a provider"


def _teams_of(body: RecipientBody, flow: Flow, catalogue: Catalogue) -> bool:
    teams = (catalogue.team(name) for entry in flow.data_type for name in entry.teams)
    return any(team is not None and catalogue.body_of(team) == body.id for team in teams)


def hand_on_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield hand-ons of unknown teams, of data that the team does not get, and names used twice."""
    counted = Counter(each.id for each in catalogue.hand_ons.hand_on)
    for n, each in enumerate(catalogue.hand_ons.hand_on):
        place, team = ("hand_on", n), catalogue.team(each.team)
        if counted[each.id] > 1:
            yield "hand_ons.toml", (*place, "id"), f"{each.id} is listed twice"
        if team is None:
            yield "hand_ons.toml", (*place, "team"), f"there is no team {each.team}"
            continue
        for m, name in enumerate(each.data_types):
            flow = catalogue.flow_of(name)
            if flow is None or team.id not in flow.of(name).teams:
                yield "hand_ons.toml", (*place, "data_types", m), f"{team.id} gets no {name}"
            elif catalogue.has_counts_alone(team.id, name):
                yield "hand_ons.toml", (*place, "data_types", m), f"{team.id} gets counts of {name} alone"
        names = Counter(file.name for file in each.file)
        for m, file in enumerate(each.file):
            if names[file.name] > 1:
                yield "hand_ons.toml", (*place, "file", m, "name"), f"{file.name} is listed twice"
            parts = any("/" in heading for column in file.column for heading in column.headings)
            if parts != bool(file.each):
                words = "headings such as Contact/Surname and each belong together"
                yield "hand_ons.toml", (*place, "file", m, "each"), words


_USUAL = frozenset(AgreementFile.model_fields["bases"].default)


def parties_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield each fault: the file to correct, the place in the file, and a message."""
    yield from _signatories(catalogue)
    known, used = catalogue.agreement.bases, set[str]()
    for n, flow in enumerate(catalogue.flows.flow):
        used.update(flow.basis)
        for name in flow.basis:
            if name not in known:
                words = f"agreement.toml has no basis {name}{nearest(name, known)}"
                yield "flows.toml", ("flow", n, "basis"), words
    for name in known:
        if name not in used | _USUAL:
            yield "agreement.toml", ("bases", name), f"no flow rests on {name}"
    yield from _persons(catalogue)


def _signatories(catalogue: Catalogue) -> Iterator[Contradiction]:
    roles = catalogue.agreement.signatory
    names = [each.role for each in roles]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield "agreement.toml", ("signatory",), f"{name} is listed twice"
    kinds = catalogue.bodies.kinds()
    for n, role in enumerate(roles):
        for name in role.kinds:
            if name not in kinds:
                words = f"bodies.toml lists no kind {name}{nearest(name, kinds)}"
                yield "agreement.toml", ("signatory", n, "kinds"), words
    for kind in catalogue.bodies.parties() if roles else ():
        signing = catalogue.agreement.signatories(kind)
        if signing and [each.by_copy for each in signing].count(True) != 1:
            words = f"for a {kind}, exactly one of them signs by the copy in /agreement: by_copy = true"
            yield "agreement.toml", ("signatory",), words


def _persons(catalogue: Catalogue) -> Iterator[Contradiction]:
    known, used = {*catalogue.agreement.persons, NOBODY}, {PUPILS, NOBODY}
    listed = {group.of for group in catalogue.rights.group}
    for n, flow in enumerate(catalogue.flows.flow):
        for m, entry in enumerate(flow.data_type):
            used.update(entry.about)
            place = ("flow", n, "data_type", m, "about")
            for name in entry.about:
                if name not in known:
                    words = f"agreement.toml knows no persons {name}{nearest(name, known)}"
                    yield "flows.toml", place, words
                elif name not in listed and name != PUPILS:
                    words = f"rights.toml lists no item of {name}, so that no rule speaks of their data"
                    yield "flows.toml", place, words
    for n, group in enumerate(catalogue.rights.group):
        if group.of not in known:
            words = f"agreement.toml knows no persons {group.of}{nearest(group.of, known)}"
            yield "rights.toml", ("group", n, "of"), words
    for name in known:
        if name not in used:
            yield "agreement.toml", ("persons", name), f"no flow is about {name}"


GATEWAY = "sftp"
"""The method of this gateway itself."""


def unused(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield each definition without a use, and each use without effect, with its place."""
    yield from _teams(catalogue)
    yield from _rights(catalogue)
    yield from _methods(catalogue)
    timescales = {
        entry.id: entry.every_timescale() for flow in catalogue.flows.flow for entry in flow.data_type
    }
    for n, due in enumerate(catalogue.calendar.due):
        if "annually" not in timescales.get(due.data_type, ("annually",)):
            words = f"{due.data_type} is due {timescales[due.data_type][0]}, so that this says nothing"
            yield "calendar.toml", ("due", n, "data_type"), words
    if catalogue.calendar.census and not any("termly" in each for each in timescales.values()):
        yield "calendar.toml", ("census",), "nothing is due termly, so that this says nothing"
    said, known = catalogue.agreement.discrepancies, catalogue.data_types()
    for key, names in (("rolls", said.rolls), ("whole_rolls", said.whole_rolls)):
        for name in names:
            if name not in known:
                yield "agreement.toml", ("discrepancies", key), f"no flow lists {name}{nearest(name, known)}"
    for name in said.whole_rolls:
        if name not in said.rolls:
            yield "agreement.toml", ("discrepancies", "whole_rolls"), f"{name} is not among the rolls"
    yield from _languages(catalogue)
    yield from parties_faults(catalogue)
    yield from _breach(catalogue)


def _teams(catalogue: Catalogue) -> Iterator[Contradiction]:
    served = {team for flow in catalogue.flows.flow for entry in flow.data_type for team in entry.teams}
    entitled = {right.team for right in catalogue.rights.right}
    for n, team in enumerate(catalogue.teams.team):
        if team.id not in served and not team.triage and not team.sensitive:
            yield "teams.toml", ("team", n, "id"), f"no flow sends anything to {team.id}"
        if team.id in served and team.id not in entitled:
            yield ("teams.toml", ("team", n, "id"), f"{team.id} has no right in rights.toml")
    for n, right in enumerate(catalogue.rights.right):
        if right.team not in served and catalogue.team(right.team) is not None:
            yield "rights.toml", ("right", n, "team"), f"no flow sends anything to {right.team}"
    for n, flow in enumerate(catalogue.flows.flow):
        for m, entry in enumerate(flow.data_type):
            if len(set(entry.teams)) < len(entry.teams):
                yield "flows.toml", ("flow", n, "data_type", m, "teams"), "a team is listed twice"


def _rights(catalogue: Catalogue) -> Iterator[Contradiction]:
    rights = catalogue.rights
    chosen = {name for right in rights.right for name in right.selections}
    for n, selection in enumerate(rights.selection):
        if selection.id not in chosen:
            yield "rights.toml", ("selection", n, "id"), f"no team has a right to {selection.id}"
    yield from _items_of_nobody(catalogue)
    for n, right in enumerate(rights.right):
        for item in filter(lambda item: _is_needless(catalogue, right, item), right.without):
            words = f"{right.team} has no right to {item}, so it need not be taken away"
            yield "rights.toml", ("right", n, "without"), words
        for kind, items in right.not_from.items():
            for item in filter(lambda item: _is_needless(catalogue, right, item), items):
                words = f"{right.team} has no right to {item}, so it need not be taken away of {kind}"
                yield "rights.toml", ("right", n, "not_from"), words


def _items_of_nobody(catalogue: Catalogue) -> Iterator[Contradiction]:
    teams = [right.team for right in catalogue.rights.right]
    for n, group in enumerate(catalogue.rights.group):
        for m, item in enumerate(group.labels()):
            agreed = group.items[m] not in group.proposed
            if agreed and not any(catalogue.may_have(team, item) for team in teams):
                yield "rights.toml", ("group", n, "items", m), f"no team may have {item}"


def _is_needless(catalogue: Catalogue, right: Right, item: str) -> bool:
    return item in catalogue.appendix_a and not catalogue.would_have(right, item)


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
    asked = {name for each in methods.method for need in each.need for name in need.any_of}
    for n, safeguard in enumerate(methods.safeguard):
        if safeguard.id not in asked:
            yield "methods.toml", ("safeguard", n, "id"), f"no method needs {safeguard.id}"
    needs = [need for each in methods.method for need in each.need]
    matter = {name for need in needs for name in (*need.when, *need.unless)}
    for n, circumstance in enumerate(methods.circumstance):
        if circumstance.id not in matter:
            yield "methods.toml", ("circumstance", n, "id"), f"no method needs more for {circumstance.id}"
    yield from _carries_nothing(catalogue)
    for n, method in enumerate(methods.method):
        for m, need in enumerate(method.need):
            if both := sorted(set(need.when) & set(need.unless)):
                words = f"it can never arise: {both[0]} is both in when and in unless"
                yield "methods.toml", ("method", n, "need", m), words


def _carries_nothing(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield methods whose flows are all closed: no permitted user sends data allowed by the method."""
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


def _languages(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Check that each language of the receipts has names of desks, and that English is included."""
    said = catalogue.agreement
    if "en" not in said.languages or len(set(said.languages)) < len(said.languages):
        yield "agreement.toml", ("languages",), "each language stands here once, and English is one of them"
    for language in said.languages:
        if language not in said.contacts:
            yield "agreement.toml", ("contacts",), f"there are no names of desks for {language}"
    for language in said.contacts:
        if language not in said.languages:
            yield "agreement.toml", ("contacts", language), f"no receipt is written in {language}"


def _breach(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield items never mentioned in the record of a breach."""
    known, said = catalogue.appendix_a, catalogue.breach
    named: list[tuple[Location, str]] = [(("grave", n, "item"), one.item) for n, one in enumerate(said.grave)]
    named += [
        (("consequence", n, "items"), item) for n, one in enumerate(said.consequence) for item in one.items
    ]
    for place, item in named:
        if item not in known:
            yield "breach.toml", place, f"the agreement lists no {item}{nearest(item, known)}"
    items = [one.item for one in said.grave]
    for item in sorted({item for item in items if items.count(item) > 1}):
        yield "breach.toml", ("grave",), f"{item} is listed twice"


def contradictions(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield each contradiction: the file to correct, the place in the file, and a message."""
    yield from citation_faults(catalogue)
    yield from bodies_faults(catalogue)
    yield from _teams_missing(catalogue)
    if not catalogue.triage_teams():
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
    yield from _method_faults(catalogue)
    yield from unused(catalogue)
    yield from calendar_faults(catalogue.calendar, catalogue.flows)
    yield from hand_on_faults(catalogue)


def _teams_missing(catalogue: Catalogue) -> Iterator[Contradiction]:
    known = {team.id for team in catalogue.teams.team}
    entitled = {body.id for body in catalogue.bodies.recipient if body.about == "anyone"}
    for n, flow in enumerate(catalogue.flows.flow):
        for m, entry in enumerate(flow.data_type):
            for team in sorted(
                {*entry.teams, *(name for each in entry.carried for name in each.teams)} - known
            ):
                yield "flows.toml", ("flow", n, "data_type", m, "teams"), f"there is no team {team}"
    for n, right in enumerate(catalogue.rights.right):
        if right.team not in known | entitled:
            yield "rights.toml", ("right", n, "team"), f"there is no team {right.team}"
    for n, group in enumerate(catalogue.rights.group):
        for m, reason in enumerate(group.reason):
            if reason.team is not None and reason.team not in known:
                yield "rights.toml", ("group", n, "reason", m, "team"), f"there is no team {reason.team}"


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _flow_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    flows = catalogue.flows.flow
    for name in _repeated(flow.id for flow in flows):
        yield "flows.toml", ("flow",), f"flow {name} is listed twice"
    for name in catalogue.flows.switched_on:
        if catalogue.flow(name) is None:
            words = f"there is no optional flow {name}"
            yield "flows.toml", ("switched_on",), words
    for clause in _repeated(flow.clause for flow in flows if not flow.law):
        yield "flows.toml", ("flow",), f"clause {clause} is that of two flows"
    for name in _repeated(entry.id for flow in flows for entry in flow.data_type):
        yield (
            "flows.toml",
            ("flow",),
            f"data type {name} is in more than one place; it may be in one flow only",
        )
    for name in _repeated(team.id for team in catalogue.teams.team):
        yield "teams.toml", ("team",), f"team {name} is listed twice"
    for n, flow in enumerate(flows):
        for kind in sorted(set(flow.senders) & set(flow.on_behalf)):
            yield "flows.toml", ("flow", n, "on_behalf"), f"{kind} is a sender already"
        for kind in sorted({*flow.senders, *flow.on_behalf} & set(flow.for_a_person)):
            yield "flows.toml", ("flow", n, "for_a_person"), f"{kind} is a sender already"
        yield from _within_faults(n, flow)


def _within_faults(n: int, flow: Flow) -> Iterator[Contradiction]:
    """Check that data types told by one update are due at the same times."""
    timescales = {entry.id: entry.timescale for entry in flow.data_type}
    for m, entry in enumerate(flow.data_type):
        place = ("flow", n, "data_type", m, "within")
        if entry.within is not None and entry.within not in timescales.keys() - {entry.id}:
            yield "flows.toml", place, f"{entry.within} is no other data type of this flow"
        elif entry.within is not None and timescales[entry.within] != entry.timescale:
            yield "flows.toml", place, f"{entry.within} is not due {entry.timescale}"


def _right_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    rights = catalogue.rights
    labels = [group.label for group in rights.group]
    for name in _repeated(labels) + _repeated(label for group in rights.group for label in group.labels()):
        yield "rights.toml", ("group",), f"{name} is listed twice"
    for name in _repeated(right.team for right in rights.right):
        yield "rights.toml", ("right",), f"the rights of {name} are listed twice"
    yield from _selection_faults(catalogue)
    for n, group in enumerate(rights.group):
        for item in sorted(set(group.proposed) - set(group.items)):
            yield "rights.toml", ("group", n, "proposed"), f"{item} is not an item of {group.label}"
    for item in sorted(set(rights.proposed.sensitive) - set(catalogue.appendix_a)):
        yield "rights.toml", ("proposed", "sensitive"), f"Appendix A has no item {item}"
    for n, right in enumerate(rights.right):
        for label in sorted(set(right.groups) - set(labels)):
            yield "rights.toml", ("right", n, "groups"), f"Appendix A has no group {label}"
        yield from _item_faults(n, right, catalogue)
        team = catalogue.team(right.team)
        of_nobody = {group.label for group in rights.group if group.of == NOBODY}
        records = right.selections or right.items or set(right.groups) - of_nobody
        if team is not None and not team.pupil_level and records:
            yield "rights.toml", ("right", n, "groups"), f"{team.id} may have no data about single pupils"


def _selection_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    for n, selection in enumerate(catalogue.rights.selection):
        for item in sorted(set(selection.items) - set(catalogue.appendix_a)):
            yield "rights.toml", ("selection", n, "items"), f"Appendix A has no item {item}"
    for name in _repeated(selection.id for selection in catalogue.rights.selection):
        yield "rights.toml", ("selection",), f"selection {name} is listed twice"


def _item_faults(n: int, right: Right, catalogue: Catalogue) -> Iterator[Contradiction]:
    barred = {item for items in right.not_from.values() for item in items}
    for key, items in (("items", right.items), ("without", right.without), ("not_from", barred)):
        for item in sorted(set(items) - set(catalogue.appendix_a)):
            yield "rights.toml", ("right", n, key), f"Appendix A has no item {item}"
    for name in sorted(set(right.selections) - {each.id for each in catalogue.rights.selection}):
        yield "rights.toml", ("right", n, "selections"), f"there is no selection {name}"


def _method_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    methods = catalogue.methods
    circumstances = {each.id for each in methods.circumstance}
    named = {
        "method": [each.id for each in methods.method],
        "safeguard": [each.id for each in methods.safeguard],
        "circumstance": [each.id for each in methods.circumstance],
        "material": [each.id for each in methods.material],
    }
    for table, names in named.items():
        yield from (("methods.toml", (table,), f"{name} is listed twice") for name in _repeated(names))
    for name in sorted(set(methods.flow_circumstances) - circumstances):
        yield "methods.toml", ("flow_circumstances",), f"there is no circumstance {name}"
    for n, material in enumerate(methods.material):
        for name in sorted(set(material.circumstances) - circumstances):
            yield "methods.toml", ("material", n, "circumstances"), f"there is no circumstance {name}"
        if catalogue.flow(material.id) or catalogue.flow_of(material.id):
            yield "methods.toml", ("material", n, "id"), f"{material.id} is a flow or data type already"
    for n, method in enumerate(methods.method):
        yield from _needs_faults(n, method, catalogue)


def _needs_faults(n: int, method: Method, catalogue: Catalogue) -> Iterator[Contradiction]:
    safeguards = catalogue.methods.safeguards()
    circumstances = {each.id for each in catalogue.methods.circumstance}
    for name in method.flows or ():
        if catalogue.flow(name) is None:
            yield "methods.toml", ("method", n, "flows"), f"there is no flow {name}"
    for m, need in enumerate(method.need):
        for name in sorted(set(need.any_of) - safeguards.keys()):
            yield "methods.toml", ("method", n, "need", m, "any_of"), f"there is no safeguard {name}"
        for name in sorted({*need.when, *need.unless} - circumstances):
            yield "methods.toml", ("method", n, "need", m), f"there is no circumstance {name}"
