"""Who may have what: the data items of a file against Appendix A and the rights of the teams."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.model import Classified, ProviderKind, Reason
from gateway.policy.basis import has_a_view, lawful_items
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import PUPILS, Flow, ItemAction


def teams_for(
    classified: Classified, catalogue: Catalogue, flow: Flow, sender: ProviderKind | None = None
) -> tuple[str, ...]:
    """The teams of the flow that are shown something of the file, in the flow's order: each its own view.

    A team may not have every item of every kind of sender; where the kind is not known, it has less.
    A file whose records of pupils were not counted is taken to have some. Whose data it is makes no
    difference: only a file that is about nobody, or about pupils and holds none, needs no right.
    """
    bare = is_about_nobody(classified, flow)
    return tuple(
        team
        for team in flow.of(classified.data_type).teams
        if (found := catalogue.team(team)) is not None
        and (bare or (found.pupil_level and has_a_view(team, classified, catalogue, flow, sender)))
    )


def is_about_nobody(classified: Classified, flow: Flow) -> bool:
    """Whether a file holds no record of any person."""
    about = flow.of(classified.data_type).about
    return not about or (about == (PUPILS,) and classified.pupils == 0)


def persons_reasons(classified: Classified, catalogue: Catalogue, flow: Flow) -> Iterator[Reason]:
    """Why a file waits that holds data of persons whom its flow is not about: no rule speaks of it."""
    about = flow.of(classified.data_type).about
    listed = ((item, catalogue.appendix_a.get(item)) for item in classified.items)
    strange = [item for item, group in listed if group is not None and group.of not in about]
    if strange:
        yield catalogue.reason("policy:persons-without-rule", items=", ".join(strange))


def item_reasons(
    classified: Classified,
    catalogue: Catalogue,
    flow: Flow,
    action: ItemAction,
    sender: ProviderKind | None = None,
) -> tuple[Reason, ...]:
    """What the policy says with `action` of items that Appendix A does not list or only proposes.

    `sender` is who may be told to take out what no flow from it carries.
    """
    return (*_outside(classified, catalogue, flow, action, sender), *_proposed(classified, catalogue, action))


def _outside(
    classified: Classified,
    catalogue: Catalogue,
    flow: Flow,
    action: ItemAction,
    sender: ProviderKind | None,
) -> tuple[Reason, ...]:
    carried = lawful_items(classified, catalogue, flow)
    unlisted = (item for item in classified.items if item not in catalogue.appendix_a)
    items = tuple(dict.fromkeys(item for item in (*classified.other_items, *unlisted) if item not in carried))
    rule = catalogue.rights.outside
    holds = rule.default == "hold" or any(item in rule.hold or item in rule.sensitive for item in items)
    if not items or holds != (action == "hold"):
        return ()
    if holds:
        return (catalogue.reason("policy:items-outside-held", items=", ".join(items)),)
    asked = {
        item
        for other in catalogue.flows.flow
        if sender in other.kinds()
        for each in other.data_type
        for item in (*each.carries, *(one for some in each.carried for one in some.items))
    }
    sorts = {
        "policy:items-outside": [item for item in items if item not in asked],
        "policy:items-elsewhere": [item for item in items if item in asked],
    }
    return tuple(catalogue.reason(code, items=", ".join(found)) for code, found in sorts.items() if found)


def _proposed(classified: Classified, catalogue: Catalogue, action: ItemAction) -> tuple[Reason, ...]:
    if catalogue.rights.proposed.action != action:
        return ()
    code = "policy:items-proposed" if action == "notice" else "policy:items-proposed-held"
    return tuple(
        catalogue.reason_under(group.clause, code, items=", ".join(found))
        for group in catalogue.rights.group
        if (found := [item for item in group.proposed if f"{group.label}: {item}" in classified.items])
    )
