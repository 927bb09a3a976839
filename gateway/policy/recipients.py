"""To whom a file goes beside the authority's own teams: providers that get a copy of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model import Accepted, Classified, Provider, Released
from gateway.policy.bodies_schema import RecipientBody
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import Flow
from gateway.policy.schools import named_school


def is_shared(accepted: Accepted | Released, catalogue: Catalogue) -> bool:
    """Whether files of this flow go to providers at all."""
    flow = catalogue.flow(accepted.flow)
    return flow is not None and bool(_bodies(flow, catalogue))


def copies_for(
    accepted: Accepted | Released, classified: Classified, catalogue: Catalogue, providers: Iterable[Provider]
) -> tuple[Provider, ...]:
    """The providers that get the accepted file itself.

    Those of the kinds of a recipient of the flow: because every record of the file names them, the one
    same school, and nobody else; or, where the recipient may have files about anyone, because it has a
    right to every item in it. One that is suspended, has closed, or is a party that has not ratified gets
    nothing. Data of another sender is about a sixth form wherever it names the school: it takes no list.
    """
    flow = catalogue.flow(accepted.flow)
    if flow is None:
        return ()
    may = [body for body in _bodies(flow, catalogue) if _may_have(body, classified, catalogue)]
    return tuple(
        provider
        for provider in providers
        if any(_is_meant(provider, body, classified) for body in may) and _takes_part(provider, catalogue)
    )


def reaches_providers(classified: Classified, flow: Flow, catalogue: Catalogue) -> bool:
    """Whether there can be a provider that is to get a copy of a file."""
    return any(
        body.about == "anyone" or named_school(classified) is not None
        for body in _bodies(flow, catalogue)
        if _may_have(body, classified, catalogue)
    )


def _bodies(flow: Flow, catalogue: Catalogue) -> list[RecipientBody]:
    found = (catalogue.bodies.find(each) for each in flow.recipients)
    return [body for body in found if body is not None and body.kinds]


def _may_have(body: RecipientBody, classified: Classified, catalogue: Catalogue) -> bool:
    """Whether a recipient may have the whole of a file, as one that is about others than itself must."""
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


def _takes_part(provider: Provider, catalogue: Catalogue) -> bool:
    owes_ratification = catalogue.bodies.of(provider.kind).ratifies and not provider.ratified
    return not (owes_ratification or provider.suspended or provider.is_closed)
