"""Check policy files against one another: every name used must exist, every data type has one flow."""

from collections import Counter
from collections.abc import Iterable, Iterator

from gateway.home.settings_file import nearest
from gateway.policy.bodies_check import bodies_faults
from gateway.policy.calendar_check import calendar_faults
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.citations import citation_faults
from gateway.policy.faults import Contradiction
from gateway.policy.hand_on_check import hand_on_faults
from gateway.policy.method_schema import Method
from gateway.policy.schema import NOBODY, Flow, Right
from gateway.policy.unused import unused


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
