"""Clauses 7.3 and 8.2 in the transaction of a decision: the roll goes in, what does not fit comes out.

A file's roll counts once the file is accepted; until then it waits beside the held file. What newly
does not fit is recorded, and each provider that it concerns is told of its own records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from gateway.model import Accepted, Decision, Held, RollEntry, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.discrepancies import Discrepancy, Notice, RollRow, discrepancies, notices
from gateway.processing.rolls import unpacked
from gateway.processing.signing import Signing
from gateway.receipts.leaf import Kind
from gateway.receipts.notice import NoticeFacts, render_notice
from gateway.registry import discrepancies as recorded
from gateway.registry import providers, receipts, rolls, transfers
from gateway.registry.log import Entry
from gateway.registry.tables import PupilRow, ReceiptRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison needs: the transaction, the policies, and what notices are signed with."""

    session: Session
    catalogue: Catalogue
    signing: Signing
    organisation: str
    now: datetime


def follow(
    comparison: Comparison, transfer: Transfer, decision: Decision, roll: bytes | None
) -> Sequence[Entry]:
    """Do to the roll of a file what was decided on the file; the log's word on what came of it.

    `roll` is what the examination packed, None where the file was examined earlier or holds no roll.
    """
    session, sequence = comparison.session, transfer.sequence
    if transfer.data_type not in comparison.catalogue.agreement.discrepancies.rolls:
        return ()
    if isinstance(decision, Held):
        if roll is not None:
            rolls.stage(session, sequence, roll)
        return ()
    staged = rolls.take_staged(session, sequence)
    taken = roll if roll is not None else staged
    if taken is None or not isinstance(decision, Accepted):
        return ()
    entries = list(unpacked(taken))
    _enter(comparison, transfer, entries)
    return _compare(comparison, transfer.upload.provider, entries)


def _enter(comparison: Comparison, transfer: Transfer, entries: Iterable[RollEntry]) -> None:
    provider, at = transfer.upload.provider, transfer.upload.landed_at
    rolls.enter(comparison.session, provider, entries, at=at, transfer=transfer.sequence)
    if transfer.data_type in comparison.catalogue.agreement.discrepancies.whole_rolls:
        rolls.note_full_roll(comparison.session, provider, at)


def _compare(comparison: Comparison, provider: str, entries: Sequence[RollEntry]) -> Sequence[Entry]:
    """Open what newly does not fit, settle what fits again, among the pupils that the file touches."""
    session = comparison.session
    lasting = recorded.lasting(session, provider)
    touched = {bytes.fromhex(party.pupil) for each in lasting for party in each.parties}
    touched |= _related(session, provider, entries)
    found = {recorded.key_of(each): each for each in _found(session, touched)}
    known = recorded.lasting_keys(session, found)
    new = [each for key, each in found.items() if key not in known]
    settled = [each for each in lasting if each.key not in found]
    for each in settled:
        recorded.settle(session, each.number, comparison.now)
    fits = [each.number for each in settled if each.state == "open"]
    return [*_opened(comparison, new), *(_entry("discrepancy-resolved", n, "settled") for n in fits)]


def _related(session: Session, provider: str, entries: Sequence[RollEntry]) -> set[bytes]:
    """The few pupils of a file with whom anything can be wrong: known elsewhere, or under two numbers."""
    own = {entry.pupil for entry in entries}
    renumbered = {pupil for entry in entries if entry.former for pupil in (entry.pupil, entry.former)}
    return rolls.shared(session, provider, own) | renumbered | rolls.renumbered_from(session, own)


def _found(session: Session, pupils: set[bytes]) -> list[Discrepancy]:
    """All that does not fit about these pupils."""
    rows = [_roll_row(row) for row in rolls.of_pupils(session, pupils)]
    return discrepancies(rows, rolls.full_rolls(session, {row.provider for row in rows}))


def _roll_row(row: PupilRow) -> RollRow:
    return RollRow(
        provider=row.provider,
        pupil=row.pupil.hex(),
        on_roll=row.on_roll,
        at=row.at,
        birth_date=row.birth_date.hex() if row.birth_date else None,
        former=row.former.hex() if row.former else None,
        reference=str(row.transfer),
        record=row.record,
    )


def _opened(comparison: Comparison, new: Sequence[Discrepancy]) -> list[Entry]:
    session = comparison.session
    references = transfers.references(session, {int(row.reference) for each in new for row in each.rows})
    named = [_named(each, references) for each in new]
    sequences = {reference: sequence for sequence, reference in references.items()}
    numbers = recorded.open_discrepancies(session, named, sequences, comparison.now)
    told: defaultdict[str, list[tuple[int, Notice]]] = defaultdict(list)
    name_other = comparison.catalogue.agreement.discrepancies.name_other_school
    for number, each in zip(numbers, named, strict=True):
        for notice in notices(each, name_other_school=name_other):
            told[notice.provider].append((number, notice))
    for provider, points in told.items():
        _tell(comparison, provider, points)
    pairs = zip(numbers, named, strict=True)
    return [_entry("discrepancy-opened", number, each.kind) for number, each in pairs]


def _named(discrepancy: Discrepancy, references: Mapping[int, str]) -> Discrepancy:
    """With the references of the files instead of their sequences."""
    rows = (replace(row, reference=references[int(row.reference)]) for row in discrepancy.rows)
    return replace(discrepancy, rows=tuple(rows))


def _entry(kind: Kind, number: int, cause: str) -> Entry:
    return Entry(kind=kind, subject="discrepancies", fields={"number": number, "cause": cause})


def _tell(comparison: Comparison, provider: str, points: Sequence[tuple[int, Notice]]) -> None:
    """Leave a signed notice for a provider, about its own records only."""
    reference = receipts.fresh_reference(comparison.session, provider, comparison.now)
    facts = NoticeFacts(
        reference=reference,
        provider_name=providers.provider_row(comparison.session, provider).name,
        organisation=comparison.organisation,
        made_at=comparison.now,
        points=tuple(points),
    )
    comparison.session.add(
        ReceiptRow(
            reference=reference,
            provider=provider,
            name=receipts.DISCREPANCY_NOTICE,
            text=comparison.signing.clearsign(render_notice(facts)),
            json_text="",
            created_at=comparison.now,
        )
    )
    comparison.session.flush()
