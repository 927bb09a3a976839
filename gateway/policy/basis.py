"""The data items a team may see of a file, and the test for an empty view."""

from collections.abc import Iterable

from gateway.law import pack_on
from gateway.model import Basis, Classified, Contained, ProviderKind, RecordsWhere, Stated, Unlisted
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
    """Return the basis of `team` for a file of this type; `told` are its entries without a rule.

    `form` is the format of the file, as named by classifying: laws ask for some items in one format only.
    `stated` are the headings explained by the provider.

    The basis holds the Appendix A items the team has a right to, and the items outside Appendix A carried by
    this data type for the teams using them.
    """
    granted = catalogue.granted(team, sender)
    listed = tuple(item for item in catalogue.appendix_a if item in granted)
    carried = _carried(team, data_type, form, catalogue)
    flow = catalogue.flow_of(data_type)
    records = None if flow is None else flow.of(data_type).records.get(team)
    where = None if records is None else RecordsWhere(item=records.item, values=records.values)
    return Basis(data_type=data_type, items=(*listed, *carried), told=told, stated=stated, where=where)


def has_a_view(
    team: str, classified: Classified, catalogue: Catalogue, flow: Flow, sender: ProviderKind | None
) -> bool:
    """Return True if a team of the flow has a reason to see its view of a file.

    For data listed in Appendix A, the team needs a right to an item beyond those identifying a child, or the
    file must hold no item outside the team's rights. Data set by others goes to every team of the flow.
    """
    listed = [item for item in classified.items if item in catalogue.appendix_a]
    granted = catalogue.granted(team, sender)
    own = [item for item in listed if item in granted]
    if len(own) == len(listed) or flow.contents != "appendix-a":
        return True
    return any(item not in catalogue.identifying for item in own)


def left_out(held: Classified | Contained, basis: Basis) -> tuple[str, ...]:
    """Return the labels of the items a file holds and its view lacks, in the order of the agreement."""
    items: Iterable[str] = (*held.items, *held.other_items)
    return tuple(dict.fromkeys(item for item in items if item not in basis.items))


def _carried(team: str, data_type: str, form: str, catalogue: Catalogue) -> tuple[str, ...]:
    flow = catalogue.flow_of(data_type)
    if flow is None or team not in flow.of(data_type).teams:
        return ()
    return flow.of(data_type).holds(form, team)


def lawful_items(classified: Classified, catalogue: Catalogue, flow: Flow) -> frozenset[str]:
    """Return the items outside Appendix A that a file may hold.

    The agreement names the teams for such items, and a law pack the periods: items dated by a pack are lawful
    only in files about such a period. Items not yet dated by any pack follow the agreement alone.
    """
    held = flow.of(classified.data_type).holds(classified.format)
    dated = catalogue.dated_items.get(classified.data_type)
    pack = pack_on(catalogue.law, classified.facts.reference_date) if dated else None
    if not dated or pack is None:
        return frozenset(held)
    return frozenset(held) - (dated - pack.asks_for(classified.data_type))
