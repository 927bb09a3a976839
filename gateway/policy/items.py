"""Compare the data items of a file with Appendix A and the rights of teams."""

from collections.abc import Iterator

from gateway.model import Classified, ProviderKind, Reason
from gateway.policy.basis import has_a_view, lawful_items
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import NOBODY, PUPILS, Flow, ItemAction


def teams_for(
    classified: Classified, catalogue: Catalogue, flow: Flow, sender: ProviderKind | None = None
) -> tuple[str, ...]:
    """Return the teams of the flow with a view of the file, in the flow's order.

    Rights may exclude some items from some kinds of sender; an unknown sender gives the fewest rights. A file
    with uncounted pupil records counts as having some. The rule is the same for pupils, staff and parents:
    only a file about nobody, or a file about pupils without any, needs no right.
    """
    # True if a file holds no record of any person.
    about = flow.of(classified.data_type).about
    bare = about in ((), (NOBODY,)) or (about == (PUPILS,) and classified.pupils == 0)
    return tuple(
        team
        for team in flow.of(classified.data_type).teams
        if (found := catalogue.team(team)) is not None
        and (bare or (found.pupil_level and has_a_view(team, classified, catalogue, flow, sender)))
    )


def persons_reasons(classified: Classified, catalogue: Catalogue, flow: Flow) -> Iterator[Reason]:
    """Yield the reason for holding data about persons outside the subjects of its flow."""
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
    """Return the policy's reasons with `action` for items unlisted or only proposed in Appendix A.

    `sender` is the kind told to remove items carried by none of its flows.
    """
    outside = _outside(classified, catalogue, flow, action, sender)
    if catalogue.rights.proposed.action != action:
        return outside
    code = "policy:items-proposed" if action == "notice" else "policy:items-proposed-held"
    proposed = (
        catalogue.reason_under(group.clause, code, items=", ".join(found))
        for group in catalogue.rights.group
        if (found := [item for item in group.proposed if f"{group.label}: {item}" in classified.items])
    )
    return (*outside, *proposed)


def _outside(
    classified: Classified,
    catalogue: Catalogue,
    flow: Flow,
    action: ItemAction,
    sender: ProviderKind | None,
) -> tuple[Reason, ...]:
    carried = lawful_items(classified, catalogue, flow)
    unlisted = (item for item in classified.items if item not in catalogue.appendix_a)
    # What a law is to ask for later has a reason of its own.
    items = tuple(
        dict.fromkeys(
            item
            for item in (*classified.other_items, *unlisted)
            if item not in carried and (classified.data_type, item) not in catalogue.awaited
        )
    )
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
