"""Put decisions in force: each with deliveries, receipt, log entries and roll, in one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from gateway.errors import Fault
from gateway.home import provider_of
from gateway.log.leaf import Kind
from gateway.model import (
    Alike,
    Classified,
    ContentRefused,
    Decision,
    Folder,
    Opened,
    Provider,
    Reason,
    Transfer,
    Upload,
)
from gateway.openpgp.certificates import grouped
from gateway.policy import ratification
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, spoken
from gateway.policy.ratification import renewed_by, years_at
from gateway.policy.schools import Superseding, is_comparable, standing, tells_by_content
from gateway.publish.projection import Issued
from gateway.receipts.facts import plain_reason
from gateway.receipts.text import stated
from gateway.record import letters, outcome
from gateway.record.discrepancies import Decided, Enrolled, enrolled_in, follow, record_schools
from gateway.record.outcome import put_on_record
from gateway.record.owed import CountsOwed, owe
from gateway.record.policy_proposals import last_loaded
from gateway.record.registrar import Registrar
from gateway.registry import keys, log, persons, places, register, transfers
from gateway.registry.rolls import Earlier, Wanted, accepted_files
from gateway.registry.transfers import CONTENT, SigningAct, act_of
from gateway.registry.vouched_rows import digest_changes


def standing_of(
    session: Session, transfer: Transfer, provider: Provider, catalogue: Catalogue
) -> Superseding:
    """Return accepted files replaced by a file, and files replacing it; none for a kind never replaced."""
    if not is_comparable(transfer, catalogue):
        return Superseding()
    by_content = tells_by_content(provider, catalogue.bodies)
    kind = ({provider.id}, {transfer.data_type or ""}, {transfer.period or ""})
    files = accepted_files(session, Wanted(*kind, with_content=by_content))
    return standing_among(files, transfer, provider, catalogue)


def standing_among(
    files: Iterable[Earlier], transfer: Transfer, provider: Provider, catalogue: Catalogue
) -> Superseding:
    """Return which of the accepted `files`, in the order of landing, a file replaces or is replaced by."""
    if not is_comparable(transfer, catalogue):
        return Superseding()
    kind = (transfer.upload.provider, transfer.data_type, transfer.period)
    alike: dict[int, Alike] = {}
    for one in files:
        if (one.provider, one.data_type, one.period) == kind and one.sequence not in alike:
            content = CONTENT.validate_json(one.content) if one.content else None
            alike[one.sequence] = Alike(one.sequence, one.reference, content)
    return standing(transfer, list(alike.values()), provider, catalogue.bodies)


@dataclass(slots=True)
class Batch:
    """Facts read before files are decided together, and rows to write afterwards.

    `before`: earlier transfers by signing act (`transfers.signed_before`); `taken`: the batch's own, by
    signing act. `uses`: provider, fingerprint and time of each use of a key. `persons`: digests of children,
    by file.
    """

    session: Session
    before: dict[SigningAct, list[str]] = field(default_factory=dict)
    taken: dict[SigningAct, str] = field(default_factory=dict)
    uses: list[tuple[str, str, datetime]] = field(default_factory=list)
    persons: dict[str, bytes] = field(default_factory=dict)

    def earlier(self, upload: Upload, opened: Opened) -> str | None:
        """Return the reference of an earlier transfer with the same signing act as an upload; else None.

        A refused transfer is not counted: the sender may send the file again.
        """
        act = act_of(upload, opened)
        others = (one for one in self.before.get(act, ()) if one != upload.reference)
        return next(others, None) or self.taken.get(act)


def subjects(reference: str, content: Classified | ContentRefused | None) -> tuple[str, str]:
    """Return the subjects to lock for a decision: the file, and the provider's files of the same kind.

    Files of one kind may replace, or be copies of, each other.
    """
    kind = content.data_type if isinstance(content, Classified) else ""
    return reference, f"{provider_of(reference)} {kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A decision to be put in force on one transfer.
    - `roll`: the packed roll from the examination. `kind`: the kind of log entry.
    - `actor` and `note`: the person deciding and the reason, where a person decided.
    - `held_for`: the reasons of an earlier hold.
    - `counted`: teams without pupil records get counts; False where a person named the teams.
    - `arrives`: no log entry tells of the file yet.
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


def put_in_force(
    registrar: Registrar, batch: Batch, rulings: Sequence[Ruling], now: datetime
) -> Issued | None:
    """Record rulings in the caller's transaction; return the log's signed head and the receipts.

    None for no rulings. After the commit `Registrar.bring_out` publishes the receipts. Fault where another
    host has put other policies in force.
    """
    if not rulings:
        return None
    if registrar.settings.host.shares and last_loaded(batch.session) != registrar.catalogue.digest:
        raise Fault("other policies came into force at another host")
    session, catalogue, counting = batch.session, registrar.catalogue, years_at(now, registrar.catalogue)
    recorded = transfers.record_decisions(session, [(one.reference, one.decision) for one in rulings], now)
    sequences = {one.upload.reference: one.sequence for one in recorded}
    persons.note_each(session, {sequences[one]: found for one, found in batch.persons.items()})
    batch.persons.clear()
    enrolled = enrolled_in(register.of(session), counting, catalogue.bodies.with_own_pupils)
    senders, counts = enrolled.providers, CountsOwed(session, catalogue, now)
    decided = counts.give(
        [
            (transfer, one.decision, senders[transfer.upload.provider], one.counted)
            for transfer, one in zip(recorded, rulings, strict=True)
        ]
    )
    copies = []
    for one, transfer in zip(rulings, decided, strict=True):
        is_shared = one.decision.flow in catalogue.shared_flows
        copies.append(owe(session, transfer, one.decision, catalogue, enrolled) if is_shared else ((), ()))
        if senders[transfer.upload.provider].schools:
            record_schools(session, transfer, one.decision, enrolled)
    told = list(zip(rulings, decided, (sentences for _, sentences in copies), strict=True))
    entries, receipts = _told(registrar, session, told, now, earlier=counts.earlier, enrolled=enrolled)
    entries += [entry for owed, _ in copies for entry in owed]
    if registrar.settings.letters.relay is not None:
        letters.owe_for_decisions(registrar, session, decided, now)
    # Before the rolls' place is taken, and in the order of the keys, against deadlocks.
    keys.note_each(session, "provider", batch.uses)
    batch.uses.clear()
    if places.BESIDE_OTHERS in session.info:
        digest_changes(session)
    pairs = zip(decided, rulings, strict=True)
    rolled = [Decided(transfer, one.decision, one.roll, one.arrives) for transfer, one in pairs]
    entries += follow(registrar, session, rolled, enrolled, now)
    return put_on_record(registrar, session, entries, receipts, now)


def _told(
    registrar: Registrar,
    session: Session,
    decided: Sequence[tuple[Ruling, Transfer, Sequence[str]]],
    now: datetime,
    *,
    earlier: Sequence[Earlier],
    enrolled: Enrolled,
) -> tuple[list[log.Entry], outcome.ReceiptsAt]:
    """Return log entries for decided files, and the receipts by the index of the entry."""
    catalogue, entries, receipts = registrar.catalogue, [], []
    for place, (ruling, transfer, of_copies) in enumerate(decided):
        sender, period = enrolled.providers[transfer.upload.provider], transfer.period
        found = standing_among(earlier, transfer, sender, catalogue)
        shown = map(plain_reason, ruling.held_for)
        notices = [f"Until then it was held: {one.sentence} ({one.code})" for one in shown]
        if found.replaces is not None:
            notices.append(
                f"This file replaces {found.replaces}, of the same kind and period ({period}). That one "
                "stays on record."
            )
        if found.superseded_by is not None:
            notices.append(
                f"A later file of the same kind and period ({period}) stands instead of this one: "
                f"{found.superseded_by}."
            )
        notices += [*of_copies, *notices_for(registrar, session, transfer, sender, now)]
        facts = outcome.receipt_facts(
            transfer,
            sender,
            registrar.settings.organisation,
            tuple(notices),
            salt=secrets.token_hex(16),  # Else the log's digest of the receipt could be guessed.
            wording=catalogue.wording,
            schools=enrolled.named(sender, transfer.content) if sender.schools else (),
        )
        statement = stated(facts)
        receipts.append((facts, statement, place))
        said = outcome.decision_entry(
            transfer,
            statement,
            catalogue.digest,
            kind=ruling.kind,
            actor=ruling.actor,
            note=ruling.note,
            replaces=found.replaces,
            arrives=ruling.arrives,
        )
        entries.append(said)
    return entries, receipts


def notices_for(
    registrar: Registrar, session: Session, transfer: Transfer, provider: Provider, now: datetime
) -> tuple[str, ...]:
    """Return advance notices for a transfer's receipt, each a sentence with its next step.

    They tell of a lapsing ratification, from the first warning on, of the signer's key that soon counts no
    more, and of an old key of the gateway that the file was encrypted to.
    """
    known, catalogue, told = register.of(session), registrar.catalogue, list[str]()
    signer = transfer.signature and known.holders.get(("openpgp", transfer.signature.certificate))
    left = signer.days_left(now) if signer and signer.is_in_force(now) else None
    if signer and signer.until and left is not None and left <= max(registrar.key_policy.warn_days):
        name, days = grouped(signer.fingerprint[-16:]), f"{left} day{'s' if left != 1 else ''}"
        end = spoken(signer.until)
        told.append(
            f"Your key {name} expires in {days}, on {end}. Extend it (gpg --quick-set-expire "
            f"{signer.fingerprint.upper()} 2y), export it, and put the file into /keys."
            if signer.until == signer.expires_at
            else f"Your key {name} counts for {days} more, until {end}. Sign with your new one from now on."
        )
    if transfer.opened_by not in {None, registrar.signing.fingerprint}:
        old = known.holders.get(("openpgp", transfer.opened_by or ""))
        until = old.not_after if old is not None else None
        ends = f"; files for the old one are opened until {spoken(until)}" if until and until > now else ""
        told.append(
            f"You encrypted to an old key of the gateway{ends}. Fetch /keys/gateway.asc, import it, and "
            f"encrypt to {grouped(registrar.signing.fingerprint[-16:])} from now on. "
            "/keys/gateway-succession.asc, signed with the old key, proves the new one."
        )
    if provider.kind not in catalogue.bodies.parties:
        return tuple(told)
    today = local_day(now, catalogue.calendar.timezone)
    found = ratification.register(known.years(provider.id, catalogue.text_wanted), today, catalogue)
    if found.warning is None or found.academic_year is None or found.lapses is None:
        return tuple(told)
    lapse = catalogue.reason(
        "agreement:lapses-soon",
        lapses=spoken(found.lapses),
        days=found.days_left,
        next_year=renewed_by(found.academic_year, catalogue),
    )
    return (f"{lapse.sentence} {lapse.next_step}", *told)
