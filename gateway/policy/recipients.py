"""Rows 10 and 11: which education providers get a copy of a file that is about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from gateway.model import (
    EDUCATION_PROVIDERS,
    Accepted,
    Basis,
    Classified,
    Provider,
    Released,
    Unlisted,
)
from gateway.policy.catalogue import Catalogue
from gateway.policy.schools import named_school

_TABLES = frozenset({"csv", "txt", "xlsx", "xls", "xlsb", "ods"})
"""The extensions of files that can be divided: each row says whose it is."""
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
    return tuple(each for each in _entitled(providers) if each.dfe_number == about)


def parts_for(
    accepted: Accepted | Released, classified: Classified, catalogue: Catalogue, providers: Iterable[Provider]
) -> tuple[Provider, ...]:
    """The providers that get a part of an accepted file about many schools: the records that name each.

    None of a file whose records do not say whose they are, or cannot be told apart. Whoever has a number that
    is on record for another as well gets nothing.
    """
    divisible = classified.extension.removeprefix("formulas.") in _TABLES
    if named_school(classified) is not None or not divisible or not is_shared(accepted, catalogue):
        return ()
    named = {number for one in classified.schools for number in (one.dfe_number, one.urn) if number}
    entitled = tuple(_entitled(providers))
    claims = Counter(number for each in entitled for number in _numbers(each))
    return tuple(
        each
        for each in entitled
        if not named.isdisjoint(_numbers(each)) and all(claims[number] == 1 for number in _numbers(each))
    )


def part_of(provider: Provider, data_type: str, told: tuple[Unlisted, ...], catalogue: Catalogue) -> Basis:
    """What a provider is given of a file about many schools: of its own pupils all that such a file carries.

    What nobody lists, and what is only proposed, is given to nobody.
    """
    proposed = {f"{group.label}: {item}" for group in catalogue.rights.group for item in group.proposed}
    flow = catalogue.flow_of(data_type)
    carried = () if flow is None else flow.of(data_type).carries
    items = (*(item for item in catalogue.appendix_a if item not in proposed), *carried)
    school = provider.dfe_number or "", provider.urn or ""
    return Basis(data_type=data_type, items=items, told=told, of_school=school)


def _entitled(providers: Iterable[Provider]) -> Iterator[Provider]:
    for each in providers:
        if each.kind in EDUCATION_PROVIDERS and each.ratified and not (each.suspended or each.is_closed):
            yield each


def _numbers(provider: Provider) -> tuple[str, ...]:
    return tuple(filter(None, (provider.dfe_number, provider.urn)))
