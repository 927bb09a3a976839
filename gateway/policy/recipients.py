"""Rows 10 and 11: which education providers get a copy of a file that is about them."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model import EDUCATION_PROVIDERS, Accepted, Classified, Provider, Released
from gateway.policy.catalogue import Catalogue
from gateway.policy.schools import named_school

_TO_EDUCATION_PROVIDERS = frozenset({"education-providers", "post-16-education-providers"})


def is_shared(accepted: Accepted | Released, catalogue: Catalogue) -> bool:
    """Whether files of this flow go to education providers at all."""
    flow = catalogue.flow(accepted.flow)
    return flow is not None and not _TO_EDUCATION_PROVIDERS.isdisjoint(flow.recipients)


def copies_for(
    accepted: Accepted | Released, classified: Classified, catalogue: Catalogue, providers: Iterable[Provider]
) -> tuple[Provider, ...]:
    """The providers that get the accepted file itself, because the whole of it is about them.

    None unless the flow's recipients include education providers and every record of the file names the
    same one school. A provider that is suspended, has closed or has not ratified gets nothing. Data of
    another sender is about a sixth form wherever it names the school: it takes no list of them.
    """
    about = named_school(classified)
    if about is None or not is_shared(accepted, catalogue):
        return ()
    return tuple(
        provider
        for provider in providers
        if provider.kind in EDUCATION_PROVIDERS
        and provider.dfe_number == about
        and provider.ratified
        and not provider.suspended
        and not provider.is_closed
    )
