"""Find the providers getting a copy or a part of a file, besides the authority's own teams. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from gateway.model import Accepted, Basis, Classified, Provider, Released, Unlisted
from gateway.policy.bodies_schema import RecipientBody
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import Flow
from gateway.policy.schools import named_school

_TABLES = frozenset({"csv", "txt", "xlsx", "xls", "xlsb", "ods"})
"""The extensions of divisible files: each row names its school."""


def is_shared(accepted: Accepted | Released, catalogue: Catalogue) -> bool:
    """Return True if files of this flow go to providers."""
    flow = catalogue.flow(accepted.flow)
    return flow is not None and bool(_bodies(flow, catalogue))


def copies_for(
    accepted: Accepted | Released,
    classified: Classified,
    catalogue: Catalogue,
    providers: Iterable[Provider],
    *,
    unratified: bool = False,
) -> tuple[Provider, ...]:
    """Return the providers getting the accepted file itself.

    The provider must be of a recipient kind of the flow, and named by every record of the file, alone; or the
    recipient may have files about anyone and has a right to every item in the file. Suspended and closed
    providers, and parties without ratification, get nothing; with `unratified`, return those parties.
    """
    flow = catalogue.flow(accepted.flow)
    if flow is None:
        return ()
    may = [body for body in _bodies(flow, catalogue) if _may_have(body, classified, catalogue)]
    return tuple(
        provider
        for provider in providers
        if any(_is_meant(provider, body, classified) for body in may)
        and _takes_part(provider, catalogue, unratified=unratified)
    )


def parts_for(
    accepted: Accepted | Released,
    classified: Classified,
    catalogue: Catalogue,
    providers: Iterable[Provider],
    *,
    unratified: bool = False,
) -> tuple[Provider, ...]:
    """Return the providers getting a part of an accepted file about many schools: their own records.

    No provider gets a part of a file whose records name no school, or cannot be divided. A provider sharing
    its number with another on record gets nothing. With `unratified`, return parties without ratification.
    """
    flow = catalogue.flow(accepted.flow)
    if flow is None or named_school(classified) is not None or not _is_divisible(classified):
        return ()
    named = {number for one in classified.schools for number in (one.dfe_number, one.urn) if number}
    entitled = tuple(_entitled(providers, flow, catalogue, unratified=unratified))
    claims = Counter(number for each in entitled for number in _numbers(each))
    return tuple(
        each
        for each in entitled
        if not named.isdisjoint(_numbers(each)) and all(claims[number] == 1 for number in _numbers(each))
    )


def part_of(provider: Provider, data_type: str, told: tuple[Unlisted, ...], catalogue: Catalogue) -> Basis:
    """Return the basis of a provider for a file about many schools: all carried items, own pupils only.

    Unlisted and merely proposed items go to nobody.
    """
    proposed = {f"{group.label}: {item}" for group in catalogue.rights.group for item in group.proposed}
    flow = catalogue.flow_of(data_type)
    carried = () if flow is None else flow.of(data_type).carries
    items = (*(item for item in catalogue.appendix_a if item not in proposed), *carried)
    school = provider.dfe_number or "", provider.urn or ""
    return Basis(data_type=data_type, items=items, told=told, of_school=school)


def reaches_providers(classified: Classified, flow: Flow, catalogue: Catalogue) -> bool:
    """Return True if some provider could get a copy or a part of a file."""
    names_schools = named_school(classified) is not None or (
        _is_divisible(classified) and bool(classified.schools)
    )
    return any(
        body.about == "anyone" or names_schools
        for body in _bodies(flow, catalogue)
        if _may_have(body, classified, catalogue)
    )


def partners(
    accepted: Accepted | Released, catalogue: Catalogue, providers: Iterable[Provider]
) -> tuple[str, ...]:
    """Return the names of the flow's recipients of files about anyone that these providers belong to."""
    flow, kinds = catalogue.flow(accepted.flow), {each.kind for each in providers}
    found = () if flow is None else _bodies(flow, catalogue)
    return tuple(each.name for each in found if each.about == "anyone" and not kinds.isdisjoint(each.kinds))


def _is_divisible(classified: Classified) -> bool:
    return classified.extension.removeprefix("formulas.") in _TABLES


def _bodies(flow: Flow, catalogue: Catalogue) -> list[RecipientBody]:
    found = (catalogue.bodies.find(each) for each in flow.recipients)
    return [body for body in found if body is not None and body.kinds]


def _may_have(body: RecipientBody, classified: Classified, catalogue: Catalogue) -> bool:
    """Return True if a recipient may have the whole file; files about others need a right to every item."""
    if body.about == "themselves":
        return True
    return not classified.unlisted and all(
        catalogue.may_have(body.id, item) for item in (*classified.items, *classified.other_items)
    )


def _is_meant(provider: Provider, body: RecipientBody, classified: Classified) -> bool:
    if provider.kind not in body.kinds:
        return False
    return body.about == "anyone" or (
        provider.dfe_number is not None and provider.dfe_number == named_school(classified)
    )


def _entitled(
    providers: Iterable[Provider], flow: Flow, catalogue: Catalogue, *, unratified: bool
) -> Iterator[Provider]:
    """Yield the providers of kinds entitled by the flow to records about themselves."""
    bodies = (body for body in _bodies(flow, catalogue) if body.about == "themselves")
    kinds = {kind for body in bodies for kind in body.kinds}
    for each in providers:
        if each.kind in kinds and _takes_part(each, catalogue, unratified=unratified):
            yield each


def _takes_part(provider: Provider, catalogue: Catalogue, *, unratified: bool) -> bool:
    owes_ratification = catalogue.bodies.of(provider.kind).ratifies and not provider.ratified
    return owes_ratification == unratified and not (provider.suspended or provider.is_closed)


def _numbers(provider: Provider) -> tuple[str, ...]:
    return tuple(filter(None, (provider.dfe_number, provider.urn)))
