"""Compare the schools in a file with the sender; choose who gets copies, and which file replaces which. Pure.

An education provider sends for itself, and for the schools on record for it, as a multi-academy trust does.
The numbers of a school in a file must agree with those on record. If no school in a file has a number to
compare, the one with the most records is taken to be the sender.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.model import (
    Accepted,
    Basis,
    Classified,
    ContentRefused,
    NamedSchool,
    Provider,
    Reason,
    Released,
    Transfer,
    Unlisted,
)
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import ActionReason, Flow
from gateway.policy.small_schemas import BodiesFile, RecipientBody

_NUMBER = re.compile(r"[0-9]{7}")
# Establishment numbers of maintained primary schools (DfE, Get Information about Schools).
_PRIMARY = (("2000", "3999"), ("5200", "5299"))
_NAMELESS = NamedSchool(records=0)
_ENOUGH_PUPILS = 10
_AUTHORITIES_SHOWN = 3
_MARKS = ("dfe_number", "urn", "establishment", "centre", "name")
OF_OTHERS = frozenset({"policy:other-school", "policy:school-not-named"})
"""The reasons for a hold over pupils possibly of another school than the sender's."""


def named_school(classified: Classified) -> str | None:
    """Return the DfE number (LA + establishment) of a file's school, if every record names that school; else
    None. A number only in a title does not count: the rest of the file could be about any school.
    """
    number = _of_facts(classified)
    return number if all(one.dfe_number == number for one in classified.schools) else None


def speaks_for(provider: Provider) -> frozenset[str]:
    """Return the DfE numbers and URNs of the schools for which a provider may send."""
    return frozenset(filter(None, (provider.dfe_number, provider.urn, *provider.schools)))


def of_other_schools(classified: Classified, provider: Provider) -> tuple[NamedSchool, ...]:
    """Return the schools in a file for which the provider may not send, most records first."""
    named = [one for one in _named(classified) if replace(one, records=0) != _NAMELESS]
    verdicts = [(one, _is_own(one, provider)) for one in named]
    ours, foreign, unsure = (
        [one for one, verdict in verdicts if verdict is wanted] for wanted in (True, False, None)
    )
    if not ours:  # Of the unsure ones, the school with the most records is the sender's.
        counts: Counter[tuple[str, str | int] | None] = Counter()
        for one in unsure:
            counts[_best_mark(one)] += one.records
        mark = counts.most_common(1)[0][0] if counts else None
        ours = [one for one in unsure if _best_mark(one) == mark]
        unsure = [one for one in unsure if one not in ours]
    marks = {(name, getattr(one, name)) for one in ours for name in _MARKS}
    foreign += [one for one in unsure if _best_mark(one) not in marks]  # None is in no marks.
    return tuple(sorted(foreign, key=lambda one: -one.records))


def without_school(classified: Classified, provider: Provider) -> int | None:
    """Return the number of records that name no school with a number to compare with the provider's schools.
    None if no record names such a school; 0 for a provider that sends for one school alone.
    """
    if not provider.schools:
        return 0
    named = _named(classified)
    untold = [one for one in named if replace(one, records=0) == _NAMELESS or _is_own(one, provider) is None]
    return None if len(untold) == len(named) else sum(one.records for one in untold)


def has_own_pupils_only(classified: Classified, provider: Provider, bodies: BodiesFile) -> bool:
    """Return True if the provider has pupils, and every record is of a school for which it may send."""
    return (
        provider.kind in bodies.with_own_pupils
        and not of_other_schools(classified, provider)
        and without_school(classified, provider) == 0
    )


def about_schools(classified: Classified, catalogue: Catalogue, provider: Provider) -> Iterator[ActionReason]:
    """Yield the reasons to hold a file, and the notices to its sender, about the schools and UPNs in it.
    Only the files of education providers wait because of their schools.
    """
    waits: list[Reason] = []
    if provider.kind in catalogue.bodies.with_own_pupils:
        others = of_other_schools(classified, provider)
        if others:
            found = next(filter(None, map(number_of, others)), "no number")
            count = sum(one.records for one in others) or "all"
            expected = provider.dfe_number or provider.urn or "not on record"
            waits.append(catalogue.reason("policy:other-school", found=found, expected=expected, count=count))
        # A single primary school, judged by the DfE ranges of establishment numbers.
        number, flow = (provider.dfe_number or "")[3:], catalogue.flow_of(classified.data_type)
        # A heading "Year" may hold that of the examination.
        upper = (classified.pupils or 1) if flow and flow.embargo else classified.facts.upper_years or 0
        if upper and not provider.schools and any(first <= number <= last for first, last in _PRIMARY):
            waits.append(catalogue.reason("policy:other-phase", count=upper))
        if provider.schools and not others and (untold := without_school(classified, provider)) != 0:
            count = "all" if untold is None else untold
            waits.append(catalogue.reason("policy:school-not-named", count=count))
    yield from (("hold", why) for why in waits)
    if provider.schools and not waits:
        told = {number_of(one) for one in _named(classified)}
        yield "notice", catalogue.reason("policy:for-schools", count=len(told))
    # UPNs perhaps of other pupils.
    if renamed := sum(one.count for one in classified.findings if one.code == "upn:other-name"):
        yield "notice", catalogue.reason("policy:upn-two-names", count=renamed)
    own = {number[:3] for number in speaks_for(provider) if _NUMBER.fullmatch(number)}
    given = classified.facts.upn_authorities or ()
    if own and given and own.isdisjoint(given) and (classified.pupils or 0) >= _ENOUGH_PUPILS:
        authorities = {"authorities": ", ".join(given[:_AUTHORITIES_SHOWN]), "own": ", ".join(sorted(own))}
        yield "notice", catalogue.reason("policy:upns-of-other-authority", **authorities)


def number_of(school: NamedSchool) -> str:
    """Return the DfE number of a school in a file, else its URN, else its establishment number, else ""."""
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


def _is_own(school: NamedSchool, provider: Provider) -> bool | None:
    """Return True if a provider may send for a school in a file, False if not, and None if unknown.
    Unknown means that no number of the school can be compared with the registry. DfE number and URN must both
    be on record. For a provider of several schools, the DfE number decides alone, and without it a URN on
    record is enough.
    """
    if school.further:
        return False
    own = speaks_for(provider)
    numbers = frozenset(filter(_NUMBER.fullmatch, own))
    on_record = (numbers, own - numbers, frozenset(number[3:] for number in numbers))
    named = zip((school.dfe_number, school.urn, school.establishment), on_record, strict=True)
    # None where the school names no such number, or none is on record.
    by_dfe_number, by_urn, by_establishment = (
        number in known if number and known else None for number, known in named
    )
    if provider.schools and by_dfe_number is not None:
        return by_dfe_number
    if by_dfe_number is None and by_urn is None:
        return by_establishment
    if provider.schools:
        return by_urn or None
    return False not in {by_dfe_number, by_urn}


def _best_mark(school: NamedSchool) -> tuple[str, str | int] | None:
    return next(((name, mark) for name in _MARKS if (mark := getattr(school, name))), None)


_TABLES = frozenset({"csv", "txt", "xlsx", "xls", "xlsb", "ods"})
"""The extensions of files that can be divided by school, because each row names its own."""


class CopyDue(NamedTuple):
    """A provider that gets a copy of an accepted file; `part`: only of records of that school.
    `waits`: True if the copy comes later (`has_to_wait`). `partner`: the name of the recipient in the flow,
    if providers of the kind may have files about anyone; else "".
    """

    provider: Provider
    part: bool
    waits: bool
    partner: str


def copies_for(
    accepted: Accepted | Released, classified: Classified, catalogue: Catalogue, providers: Iterable[Provider]
) -> tuple[CopyDue, ...]:
    """Return the copies of an accepted file for providers, because its flow goes to their kind.
    Of a whole file, either every record must name the provider as its school; or providers of the kind may
    have files about anyone, and have a right to every item in the file. Of a file about many schools, each
    gets a part: only tables can be divided, and a provider gets nothing if another provider has the same
    number. Closed providers get nothing.
    """
    flow = catalogue.flow(accepted.flow)
    bodies = () if flow is None else _bodies(flow, catalogue)
    if not (may := [body for body in bodies if _may_have(body, classified, catalogue)]):
        return ()
    partners = {kind: body.name for body in may if body.about == "anyone" for kind in body.kinds}
    own_school = {kind for body in may if body.about == "themselves" for kind in body.kinds}
    school, enrolled = named_school(classified), [each for each in providers if each.closed_on is None]
    owners = [each for each in enrolled if each.kind in own_school]
    whole = [
        each
        for each in enrolled
        if each.kind in partners or (each.kind in own_school and (each.dfe_number or "") == school)
    ]
    claims = Counter(number for each in owners for number in _numbers(each))
    parts = [
        each
        for each in (owners if school is None and _is_divisible(classified) else ())
        if names_any(classified, _numbers(each)) and all(claims[number] == 1 for number in _numbers(each))
    ]
    return tuple(
        CopyDue(each, part, has_to_wait(each, catalogue), partners.get(each.kind, ""))
        for part, some in ((False, whole), (True, parts))
        for each in some
    )


def names_any(classified: Classified, numbers: Iterable[str | None]) -> bool:
    """Return True if a file names a school by any of the DfE numbers or URNs."""
    named = {number for one in classified.schools for number in (one.dfe_number, one.urn) if number}
    return not named.isdisjoint(numbers)


def part_of(
    provider: Provider, data_type: str, unlisted: tuple[Unlisted, ...], catalogue: Catalogue
) -> Basis:
    """Return a provider's part of a file about many schools: the records of its own school.
    The part has the agreed items of Appendix A, and the items carried by the data type. `unlisted`: columns
    and elements unknown to the data type.
    """
    entry = catalogue.entries.get(data_type)
    carried = () if entry is None else entry.carries
    items = (*(item for item in catalogue.appendix_a if item not in catalogue.proposed), *carried)
    school = provider.dfe_number or "", provider.urn or ""
    return Basis(data_type=data_type, items=items, unlisted=unlisted, of_school=school)


def reaches_providers(classified: Classified, flow: Flow, catalogue: Catalogue) -> bool:
    """Return True if a file of a flow may go to providers, as a copy or in parts."""
    divisible = bool(classified.schools) and _is_divisible(classified)
    may = (body for body in _bodies(flow, catalogue) if _may_have(body, classified, catalogue))
    return any(body.about == "anyone" or divisible or named_school(classified) is not None for body in may)


def _is_divisible(classified: Classified) -> bool:
    return classified.extension.removeprefix("formulas.") in _TABLES


def _bodies(flow: Flow, catalogue: Catalogue) -> list[RecipientBody]:
    found = (catalogue.bodies.find(each) for each in flow.recipients)
    return [body for body in found if body is not None and body.kinds]


def _may_have(body: RecipientBody, classified: Classified, catalogue: Catalogue) -> bool:
    """Return True if a recipient may have every item in a file, or gets only files about itself."""
    if body.about == "themselves":
        return True
    return not classified.unlisted and all(
        catalogue.may_have(body.id, item) for item in (*classified.items, *classified.other_items)
    )


def has_to_wait(provider: Provider, catalogue: Catalogue) -> bool:
    """Return True if copies for a provider wait for a ratification, or for the end of a suspension."""
    return provider.suspended or (provider.kind in catalogue.bodies.parties and not provider.ratified)


def _numbers(provider: Provider) -> tuple[str, ...]:
    return tuple(filter(None, (provider.dfe_number, provider.urn)))


# Files of different weeks longer ago have the same latest day (classify/latest_day.py), give or take an hour.
_TOLD_AS_IT_STANDS = timedelta(days=3 * 365 - 1)


def is_comparable(transfer: Transfer, catalogue: Catalogue) -> bool:
    """Return True for an accepted file that states a period, if its data type lets the latest file replace
    others, and its latest day is not so long ago that it was told as another one.
    """
    entry, content = catalogue.entries.get(transfer.data_type or ""), transfer.content
    if transfer.state != "accepted" or transfer.period is None or entry is None or not entry.each_replaces:
        return False
    latest, at = content.facts.latest_day if isinstance(content, Classified) else None, transfer.decided_at
    return latest is None or at is None or at.date() - latest < _TOLD_AS_IT_STANDS


Alike = tuple[tuple[datetime, int], str, Classified | ContentRefused | None]
"""Landing (time and sequence), reference and, if needed, content of a file that may replace another."""


def superseding(
    transfer: Transfer, others: Iterable[Alike], provider: Provider, bodies: BodiesFile
) -> tuple[str | None, str | None]:
    """Return the references of the file that `transfer` replaces, and of the file that replaces it; None for
    no file. `others`: the accepted files of the same provider, data type and period, the latest first. A file
    replaces an earlier one only if it is about all schools that the earlier one is about.
    """
    # A file is about the sender alone, unless the provider sends for others.
    by_content, alone = tells_by_content(provider, bodies), frozenset({provider.id})
    schools = _schools_in(transfer.content) if by_content else alone
    replaces, superseded_by, landed = None, None, (transfer.upload.landed_at, transfer.sequence)
    for landing, reference, content in others:
        theirs = _schools_in(content) if by_content else alone
        # Within a minute the time tells; else the number does, as the clock may have been set back.
        is_near = abs(landing[0] - landed[0]) < timedelta(minutes=1)
        one, this = (landing, landed) if is_near else (landing[1:], landed[1:])
        if one < this and theirs and theirs <= schools:
            replaces = replaces or reference
        if one > this and schools and schools <= theirs:
            superseded_by = superseded_by or reference
    return replaces, superseded_by


def tells_by_content(provider: Provider, bodies: BodiesFile) -> bool:
    """Return True if a provider sends for other schools, so only a file's content shows its schools."""
    return bool(provider.schools) or provider.kind not in bodies.with_own_pupils


def _schools_in(content: Classified | ContentRefused | None) -> frozenset[str]:
    named = content.schools if isinstance(content, Classified) else ()
    return frozenset(filter(None, map(number_of, named)))
