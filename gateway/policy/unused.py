"""Find unused policy definitions: a team without data, a safeguard needed by no method."""

from collections.abc import Iterator

from gateway.home.settings_file import nearest
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.faults import Contradiction, Location
from gateway.policy.parties_check import parties_faults
from gateway.policy.schema import Right

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
            yield (
                "teams.toml",
                ("team", n, "id"),
                f"{team.id} has no right in rights.toml",
            )
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
