"""Assign the pupils in a file to schools, and compare rolls for discrepancies, as part of a decision.

A file's roll counts once the file is accepted; until then the roll is stored with the held file. New
discrepancies are recorded, and each provider concerned is told of its own records.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import NamedTuple

from sqlmodel import Session

from gateway.examiner.persons import unpacked
from gateway.log.leaf import Kind
from gateway.model import (
    Accepted,
    Classified,
    Decision,
    Held,
    Provider,
    RatificationsThatCount,
    Reason,
    Released,
    RollEntry,
    Transfer,
)
from gateway.openpgp.sealer import clearsign
from gateway.policy.discrepancies import Discrepancy, discrepancies, notices
from gateway.policy.schools import named_school, number_of, speaks_for
from gateway.receipts.notices import NoticeFacts, render_notice
from gateway.record.registrar import Registrar
from gateway.registry import discrepancies as recorded
from gateway.registry import markers, places, providers, receipts, rolls, transfers
from gateway.registry.log import Entry
from gateway.registry.places import WritersPlace
from gateway.registry.register import SendersRegister
from gateway.registry.rolls import Roll

_ESTABLISHMENT, _DFE_NUMBER = 4, 7


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The enrolled providers by id, and the id of the provider with each school number.

    `own_kinds` are the kinds of provider with pupils of their own.
    """

    providers: Mapping[str, Provider]
    schools: Mapping[str, str]
    own_kinds: frozenset[str]

    @classmethod
    def of(cls, providers: Iterable[Provider], own_kinds: frozenset[str]) -> Enrolled:
        """Index providers by id and by school number; a number shared by several schools is left out."""
        known = {provider.id: provider for provider in providers}
        numbers = [
            (number, one.id)
            for one in known.values()
            if one.kind in own_kinds and one.closed_on is None
            for number in (one.dfe_number, one.urn)
            if number
        ]
        claims = Counter(number for number, _ in numbers)
        return cls(known, {number: one for number, one in numbers if claims[number] == 1}, own_kinds)

    def owner(self, sender: Provider, number: str) -> str | None:
        """Return the id of the provider whose roll a record belongs to; None if no such school is enrolled.

        `number` is the school number in the record; if empty, the record is of a sender with one school.
        """
        if sender.kind not in self.own_kinds:
            return None
        own = speaks_for(sender)
        number = _in_full(number, own) if len(number) == _ESTABLISHMENT else number
        if number in {sender.dfe_number, sender.urn}:
            return sender.id
        if number in sender.schools:
            return self.schools.get(number)
        length = _DFE_NUMBER if len(number) == _ESTABLISHMENT else len(number)
        comparable = number and any(len(one) == length for one in own)
        if sender.schools or comparable or number in self.schools:
            return None
        return sender.id

    def named(self, sender: Provider, content: object) -> tuple[tuple[str, str, str], ...]:
        """Return the schools named in a file of a sender with several: number, provider id and name of each.

        Empty for a sender of one school. Id and name are empty where no school of the number is enrolled.
        """
        if not sender.schools or not isinstance(content, Classified):
            return ()
        own = speaks_for(sender)
        found = {number_of(one) for one in content.schools} or {named_school(content) or ""}
        full = (_in_full(one, own) if len(one) == _ESTABLISHMENT else one for one in found)
        numbers = sorted(own.intersection(full))
        each = [(number, self.providers.get(self.owner(sender, number) or "")) for number in numbers]
        return tuple((number, one.id if one else "", one.name if one else "") for number, one in each)

    def owners(self, sender: Provider, content: Classified) -> frozenset[str]:
        """Return the ids of all enrolled schools with records in a file."""
        numbers = {number_of(school) for school in content.schools} or {named_school(content) or ""}
        return frozenset(filter(None, (self.owner(sender, number) for number in numbers)))


@lru_cache(4)  # Asked by each decision; the same until the register changes, or a day ends.
def enrolled_in(
    known: SendersRegister, counting: RatificationsThatCount, own_kinds: frozenset[str]
) -> Enrolled:
    """Return all enrolled providers; `ratified` where a ratification meets `counting`."""
    return Enrolled.of(known.enrolled(counting), own_kinds)


def _in_full(number: str, known: Iterable[str]) -> str:
    """Return the only DfE number in `known` that ends in `number`; for none or several, `number`."""
    fitting = [one for one in known if len(one) == _DFE_NUMBER and one.endswith(number)]
    return fitting[0] if len(fitting) == 1 else number


def record_schools(session: Session, transfer: Transfer, decision: Decision, enrolled: Enrolled) -> None:
    """Record the schools with pupils in an accepted file, if its sender speaks for several schools."""
    counts = isinstance(decision, Accepted) or (isinstance(decision, Released) and decision.on_roll)
    if counts and isinstance(transfer.content, Classified):
        sender = enrolled.providers[transfer.upload.provider]
        rolls.note_schools(session, transfer.sequence, enrolled.owners(sender, transfer.content))


_COMPARED_BYTES = 4 * 1024**2


class Decided(NamedTuple):
    """A decided file, with the packed roll from the examination.

    `roll` is None for a file examined earlier or without pupils; `arrives`: the file was not on record yet.
    """

    transfer: Transfer
    decision: Decision
    roll: bytes | None
    arrives: bool = False


def follow(
    registrar: Registrar, session: Session, decided: Sequence[Decided], enrolled: Enrolled, now: datetime
) -> Sequence[Entry]:
    """Add decided files to the rolls, and compare these with other providers'; return the log entries.

    All files are compared together: a difference made by one file and mended by another is no discrepancy.
    """
    rules = registrar.catalogue.agreement.discrepancies
    concerned = [each for each in decided if each.transfer.data_type in rules.rolls]
    for each in concerned:
        if isinstance(each.decision, Held) and each.roll is not None:
            rolls.stage(session, each.transfer.sequence, each.roll)
    final = [each for each in concerned if not isinstance(each.decision, Held)]
    waited = [each.transfer.sequence for each in final if not each.arrives]
    staged = rolls.take_staged(session, waited) if waited else {}
    taken = [
        (each.transfer, roll)
        for each in final
        # The pupils in another school's file are on the sender's roll only where a person says so.
        if (
            isinstance(each.decision, Accepted)
            or (isinstance(each.decision, Released) and each.decision.on_roll)
        )
        and (roll := each.roll if each.roll is not None else staged.get(each.transfer.sequence)) is not None
    ]
    if not taken:
        return ()
    last: dict[str, datetime] = {}
    # Groups small enough to compare in little memory.
    groups: list[list[tuple[Transfer, bytes]]] = [[]]
    for one in taken:
        if groups[-1] and sum(len(roll) for _, roll in (*groups[-1], one)) > _COMPARED_BYTES:
            groups.append([])
        groups[-1].append(one)
    # Every file's statements go in before the lock: whoever has it next sees those of all before.
    for some in groups:
        entered = list(_rolls(enrolled, some))
        rolls.enter(session, entered)
        complete = {transfer.sequence for transfer, _ in some if transfer.data_type in rules.whole_rolls}
        for entry in entered:
            if entry.transfer in complete:
                last[entry.provider] = max(entry.at, last.get(entry.provider, entry.at))
    places.take_a_place(session, WritersPlace.ROLLS)
    if last:
        rolls.note_full_rolls(session, last)
    again = (list(_rolls(enrolled, some)) for some in groups)
    return [
        entry
        for one in ([entered] if len(groups) == 1 else again)
        for entry in _compare(registrar, session, one, now)
    ]


def _rolls(enrolled: Enrolled, taken: Iterable[tuple[Transfer, bytes]]) -> Iterator[Roll]:
    """Yield a roll for each school in accepted files, with the school's pupils.

    A record that names no school belongs to the one school that the file is about.
    """
    for transfer, packed in taken:
        sender, content = enrolled.providers[transfer.upload.provider], transfer.content
        only = named_school(content) if isinstance(content, Classified) else None
        owner_of = cache(partial(enrolled.owner, sender))  # Of many pupils and few schools.
        by_owner: defaultdict[str, list[RollEntry]] = defaultdict(list)
        for entry in unpacked(packed):
            owner = owner_of(entry.school or only or "")
            if owner is not None:
                by_owner[owner].append(entry)
        for owner, entries in by_owner.items():
            at, number = transfer.upload.landed_at, transfer.sequence
            yield Roll(provider=owner, at=at, transfer=number, entries=entries)


def _compare(
    registrar: Registrar, session: Session, entered: Sequence[Roll], now: datetime
) -> Sequence[Entry]:
    """Record new discrepancies about the files' pupils, and settle the ones gone."""
    rows, full_rolls, lasts = rolls.comparable(session, entered)
    if not rows and not lasts:
        return ()
    found = {recorded.key_of(each): each for each in discrepancies(rows, full_rolls)}
    known = recorded.lasting_keys(session, found) if found else set()
    new = [each for key, each in found.items() if key not in known]
    lasting = recorded.of_providers(session, {roll.provider for roll in entered}) if lasts else ()
    settled = [each for each in lasting if each.key not in found]
    fits = [each.number or 0 for each in settled if each.state == "open"]
    if settled:
        recorded.settle(settled, now)
    return [
        *(_opened(registrar, session, new, now) if new else ()),
        *(_entry("discrepancy-resolved", n, "settled") for n in fits),
    ]


def _opened(registrar: Registrar, session: Session, new: Sequence[Discrepancy], now: datetime) -> list[Entry]:
    references = transfers.references(session, {int(row.reference) for each in new for row in each.rows})
    # The files stand as sequences in what was compared.
    named = [
        replace(each, rows=tuple(replace(row, reference=references[int(row.reference)]) for row in each.rows))
        for each in new
    ]
    sequences = {reference: sequence for sequence, reference in references.items()}
    numbers = recorded.open_discrepancies(session, named, sequences, now)
    told: defaultdict[str, list[tuple[int, Reason]]] = defaultdict(list)
    marked = markers.kept_from(session, None)
    for number, each in zip(numbers, named, strict=True):
        if not marked.isdisjoint(bytes.fromhex(row.pupil) for row in each.rows):
            continue  # A protected child's former school would learn that the child is in the county.
        for provider, notice in notices(each, registrar.catalogue):
            told[provider].append((number, notice))
    for provider, points in told.items():
        # Leave a signed notice for a provider, about the provider's own records only.
        places.take_a_place(session, WritersPlace.RECEIPTS)
        reference = receipts.fresh_reference(session, provider, now)
        facts = NoticeFacts(
            reference=reference,
            provider_name=providers.provider_row(session, provider).name,
            organisation=registrar.settings.organisation,
            made_at=now,
            points=tuple(points),
            wording=registrar.catalogue.wording,
        )
        text = clearsign(registrar.signing.openpgp, render_notice(facts))
        receipts.leave_notice(session, receipts.DISCREPANCY_NOTICE, provider, reference, text, now)
    pairs = zip(numbers, named, strict=True)
    return [_entry("discrepancy-opened", number, each.kind) for number, each in pairs]


def _entry(kind: Kind, number: int, cause: str) -> Entry:
    return Entry(kind=kind, subject="discrepancies", fields={"number": number, "cause": cause})
