"""Decisions are put in force: each with its deliveries, receipt, log entries and roll, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.log.leaf import Kind
from gateway.model import Decision, Folder, Provider, Reason, Transfer
from gateway.policy.superseding import Superseding
from gateway.receipts.facts import ReceiptFacts, plain_reason
from gateway.record import advance_notices, copies_owed, counts_owed, letters, outcome, schools, superseded
from gateway.record.advance_notices import notices_for
from gateway.record.batch import Batch
from gateway.record.discrepancies import Comparison, Decided, follow
from gateway.record.issuing import put_on_record
from gateway.record.registrar import Registrar
from gateway.record.schools import Enrolled
from gateway.registry import log, outcomes, providers


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A decision to be put in force on one transfer.

    `roll` is what the examination packed of it. `kind` is the log's word; `actor` and `note` say who
    decided and why, where it was a person. `held_for`: why the file had waited until then. `counted`: teams
    that may have no record get counts of it; not where a person has named who gets the file. `arrives`:
    nothing of the file was on record before.
    """

    reference: str
    decision: Decision
    folder: Folder = "in"
    roll: bytes | None = None
    kind: Kind = "decided"
    actor: str | None = None
    note: str | None = None
    counted: bool = True
    held_for: tuple[Reason, ...] = ()
    arrives: bool = False

    @property
    def told(self) -> tuple[str, ...]:
        """What the receipt says of the time before, each a sentence."""
        shown = map(plain_reason, self.held_for)
        return tuple(f"Until then it was held: {one.sentence} ({one.code})" for one in shown)


def put_in_force(registrar: Registrar, batch: Batch, rulings: Sequence[Ruling], now: datetime) -> str | None:
    """Record rulings in the caller's transaction; the signed head of the log that holds them.

    None where there are none. What was committed comes out with `Registrar.bring_out`.
    """
    if not rulings:
        return None
    session = batch.session
    recorded = outcomes.record_decisions(session, [(one.reference, one.decision) for one in rulings], now)
    batch.record_persons(recorded)
    files = [
        (transfer, one, _provider(registrar, batch, transfer, now))
        for transfer, one in zip(recorded, rulings, strict=True)
    ]
    counting = counts_owed.CountsOwed(session, registrar.catalogue, now)
    counting.look_ahead((transfer, one.decision, sender) for transfer, one, sender in files if one.counted)
    decided = [
        counting.deliver(transfer, one.decision, sender) if one.counted else transfer
        for transfer, one, sender in files
    ]
    counting.write()
    senders = {sender.id: sender for _, _, sender in files}
    superseded.look_ahead(
        batch, [(each, senders[each.upload.provider]) for each in decided], registrar.catalogue
    )
    advance_notices.look_ahead(registrar, batch, senders)
    entries: list[log.Entry] = []
    receipts = []
    for ruling, transfer in zip(rulings, decided, strict=True):
        found = _standing(registrar, batch, transfer, now)
        facts = _facts(registrar, batch, transfer, now, (*ruling.told, *superseded.told(found, transfer)))
        receipts.append((facts, len(entries)))
        decided_on = outcome.decision_entry(
            transfer,
            facts,
            registrar.catalogue.digest,
            kind=ruling.kind,
            actor=ruling.actor,
            note=ruling.note,
            replaces=found.replaces,
            arrives=ruling.arrives,
        )
        entries.append(decided_on)
        entries += copies_owed.owe(
            session,
            transfer,
            ruling.decision,
            registrar.catalogue,
            lambda: _everybody(registrar, batch, now),
        )
        schools.record(session, transfer, ruling.decision, lambda: _enrolled(registrar, batch, now))
    pairs = zip(decided, rulings, strict=True)
    entries += follow(
        _comparison(registrar, batch, now),
        [Decided(transfer, one.decision, one.roll) for transfer, one in pairs],
    )
    letters.owe_for_decisions(registrar, session, decided, now)
    # Many use the same keys: others wait for these rows no longer than for the log.
    batch.record_uses()
    return put_on_record(registrar, session, entries, receipts, now)


def _standing(registrar: Registrar, batch: Batch, transfer: Transfer, now: datetime) -> Superseding:
    provider = _provider(registrar, batch, transfer, now)
    return superseded.standing_of(batch, transfer, provider, registrar.catalogue)


def _provider(registrar: Registrar, batch: Batch, transfer: Transfer, now: datetime) -> Provider:
    sender = transfer.upload.provider
    return batch.once(("provider", sender), lambda: registrar.provider(batch.session, sender, now))


def _facts(
    registrar: Registrar, batch: Batch, transfer: Transfer, now: datetime, about: tuple[str, ...]
) -> ReceiptFacts:
    provider = _provider(registrar, batch, transfer, now)
    return outcome.receipt_facts(
        transfer,
        provider,
        registrar.settings.organisation,
        (*about, *notices_for(registrar, batch, transfer, provider, now)),
        salt=outcome.fresh_salt(),
        wording=registrar.catalogue.wording,
    )


def _everybody(registrar: Registrar, batch: Batch, now: datetime) -> Sequence[Provider]:
    return batch.once("enrolled", lambda: providers.list_providers(batch.session, registrar.counting(now)))


def _enrolled(registrar: Registrar, batch: Batch, now: datetime) -> Enrolled:
    return batch.once(
        "schools", lambda: Enrolled.of(_everybody(registrar, batch, now), registrar.catalogue.bodies)
    )


def _comparison(registrar: Registrar, batch: Batch, now: datetime) -> Comparison:
    return Comparison(
        session=batch.session,
        catalogue=registrar.catalogue,
        signing=registrar.signing,
        organisation=registrar.settings.organisation,
        now=now,
        enrolled=lambda: _enrolled(registrar, batch, now),
    )
