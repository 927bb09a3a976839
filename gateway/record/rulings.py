"""Put decisions in force: each with deliveries, receipt, log entries and roll, in one transaction."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from gateway import model
from gateway.errors import Fault
from gateway.home import provider_of
from gateway.log.leaf import rfc3339
from gateway.openpgp.certificates import grouped
from gateway.policy import ratification
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, spoken
from gateway.policy.ratification import renewed_by, years_at
from gateway.policy.schools import is_comparable, superseding, tells_by_content
from gateway.publish.projection import Issued
from gateway.receipts.facts import ReceiptFacts, plain_reason
from gateway.receipts.text import Statement, receipt_statement
from gateway.record import letters
from gateway.record.consequences import CountsOwed, Enrolled, Ruling, enrolled_in, owe_copies, record_rolls
from gateway.record.policy_proposals import last_loaded
from gateway.record.registrar import Registrar
from gateway.registry import (
    keys,
    locks,
    log,
    persons,
    providers,
    receipts,
    register,
    transfers,
    work_queue,
)
from gateway.registry.log import Entry
from gateway.registry.rolls import Earlier, accepted_files
from gateway.registry.tables import ReceiptRow, SchoolOfTransferRow
from gateway.registry.transfers import CONTENT, SigningAct, act_of
from gateway.registry.vouched_rows import digest_changes, insert_rows, stated_digest, vouch_as
from gateway.zones.failpoints import passing

_log = logging.getLogger(__name__)


def landed_entry(upload: model.Upload, statement: Statement | None) -> Entry:
    """Return the log entry for a landed upload, with the digests of the receipt's `statement`, if any."""
    return Entry(
        kind="landed",
        subject=upload.reference,
        fields={
            "provider": upload.provider,
            "folder": upload.folder,
            # The digest of a withheld file is one of its plain content.
            **({} if upload.withheld else {"sha256": upload.sha256}),
            "size": upload.size,
            "key": upload.ssh_key,
            **(statement.digests if statement else {}),
        },
        name=upload.name,
        content=upload.sha256 if upload.withheld else None,
    )


def decision_entry(
    transfer: model.Transfer, statement: Statement, policies: str, ruling: Ruling, replaces: str | None = None
) -> Entry:
    """Return the log entry for a decision, with the digests of the receipt's `statement`.
    `policies`: the digest of the policies applied. `replaces`: the reference of the superseded file. For a
    file without an earlier entry (`Ruling.arrives`) the entry also holds the folder and the SSH key.
    """
    came = {"folder": transfer.upload.folder, "key": transfer.upload.ssh_key} if ruling.arrives else {}
    fields: dict[str, str | int | None] = {
        "provider": transfer.upload.provider,
        "state": transfer.state,
        **statement.digests,
        "sha256": None if transfer.upload.withheld else transfer.upload.sha256,  # As in `landed_entry`.
        "size": transfer.upload.size,
        "reasons": ",".join(reason.code for reason in transfer.reasons),
        "policies": policies,
        "flow": transfer.flow,
        "teams": ",".join(transfer.teams),
        "until": rfc3339(transfer.held_until) if transfer.held_until else None,
        "engine": transfer.engine.replace(":", "-") if transfer.engine else None,
        "content_size": transfer.content_size,
        "signer": transfer.signature.certificate if transfer.signature else None,
        "signing_key": transfer.signature.signing_key if transfer.signature else None,
        "signed_at": rfc3339(transfer.signature.created_at) if transfer.signature else None,
        "replaces": replaces,
        **came,
    }
    if isinstance(content := transfer.content, model.Classified):
        fields |= {"data_type": content.data_type, "level": content.level, "pupils": content.pupils}
    said = {name: value for name, value in fields.items() if value is not None}
    return Entry(
        kind=ruling.kind,
        subject=transfer.upload.reference,
        fields=said,
        actor=ruling.actor,
        name=transfer.upload.name,
        content=transfer.upload.sha256 if transfer.upload.withheld else transfer.content_sha256,
        note=ruling.note,
    )


ReceiptsAt = Sequence[tuple[ReceiptFacts, Statement, int]]
"""Receipts to store: the facts and statement of each, and the index of the log entry among new entries."""


def put_on_record(
    registrar: Registrar, session: Session, entries: Sequence[Entry], given: ReceiptsAt, now: datetime
) -> Issued:
    """Append a transaction's entries to the log, sign the head, and store the receipts of `given`.
    `given`: each receipt with the index of its entry. The receipts are signed at once; but in a transaction
    of `Registry.write_on`, in which other writers wait for the log, the caller signs them after the commit.
    """
    signing, beside = registrar.signing, locks.BESIDE_OTHERS in session.info
    rows: list[dict[str, Any]] = [
        {
            "reference": facts.transfer.upload.reference,
            "provider": facts.provider.id,
            "name": facts.transfer.upload.name,
            "stage": facts.shown["stage"],
            "created_at": now,
        }
        for facts, _, _ in given
    ]
    statements = [statement for _, statement, _ in given]
    stated = [stated_digest(row, one.text, one.canonical) for row, one in zip(rows, statements, strict=True)]
    if beside:
        digest_changes(session)
    numbers = []
    if given:
        numbers = (
            receipts.put_unsigned(session, rows, statements)
            if beside
            else receipts.next_receipts(session, len(given))
        )
    for number, row, digest in zip(numbers, rows, stated, strict=True):
        vouch_as(session, ("receipt", f"[{number}]"), digest, row)
        row["sequence"] = number
    leaves = log.append(session, log.with_records(session, entries), now, before_head=bool(given))
    head = log.sign_head(session, signing.log_key, signing.origin, now, carried=bool(given))
    proved = receipts.proofs(session, [leaves[place] for *_, place in given], head=head, signing=signing)
    unsigned = zip(rows, statements, proved, strict=True)
    if beside and given:  # Proved only when they are signed.
        return Issued(head, unsigned=unsigned)
    whole = receipts.signed(signing, list(unsigned))
    insert_rows(session, ReceiptRow, whole)
    return Issued(head, [ReceiptRow(**row) for row in whole])


def land(registrar: Registrar, uploads: Sequence[model.Upload]) -> set[str]:
    """Record stored uploads as landed, in one transaction; return the references now on record.
    Uploads of unknown providers are left out. If a Fault is raised, nothing is recorded.
    """
    issued = None
    with registrar.registry.write_on([upload.reference for upload in uploads]) as session:
        enrolled = {p.id: p for p in providers.list_providers(session)}
        known = transfers.known(session, [upload.reference for upload in uploads])
        fresh = []
        for upload in uploads:
            if upload.provider not in enrolled:
                _log.error("%s: no such provider is enrolled", upload.reference)
            elif upload.reference not in known:
                fresh.append((upload, enrolled[upload.provider]))
                known.add(upload.reference)
        if fresh:
            now = registrar.clock()
            transfers.land(session, *(upload for upload, _ in fresh))
            if registrar.settings.host.shares:
                work_queue.queue(session, [upload.reference for upload, _ in fresh])
            entries, receipts = [], []
            for place, (upload, provider) in enumerate(fresh):
                statement = None
                if not upload.withheld:  # No content of a withheld file is stored.
                    facts = ReceiptFacts(
                        transfer=model.Transfer(sequence=0, upload=upload, state="landed"), provider=provider,
                        organisation=registrar.settings.organisation, salt=secrets.token_hex(16),
                        wording=registrar.catalogue.wording,
                    )  # fmt: skip
                    statement = receipt_statement(facts)
                    receipts.append((facts, statement, place))
                entries.append(landed_entry(upload, statement))
            issued = put_on_record(registrar, session, entries, receipts, now)
        passing("land.written")
    passing("land.committed")
    if issued is not None and issued.unsigned:
        registrar.bring_out(issued)
    return known


def superseding_of(
    session: Session, transfer: model.Transfer, provider: model.Provider, catalogue: Catalogue,
    files: Iterable[Earlier] | None = None,
) -> tuple[str | None, str | None]:  # fmt: skip
    """Return the references of the file that `transfer` replaces, and of the file that replaces `transfer`.
    `files`: the accepted files, if the caller has read them. A reference is None if there is no such file;
    both are None if files of this data type do not replace one another.
    """
    if not is_comparable(transfer, catalogue):
        return None, None
    kind = (transfer.upload.provider, transfer.data_type or "", transfer.period or "")
    if files is None:
        by_content = tells_by_content(provider, catalogue.bodies)
        files, _ = accepted_files(session, {kind[0]}, {kind[1]}, {kind[2]}, with_content=by_content)
    alike = (one for one in reversed([*files]) if (one.provider, one.data_type, one.period or "") == kind)
    # Of two that landed within a moment, the later one may have been decided, and numbered, first.
    each = {((one.landed_at, one.sequence), one.reference): one.content for one in alike}
    latest_first = (
        (*one, CONTENT.validate_json(content) if content else None)
        for one, content in sorted(each.items(), reverse=True)
    )
    return superseding(transfer, latest_first, provider, catalogue.bodies)


@dataclass(slots=True)
class Batch:
    """Facts known while several files are decided in one transaction, and facts to record at the end. Replays
    are found by `before` and `taken`: for what identifies a signing (`SigningAct`), the references of earlier
    transfers, and of transfers in the batch. `uses`: provider, fingerprint and time of each use of a key.
    `persons`: for each file, the digests of its children, joined.
    """

    session: Session
    before: dict[SigningAct, list[str]] = field(default_factory=dict)
    taken: dict[SigningAct, str] = field(default_factory=dict)
    uses: list[tuple[str, str, datetime]] = field(default_factory=list)
    persons: dict[str, bytes] = field(default_factory=dict)

    def earlier(self, upload: model.Upload, opened: model.Opened) -> str | None:
        """Return the reference of an earlier transfer of the same signed content (`SigningAct`), or None.
        A refused transfer does not count: the sender may send the file again.
        """
        act = act_of(upload, opened)
        others = (one for one in self.before.get(act, ()) if one != upload.reference)
        return next(others, None) or self.taken.get(act)


def subjects(reference: str, content: model.Classified | model.ContentRefused | None) -> tuple[str, str]:
    """Return the subjects to lock while a file is decided: the file, and the provider's files of its type.
    Files of one data type may replace, or be copies of, each other.
    """
    kind = content.data_type if isinstance(content, model.Classified) else ""
    return reference, f"{provider_of(reference)} {kind}"


def put_in_force(
    registrar: Registrar, batch: Batch, rulings: Sequence[Ruling], now: datetime
) -> Issued | None:
    """Record rulings in the caller's transaction; return the receipts and the log's signed head.
    Return None if there are no rulings. The caller publishes the receipts after the commit, by
    `Registrar.bring_out`. Raises Fault if another process has put other policies in force.
    """
    if not rulings:
        return None
    session, catalogue, counting = batch.session, registrar.catalogue, years_at(now, registrar.catalogue)
    here = registrar.home.policies_in_force  # policies/ itself, before any came into force.
    in_force = last_loaded(session) if registrar.settings.host.shares else here.name
    if in_force != catalogue.digest and (registrar.settings.host.shares or here != registrar.home.policies):
        raise Fault("other policies came into force meanwhile")
    recorded = transfers.record_decisions(session, [(one.reference, one.decision) for one in rulings], now)
    sequences = {one.upload.reference: one.sequence for one in recorded}
    persons.note(session, {sequences[one]: found for one, found in batch.persons.items()})
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
        sender, content, ruled = senders[transfer.upload.provider], transfer.content, one.decision
        is_shared = ruled.flow in catalogue.shared_flows
        copies.append(owe_copies(session, transfer, ruled, catalogue, enrolled) if is_shared else ((), ()))
        on_roll = isinstance(ruled, model.Accepted) or (isinstance(ruled, model.Released) and ruled.on_roll)
        if sender.schools and on_roll:
            for school in sorted({one for _, one, _ in enrolled.named(sender, content)} - {""}):
                session.merge(SchoolOfTransferRow(provider=school, transfer=transfer.sequence))
    told = list(zip(rulings, decided, (sentences for _, sentences in copies), strict=True))
    entries, receipts = _told(registrar, session, told, now, earlier=counts.earlier, enrolled=enrolled)
    entries += [entry for owed, _ in copies for entry in owed]
    each = list(zip(decided, rulings, strict=True))
    if registrar.settings.letters.relay is not None:
        letters.owe_for_decisions(registrar, session, each, now)
    # Before the lock of rolls, and in the order of the keys, against deadlocks.
    keys.note_each(session, "provider", batch.uses)
    if locks.BESIDE_OTHERS in session.info:
        digest_changes(session)
    entries += record_rolls(registrar, session, each, enrolled, now)
    return put_on_record(registrar, session, entries, receipts, now)


def _told(
    registrar: Registrar,
    session: Session,
    decided: Sequence[tuple[Ruling, model.Transfer, Sequence[str]]],
    now: datetime,
    *,
    earlier: Sequence[Earlier],
    enrolled: Enrolled,
) -> tuple[list[log.Entry], ReceiptsAt]:
    """Return the log entries and the receipts for decided files, each receipt with the index of its entry.
    `decided`: for each file, ruling, transfer, and sentences about copies for the receipt. `earlier`: the
    accepted files, in the order of landing, which a decided file may replace.
    """
    catalogue, entries, receipts = registrar.catalogue, [], []
    for place, (ruling, transfer, of_copies) in enumerate(decided):
        sender, period = enrolled.providers[transfer.upload.provider], transfer.period
        replaces, superseded_by = superseding_of(session, transfer, sender, catalogue, earlier)
        shown = map(plain_reason, ruling.held_for)
        notices = [f"Until then it was held: {one.sentence} ({one.code})" for one in shown]
        if replaces is not None:
            notices.append(
                f"This file replaces {replaces}, of the same kind and period ({period}). That one "
                "stays on record."
            )
        if superseded_by is not None:
            notices.append(
                f"A later file of the same kind and period ({period}) stands instead of this one: "
                f"{superseded_by}."
            )
        notices += [*of_copies, *notices_for(registrar, session, transfer, sender, now)]
        facts = ReceiptFacts(
            transfer=transfer,
            provider=sender,
            organisation=registrar.settings.organisation,
            notices=tuple(notices),
            salt=secrets.token_hex(16),  # Without it the receipt could be guessed from its digest in the log.
            wording=catalogue.wording,
            schools=enrolled.named(sender, transfer.content) if sender.schools else (),
        )
        statement = receipt_statement(facts)
        receipts.append((facts, statement, place))
        entries.append(decision_entry(transfer, statement, catalogue.digest, ruling, replaces))
    return entries, receipts


def notices_for(
    registrar: Registrar, session: Session, transfer: model.Transfer, provider: model.Provider, now: datetime
) -> tuple[str, ...]:
    """Return notices for the end of a transfer's receipt, each a sentence with a next step.
    The subjects are a ratification about to lapse, a signer's key about to end, and a file encrypted to an
    old key of the gateway.
    """
    known, catalogue, told = register.of(session), registrar.catalogue, list[str]()
    signer = transfer.signature and known.holders.get(("openpgp", transfer.signature.certificate))
    left = signer.days_left(now) if signer and signer.is_in_force(now) else None
    if signer and signer.until and left is not None and left <= max(registrar.key_policy.warn_days):
        name, days = grouped(signer.fingerprint[-16:]), f"{left} day{'s' if left != 1 else ''}"
        end = spoken(signer.until)
        told.append(
            f"Your key {name} expires in {days}, on {end}. Extend it (gpg --quick-set-expire "
            f"{signer.fingerprint.upper()} 2y), export it, and put the file into /keys; "
            "in a browser, select Extend it by two years."
            if signer.until == signer.expires_at
            else f"Your key {name} counts for {days} more, until {end}. Sign with your new one from now on."
        )
    if transfer.opened_by not in {None, registrar.signing.fingerprint}:
        old = known.holders.get(("openpgp", transfer.opened_by or ""))
        until = old.not_after if old is not None else None
        ends = f"; files for the old one are opened until {spoken(until)}" if until and until > now else ""
        told.append(
            f"You encrypted to an old key of the gateway{ends}. Fetch /keys/gateway.asc, import it, and "
            f"encrypt to {grouped(registrar.signing.fingerprint[-16:])} from now on; in a browser, the page "
            "does so. /keys/gateway-succession.asc, signed with the old key, proves the new one."
        )
    if provider.kind not in catalogue.bodies.parties:
        return tuple(told)
    today = local_day(now, catalogue.calendar.timezone)
    years = known.years(provider.id, catalogue.text_wanted, today)
    found = ratification.status_on(years, today, catalogue)
    if found.warning is None or found.academic_year is None or found.lapses is None:
        return tuple(told)
    lapse = catalogue.reason(
        "agreement:lapses-soon",
        lapses=spoken(found.lapses),
        days=found.days_left,
        next_year=renewed_by(found.academic_year, catalogue),
    )
    return (f"{lapse.sentence} {lapse.next_step}", *told)
