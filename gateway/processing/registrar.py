"""The one who puts outcomes on record: each in one transaction with its deliveries, receipt and leaf."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlmodel import Session

from gateway.errors import Fault
from gateway.failpoints import passing
from gateway.home import Home
from gateway.model import Decision, Folder, Held, Provider, Refused, Transfer, Upload
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.decide import decide
from gateway.policy.ratification import years_in_force
from gateway.processing import drops, fan_out, key_drops, key_round, outcome, rotation
from gateway.processing.batch import Batch
from gateway.processing.conclude import SIGNED_LATE, conclude, told_late
from gateway.processing.discrepancy import Comparison, Decided, follow
from gateway.processing.drop import Dropped
from gateway.processing.drops import DROPS
from gateway.processing.examination import Examined
from gateway.processing.founding import publish_all
from gateway.processing.key_changes import Clerk
from gateway.processing.key_warnings import notices_on_keys
from gateway.processing.notices import notices
from gateway.processing.publish import publish_checkpoint, publish_receipts
from gateway.processing.signer import signers_of
from gateway.processing.signing import Signing
from gateway.processing.two_people import check_release
from gateway.receipts.facts import ReceiptFacts
from gateway.receipts.leaf import Kind
from gateway.registry import log, providers, transfers
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.settings import KeyPolicy, Limits, Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ruling:
    """A decision to be put in force on one transfer."""

    reference: str
    decision: Decision
    folder: Folder = "in"
    roll: bytes | None = None
    kind: Kind = "decided"
    actor: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Registrar:
    """Records what landed and what was decided. `clock` gives the time in UTC.

    Every method is one transaction, and publishes only what that transaction made durable. A Fault
    means that nothing was recorded.
    """

    home: Home
    settings: Settings
    limits: Limits
    registry: Registry
    catalogue: Catalogue
    signing: Signing
    clock: Callable[[], datetime]
    key_policy: KeyPolicy = field(default_factory=KeyPolicy)

    def land(self, uploads: Sequence[Upload]) -> set[str]:
        """Record uploads that are safe in the sealed store; the references that are on record now.

        An upload of a provider that is not enrolled stays in the spool: only a person can have
        put it there. The receipts of what landed come out with `publish`: opening need not wait for it.
        """
        with self.registry.write() as session:
            enrolled = {p.id: p for p in providers.list_providers(session)}
            known = transfers.known(session, [upload.reference for upload in uploads])
            fresh = []
            for upload in uploads:
                if upload.provider not in enrolled:
                    _log.error("%s: no such provider is enrolled; it is left in the spool", upload.reference)
                elif upload.reference not in known:
                    fresh.append((upload, enrolled[upload.provider]))
                    known.add(upload.reference)
            self._receive(session, fresh, self.clock())
            passing("land.written")
        passing("land.committed")
        return known

    def commit(self, examined: Sequence[Examined]) -> set[Folder]:
        """Decide examined files and put all of it on record together; the folders they were put in.

        What drops changed is to be shown with `publish_drops` then.
        """
        now = self.clock()
        with self.registry.write() as session:
            batch = Batch(session)
            found = transfers.work_on(session, [one.reference for one in examined])
            pairs = [(one, found[one.reference]) for one in {one.reference: one for one in examined}.values()]
            pairs.sort(key=lambda pair: pair[1].sequence)
            batch.look_back((transfer.upload, one.opened) for one, transfer in pairs if one.opened)
            rulings = [ruling for pair in pairs if (ruling := self._conclude(batch, *pair, now))]
            batch.record_uses()
            head = self._rule(session, rulings, now)
            passing("commit.written")
        passing("commit.committed")
        self.bring_out(head)
        return {ruling.folder for ruling in rulings}

    def publish_drops(self, folders: set[Folder]) -> None:
        """Show outside what drops in these folders have changed. OSError, Fault: to be tried again."""
        drops.publish(folders, self.home, self.registry, self.clock())

    def reconsider(self, *, anew: bool = False) -> int:
        """Decide again what waited and need not any longer, for a date, a ratification or an approval.

        How many were. With `anew`, whatever waits for any date: other policies may have moved it.
        """
        now = self.clock()
        until = datetime.max.replace(tzinfo=UTC) if anew else now
        with self.registry.read() as session:
            waiting = bool(self._reconsidered(session, now, until))
        if not waiting:
            return 0
        with self.registry.write() as session:
            rulings = self._reconsidered(session, now, until)
            head = self._rule(session, rulings, now)
        self.bring_out(head)
        return len(rulings)

    def rule(self, reference: str, decision: Decision, *, kind: Kind, actor: str, why: str) -> None:
        """Put a person's decision on a transfer in force, with their reason beside the log.

        GatewayError where it is a release that this person may not make alone.
        """
        now = self.clock()
        with self.registry.write() as session:
            if kind == "released":
                check_release(session, transfers.get(session, reference), actor)
            ruling = _Ruling(reference=reference, decision=decision, kind=kind, actor=actor, note=why)
            head = self._rule(session, [ruling], now)
        self.bring_out(head)

    def provider(self, session: Session, provider: str, now: datetime) -> Provider:
        """A provider as the policy sees it today."""
        return providers.get_provider(session, provider, self._years(now))

    def _years(self, now: datetime) -> tuple[str, ...]:
        return years_in_force(local_day(now, self.catalogue.calendar.timezone), self.catalogue)

    def _conclude(
        self, batch: Batch, examined: Examined, transfer: Transfer, now: datetime
    ) -> _Ruling | None:
        if transfer.state != "landed":
            return None
        session, upload, opened = batch.session, transfer.upload, examined.opened
        signers = batch.once(("signers", upload.provider), lambda: signers_of(session, upload.provider, now))
        if examined.judged_by and examined.judged_by != signers.digest:
            return None  # A key changed meanwhile: it stays landed, and is examined again.
        provider = self._provider(batch, upload.provider, now)
        if upload.folder in DROPS:
            decision = self._settle(session, upload, examined, provider, now)
            batch.forget()
        else:
            earlier = batch.earlier(upload, opened) if opened is not None else None
            decision = conclude(examined, self.catalogue, provider, now, earlier=earlier, signers=signers)
            if opened is not None and not isinstance(decision, Refused):
                batch.note_taken(upload, opened)
        transfers.record_content(session, upload.reference, opened, examined.content)
        signature = opened.signature if opened is not None else examined.signed
        batch.note_use(upload.provider, upload.ssh_key, upload.landed_at)
        if signature is not None:
            transfers.record_signature(session, upload.reference, signature)
            batch.note_use(upload.provider, signature.certificate, now)
        roll = base64.b64decode(examined.roll) if examined.roll is not None else None
        return _Ruling(reference=upload.reference, decision=decision, folder=upload.folder, roll=roll)

    def _provider(self, batch: Batch, provider: str, now: datetime) -> Provider:
        return batch.once(("provider", provider), lambda: self.provider(batch.session, provider, now))

    def _settle(
        self, session: Session, upload: Upload, examined: Examined, provider: Provider, now: datetime
    ) -> Decision:
        dropped = Dropped(
            session=session,
            examined=examined,
            provider=provider,
            catalogue=self.catalogue,
            limits=self.limits,
            now=now,
            settings=self.settings,
            key_policy=self.key_policy,
            signing=self.signing,
        )
        return drops.settle(upload.folder, dropped)

    def _reconsidered(self, session: Session, now: datetime, until: datetime) -> list[_Ruling]:
        enrolled = providers.list_providers(session, self._years(now))
        ratified = [provider.id for provider in enrolled if provider.ratified]
        found = [*transfers.due(session, until), *transfers.waiting_for_ratification(session, ratified)]
        rulings = []
        for transfer in found:
            if transfer.content is None:
                continue
            provider = self.provider(session, transfer.upload.provider, now)
            decision = decide(transfer.content, self.catalogue, provider, now)
            for why in transfer.reasons:
                if why.code in SIGNED_LATE:
                    decision = told_late(decision, why.code)
            if not _same(decision, transfer):
                rulings.append(_Ruling(reference=transfer.upload.reference, decision=decision))
        for reference in transfers.waiting_for_approval(session):
            settled = key_drops.settle_later(session, reference)
            if settled is not None:
                rulings.append(_Ruling(reference=reference, decision=settled, folder="keys"))
        return rulings

    def _receive(
        self, session: Session, uploads: Sequence[tuple[Upload, Provider]], now: datetime
    ) -> str | None:
        """Record what landed; the signed head of the log that holds it."""
        if not uploads:
            return None
        transfers.land(session, *(upload for upload, _ in uploads))
        entries, receipts = [], []
        for place, (upload, provider) in enumerate(uploads):
            facts = None
            if not upload.withheld:  # Of what was not written down nothing is safely stored.
                facts = outcome.landed_facts(upload, provider, self.settings.organisation)
                receipts.append((facts, place))
            entries.append(outcome.landed_entry(upload, facts))
        numbers = log.append(session, entries, now)
        return self._issue(session, [(facts, numbers[place]) for facts, place in receipts], now)

    def _rule(self, session: Session, rulings: Sequence[_Ruling], now: datetime) -> str | None:
        """Put decisions in force; the signed head of the log that holds them."""
        if not rulings:
            return None
        batch, comparison = Batch(session), self._comparison(session, now)
        decided = transfers.record_decisions(session, [(one.reference, one.decision) for one in rulings], now)
        entries: list[Entry] = []
        receipts = []
        for ruling, transfer in zip(rulings, decided, strict=True):
            facts = outcome.receipt_facts(
                transfer,
                self._provider(batch, transfer.upload.provider, now),
                self.settings.organisation,
                self._notices(batch, transfer, now),
            )
            receipts.append((facts, len(entries)))
            entries += outcome.decision_entries(
                transfer, facts, self.catalogue.digest, kind=ruling.kind, actor=ruling.actor, note=ruling.note
            )
            entries += fan_out.owe(
                session,
                transfer,
                ruling.decision,
                self.catalogue,
                lambda: self._enrolled(batch, now),
            )
        pairs = zip(decided, rulings, strict=True)
        entries += follow(comparison, [Decided(transfer, one.decision, one.roll) for transfer, one in pairs])
        numbers = log.append(session, entries, now)
        return self._issue(session, [(facts, numbers[place]) for facts, place in receipts], now)

    def _enrolled(self, batch: Batch, now: datetime) -> Sequence[Provider]:
        return batch.once("enrolled", lambda: providers.list_providers(batch.session, self._years(now)))

    def _comparison(self, session: Session, now: datetime) -> Comparison:
        return Comparison(
            session=session,
            catalogue=self.catalogue,
            signing=self.signing,
            organisation=self.settings.organisation,
            now=now,
        )

    def _issue(self, session: Session, receipts: Sequence[tuple[ReceiptFacts, int]], now: datetime) -> str:
        """Sign the log's head and the receipts whose leaves it vouches for; the head."""
        head = log.sign_head(session, self.signing.log_key, self.signing.origin, now)
        outcome.issue(session, receipts, head=head, signing=self.signing, at=now)
        return head

    def _notices(self, batch: Batch, transfer: Transfer, now: datetime) -> tuple[str, ...]:
        session, who = batch.session, transfer.upload.provider
        signer = transfer.signature.certificate if transfer.signature is not None else None
        on_keys = batch.once(
            ("on keys", signer, transfer.opened_by),
            lambda: notices_on_keys(
                session, transfer, self.signing.fingerprint, now, max(self.key_policy.warn_days)
            ),
        )
        provider = self._provider(batch, who, now)
        on_agreement = batch.once(
            ("on agreement", who), lambda: notices(session, provider, self.catalogue, now)
        )
        return (*on_agreement, *on_keys)

    def look_after_keys(self) -> None:
        """Do to keys what the calendar asks, and finish a change of the gateway's key that was cut off."""
        now = self.clock()
        if rotation.finish(self.home, self.registry):
            publish_all(self.home, now)
        key_round.go_round(
            self.registry,
            self.home.published,
            self.key_policy,
            lambda session: Clerk(
                session=session, signing=self.signing, organisation=self.settings.organisation, at=now
            ),
        )

    def refreshed(self) -> Registrar:
        """The same with the keys that the gateway signs with now, which are brought out too."""
        publish_all(self.home, self.clock())
        return replace(self, signing=Signing.load(self.home, self.settings))

    def publish(self) -> None:
        """Bring out the receipts and the head that are not out yet. Fault where it must be tried again."""
        publish_receipts(self.registry, self.home.published)
        publish_checkpoint(self.registry, self.home.published)

    def bring_out(self, head: str | None) -> None:
        """What is committed stays committed: where it cannot be brought out now, it is later."""
        if head is None:
            return
        try:
            self.publish()
            passing("publish.finished")
        except Fault as fault:
            _log.error("%s; the receipts are on record and follow", fault)


def _same(decision: Decision, transfer: Transfer) -> bool:
    """Whether a decision would change nothing, so that waiting makes no noise."""
    until = decision.until if isinstance(decision, Held) else None
    return (
        isinstance(decision, Held) and until == transfer.held_until and decision.reasons == transfer.reasons
    )
