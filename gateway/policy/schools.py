"""Compare the schools named in a file with the schools its sender speaks for. Pure.

An education provider speaks for itself, and for schools on record for the provider, as a multi-academy trust
does. Every number on record must agree. A school without any comparable number may be the sender's, but for
one school at most.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.model import Classified, NamedSchool, Provider, Reason
from gateway.policy.catalogue import Catalogue

_NUMBER = re.compile(r"[0-9]{7}")
# Establishment numbers of maintained primary schools (DfE, Get Information about Schools).
_PRIMARY = (("2000", "3999"), ("5200", "5299"))
_ENOUGH_PUPILS = 10
_AUTHORITIES_SHOWN = 3
_MARKS = ("dfe_number", "urn", "establishment", "centre", "name")


def named_school(classified: Classified) -> str | None:
    """Return the DfE number (LA + establishment) of the only school, named by every record; else None.

    A number only in a title does not count: the rest of the file could be about any school.
    """
    number = _of_facts(classified)
    return number if all(one.dfe_number == number for one in classified.schools) else None


def speaks_for(provider: Provider) -> frozenset[str]:
    """Return the numbers of the schools whose pupils a provider may send: DfE numbers and URNs."""
    return frozenset(filter(None, (provider.dfe_number, provider.urn, *provider.schools)))


def of_other_schools(classified: Classified, provider: Provider) -> tuple[NamedSchool, ...]:
    """Return the schools in a file outside those the sender speaks for, most records first."""
    own = speaks_for(provider)
    named = [one for one in _named(classified) if _names_any(one)]
    verdicts = [(one, _is_own(one, provider, own)) for one in named]
    ours = [one for one, verdict in verdicts if verdict is True]
    foreign = [one for one, verdict in verdicts if verdict is False]
    unsure = [one for one, verdict in verdicts if verdict is None and not _alike(one, ours)]
    foreign += unsure if ours else _beyond_the_first(unsure)
    return tuple(sorted(foreign, key=lambda one: -one.records))


def without_school(classified: Classified, provider: Provider) -> int | None:
    """Return the number of records not naming one of the sender's several schools.

    0 for a sender speaking for one school alone. None: every record of the file.
    """
    if not provider.schools:
        return 0
    named = _named(classified)
    own = speaks_for(provider)
    untold = [one for one in named if not _names_any(one) or _is_own(one, provider, own) is None]
    return None if len(untold) == len(named) else sum(one.records for one in untold)


def waits(classified: Classified, catalogue: Catalogue, provider: Provider) -> Iterator[Reason]:
    """Yield the reasons for an education provider's file to wait because of the schools named."""
    if not catalogue.bodies.of(provider.kind).own_pupils:
        return
    others = of_other_schools(classified, provider)
    if others:
        found = next(filter(None, map(number_of, others)), "no number")
        count = sum(one.records for one in others)
        expected = provider.dfe_number or provider.urn or "not on record"
        yield catalogue.reason("policy:other-school", found=found, expected=expected, count=count or "all")
    upper = classified.facts.upper_years or 0
    if upper and _is_primary(provider):
        yield catalogue.reason("policy:other-phase", count=upper)
    untold = without_school(classified, provider)
    if untold != 0 and not others:
        yield catalogue.reason("policy:school-not-named", count="all" if untold is None else untold)


def notices(classified: Classified, catalogue: Catalogue, provider: Provider) -> Iterator[Reason]:
    """Yield the notice for senders speaking for several schools."""
    if provider.schools and not any(waits(classified, catalogue, provider)):
        yield catalogue.reason(
            "policy:for-schools", count=len({number_of(one) for one in _named(classified)})
        )


def doubts(classified: Classified, catalogue: Catalogue, provider: Provider) -> Iterator[Reason]:
    """Yield notices about UPNs possibly belonging to other pupils than intended."""
    renamed = sum(one.count for one in classified.findings if one.code == "upn:other-name")
    if renamed:
        yield catalogue.reason("policy:upn-two-names", count=renamed)
    own = {number[:3] for number in speaks_for(provider) if _NUMBER.fullmatch(number)}
    given = classified.facts.upn_authorities or ()
    if own and given and own.isdisjoint(given) and (classified.pupils or 0) >= _ENOUGH_PUPILS:
        shown = ", ".join(given[:_AUTHORITIES_SHOWN])
        yield catalogue.reason(
            "policy:upns-of-other-authority", authorities=shown, own=", ".join(sorted(own))
        )


def _is_primary(provider: Provider) -> bool:
    """Return True for a single primary school, judged by the DfE ranges of establishment numbers."""
    number = provider.dfe_number or ""
    return not provider.schools and any(first <= number[3:] <= last for first, last in _PRIMARY)


def number_of(school: NamedSchool) -> str:
    """Return the most telling number of a school; "" without any."""
    return school.dfe_number or school.urn or school.establishment


def _named(classified: Classified) -> tuple[NamedSchool, ...]:
    number = _of_facts(classified)
    if classified.schools or number is None:
        return classified.schools
    return (NamedSchool(dfe_number=number, records=classified.pupils or 0),)


def _of_facts(classified: Classified) -> str | None:
    la, establishment = classified.facts.la, classified.facts.establishment
    number = f"{la}{establishment}" if la and establishment else ""
    return number if _NUMBER.fullmatch(number) else None


def _names_any(school: NamedSchool) -> bool:
    return replace(school, records=0) != NamedSchool(records=0)


def _is_own(school: NamedSchool, provider: Provider, own: frozenset[str]) -> bool | None:
    """Return True for a school the provider speaks for; None without a comparable number on record.

    Both numbers must agree, except for providers of several schools: only one of the two may be on record.
    """
    if school.further:
        return False
    numbers = frozenset(filter(_NUMBER.fullmatch, own))
    told = [_among(school.dfe_number, numbers), _among(school.urn, own - numbers)]
    if provider.schools and None not in told[:1]:
        return told[0]
    if told == [None, None]:
        return _among(school.establishment, frozenset(number[3:] for number in numbers))
    if provider.schools:
        return told[1] or None
    return False not in told


def _among(number: str, known: frozenset[str]) -> bool | None:
    """Return True if a number is on record; None if absent, or if no number of the kind is on record."""
    return number in known if number and known else None


def _alike(school: NamedSchool, others: Iterable[NamedSchool]) -> bool:
    """Return True if more detailed records elsewhere share the best mark of a school."""
    mark = _best_mark(school)
    return mark is not None and any(getattr(one, mark[0]) == mark[1] for one in others)


def _beyond_the_first(schools: list[NamedSchool]) -> list[NamedSchool]:
    """Return all schools except the one with the most records."""
    counts: Counter[tuple[str, str | int] | None] = Counter()
    for one in schools:
        counts[_best_mark(one)] += one.records
    mark = counts.most_common(1)[0][0] if counts else None
    first = [one for one in schools if _best_mark(one) == mark]
    return [one for one in schools if one not in first and not _alike(one, first)]


def _best_mark(school: NamedSchool) -> tuple[str, str | int] | None:
    return next(((name, mark) for name in _MARKS if (mark := getattr(school, name))), None)
