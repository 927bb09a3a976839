"""On whose record the pupils of a file go: each school's on its own, and nobody's on that of a stranger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from gateway.model import Accepted, Classified, Decision, Provider, Released, Transfer
from gateway.policy.bodies_schema import BodiesFile
from gateway.policy.schools import named_school, number_of, speaks_for
from gateway.registry import rolls

_ESTABLISHMENT, _DFE_NUMBER = 4, 7


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The providers that are enrolled, by id, and which of them a number of a school is on record for."""

    providers: Mapping[str, Provider]
    schools: Mapping[str, str]
    bodies: BodiesFile

    @classmethod
    def of(cls, providers: Iterable[Provider], bodies: BodiesFile) -> Enrolled:
        """A number that is on record for several tells none of them."""
        known = {provider.id: provider for provider in providers}
        schools_of = [one for one in known.values() if bodies.of(one.kind).own_pupils]
        claims = Counter(number for one in schools_of for number in _numbers(one))
        schools = {number: one.id for one in schools_of for number in _numbers(one) if claims[number] == 1}
        return cls(known, schools, bodies)

    def owner(self, sender: Provider, number: str) -> str | None:
        """Whose pupil a record is, in a file of this sender that was accepted; None where it is nobody's.

        `number` is that of the school which the record names, empty where it names none.
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

    def owners(self, sender: Provider, content: Classified) -> frozenset[str]:
        """All whose pupils the records of a file are."""
        numbers = {number_of(school) for school in content.schools} or {named_school(content) or ""}
        return frozenset(filter(None, (self.owner(sender, number) for number in numbers)))


def _in_full(number: str, known: Iterable[str]) -> str:
    """The one DfE number that an establishment number is part of; itself where there is none or several."""
    fitting = [one for one in known if len(one) == _DFE_NUMBER and one.endswith(number)]
    return fitting[0] if len(number) == _ESTABLISHMENT and len(fitting) == 1 else number


def _numbers(provider: Provider) -> Iterator[str]:
    if not provider.is_closed:
        yield from filter(None, (provider.dfe_number, provider.urn))


def record(
    session: Session, transfer: Transfer, decision: Decision, enrolled: Callable[[], Enrolled]
) -> None:
    """Put down which schools' an accepted file is, where its sender speaks for several."""
    counts = isinstance(decision, Accepted) or (isinstance(decision, Released) and decision.on_roll)
    if not counts or not isinstance(transfer.content, Classified):
        return
    sender = enrolled().providers[transfer.upload.provider]
    if sender.schools:
        rolls.note_schools(session, transfer.sequence, enrolled().owners(sender, transfer.content))
