"""The school of each pupil in a file: the pupil's own, and never a stranger's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from gateway.model import Accepted, Classified, Decision, Provider, Released, Transfer
from gateway.policy.schools import named_school, number_of, speaks_for
from gateway.policy.small_schemas import BodiesFile
from gateway.registry import rolls

_ESTABLISHMENT, _DFE_NUMBER = 4, 7


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The enrolled providers by id, and the provider of each school number."""

    providers: Mapping[str, Provider]
    schools: Mapping[str, str]
    bodies: BodiesFile

    @classmethod
    def of(cls, providers: Iterable[Provider], bodies: BodiesFile) -> Enrolled:
        """Index the providers; a number shared by several schools identifies none."""
        known = {provider.id: provider for provider in providers}
        schools_of = [one for one in known.values() if bodies.of(one.kind).own_pupils]
        claims = Counter(number for one in schools_of for number in _numbers(one))
        schools = {number: one.id for one in schools_of for number in _numbers(one) if claims[number] == 1}
        return cls(known, schools, bodies)

    def owner(self, sender: Provider, number: str) -> str | None:
        """Return the school of a record in an accepted file of a sender; None for no known school.

        `number` is the school number in the record, or empty.
        """
        if not self.bodies.of(sender.kind).own_pupils:
            return None
        own = speaks_for(sender)
        number = _in_full(number, own)
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
        """Return those of a sender's several schools that a file names: number, provider, name, by number.

        Empty for a sender of one school. Provider and name are empty where none is enrolled.
        """
        if not sender.schools or not isinstance(content, Classified):
            return ()
        own = speaks_for(sender)
        found = {number_of(one) for one in content.schools} or {named_school(content) or ""}
        numbers = sorted(own.intersection(_in_full(number, own) for number in found))
        each = [(number, self.providers.get(self.owner(sender, number) or "")) for number in numbers]
        return tuple((number, one.id if one else "", one.name if one else "") for number, one in each)

    def owners(self, sender: Provider, content: Classified) -> frozenset[str]:
        """Return all schools with records in a file."""
        numbers = {number_of(school) for school in content.schools} or {named_school(content) or ""}
        return frozenset(filter(None, (self.owner(sender, number) for number in numbers)))


def _numbers(provider: Provider) -> Iterator[str]:
    if not provider.is_closed:
        yield from filter(None, (provider.dfe_number, provider.urn))


def _in_full(number: str, known: Iterable[str]) -> str:
    """Return the only DfE number ending in an establishment number; the number for none or several."""
    fitting = [one for one in known if len(one) == _DFE_NUMBER and one.endswith(number)]
    return fitting[0] if len(number) == _ESTABLISHMENT and len(fitting) == 1 else number


def record(
    session: Session, transfer: Transfer, decision: Decision, enrolled: Callable[[], Enrolled]
) -> None:
    """Record the schools of an accepted file, where the sender speaks for several."""
    counts = isinstance(decision, Accepted) or (isinstance(decision, Released) and decision.on_roll)
    if not counts or not isinstance(transfer.content, Classified):
        return
    sender = enrolled().providers[transfer.upload.provider]
    if sender.schools:
        rolls.note_schools(session, transfer.sequence, enrolled().owners(sender, transfer.content))
