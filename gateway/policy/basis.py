"""What a team may have of a file: the data items of its view, and whether there is anything to show it."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.law import pack_on
from gateway.model import Basis, Classified, Contained, ProviderKind, Unlisted
from gateway.model.content import Stated
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import Flow


def basis_for(
    team: str,
    data_type: str,
    catalogue: Catalogue,
    sender: ProviderKind | None,
    told: tuple[Unlisted, ...] = (),
    *,
    form: str = "",
    stated: Stated = (),
) -> Basis:
    """What `team` may have of a file of this type from a kind of sender; `told` is what it holds beyond that.

    `form` is the format of the file, as classifying names it: laws ask for some items in files of one format.
    `stated` are the headings that its provider has said the meaning of.

    The items of Appendix A to which the team has a right, and those outside it that such a file holds by its
    nature, where the team is one of those that use it.
    """
    listed = tuple(item for item in catalogue.appendix_a if catalogue.may_have(team, item, sender))
    carried = _carried(team, data_type, form, catalogue)
    return Basis(data_type=data_type, items=(*listed, *carried), told=told, stated=stated)


def has_a_view(
    team: str, classified: Classified, catalogue: Catalogue, flow: Flow, sender: ProviderKind | None
) -> bool:
    """Whether a team of the flow has a reason to be shown its view of a file.

    Where the agreement says what the data is, the file holds something that the team has a right to beyond
    which child it is and where; or nothing that it has no right to. What others set is for the teams that
    use it.
    """
    listed = [item for item in classified.items if item in catalogue.appendix_a]
    own = [item for item in listed if catalogue.may_have(team, item, sender)]
    if len(own) == len(listed) or flow.contents != "appendix-a":
        return True
    return any(item not in catalogue.identifying for item in own)


def left_out(held: Classified | Contained, basis: Basis) -> tuple[str, ...]:
    """The labels of the items that a file holds and its view does not, in the order of the agreement."""
    items: Iterable[str] = (*held.items, *held.other_items)
    return tuple(dict.fromkeys(item for item in items if item not in basis.items))


def _carried(team: str, data_type: str, form: str, catalogue: Catalogue) -> tuple[str, ...]:
    flow = catalogue.flow_of(data_type)
    if flow is None or team not in flow.of(data_type).teams:
        return ()
    return flow.of(data_type).holds(form, team)


def lawful_items(classified: Classified, catalogue: Catalogue, flow: Flow) -> frozenset[str]:
    """Return the items outside the list that a file may hold.

    The agreement says to whom they go, and a law pack in which periods: what any pack dates, only a file
    about such a period may hold. Until a pack has dated it, the agreement alone counts.
    """
    held = flow.of(classified.data_type).holds(classified.format)
    dated = catalogue.dated_items.get(classified.data_type)
    pack = pack_on(catalogue.law, classified.facts.reference_date) if dated else None
    if not dated or pack is None:
        return frozenset(held)
    return frozenset(held) - (dated - pack.asks_for(classified.data_type))
