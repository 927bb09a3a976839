"""The one who puts outcomes on record: each in one transaction with its deliveries, receipt and leaf."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlmodel import Session

from gateway.errors import Fault
from gateway.failpoints import passing
from gateway.home import Home
from gateway.model import Decision, Folder, Held, Provider, Transfer, Upload
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.decide import decide
from gateway.policy.ratification import years_in_force
from gateway.processing import drops, key_drops, key_round, outcome, rotation
from gateway.processing.conclude import conclude
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
from gateway.receipts.facts import ReceiptFacts
from gateway.receipts.leaf import Kind
from gateway.registry import keys, log, providers, transfers
from gateway.registry.database import Registry
from gateway.settings import KeyPolicy, Limits, Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ruling:
    """A decision to be put in force on one transfer."""

    reference: str
    decision: Decision
    folder: Folder = "in"
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
        put it there.
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
            head = self._receive(session, fresh, self.clock())
            passing("land.written")
        passing("land.committed")
        self._publish(head)
        return known

    def commit(self, examined: Sequence[Examined]) -> set[Folder]:
        """Decide examined files and put all of it on record together; the folders they were put in.

        What drops changed is to be shown with `publish_drops` then.
        """
        now = self.clock()
        with self.registry.write() as session:
            rulings = [ruling for one in examined if (ruling := self._conclude(session, one, now))]
            head = self._rule(session, rulings, now)
            passing("commit.written")
        passing("commit.committed")
        self._publish(head)
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
        self._publish(head)
        return len(rulings)

    def rule(self, reference: str, decision: Decision, *, kind: Kind, actor: str, why: str) -> None:
        """Put a person's decision on a transfer in force, with their reason beside the log."""
        now = self.clock()
        with self.registry.write() as session:
            ruling = _Ruling(reference=reference, decision=decision, kind=kind, actor=actor, note=why)
            head = self._rule(session, [ruling], now)
        self._publish(head)

    def provider(self, session: Session, provider: str, now: datetime) -> Provider:
        """A provider as the policy sees it today."""
        return providers.get_provider(session, provider, self._years(now))

    def _years(self, now: datetime) -> tuple[str, ...]:
        return years_in_force(local_day(now, self.catalogue.calendar.timezone), self.catalogue)

    def _conclude(self, session: Session, examined: Examined, now: datetime) -> _Ruling | None:
        transfer = transfers.get(session, examined.reference)
        if transfer.state != "landed":
            return None
        upload, opened = transfer.upload, examined.opened
        signers = signers_of(session, upload.provider, now)
        if examined.judged_by and examined.judged_by != signers.digest:
            return None  # A key changed meanwhile: it stays landed, and is examined again.
        provider = self.provider(session, upload.provider, now)
        if upload.folder in DROPS:
            decision = self._settle(session, upload, examined, provider, now)
        else:
            earlier = transfers.earlier(session, upload, opened) if opened is not None else None
            decision = conclude(examined, self.catalogue, provider, now, earlier=earlier, signers=signers)
        transfers.record_content(session, upload.reference, opened, examined.content)
        signature = opened.signature if opened is not None else examined.signed
        keys.note_use(session, "provider", upload.provider, upload.ssh_key, upload.landed_at)
        if signature is not None:
            transfers.record_signature(session, upload.reference, signature)
            keys.note_use(session, "provider", upload.provider, signature.certificate, now)
        return _Ruling(reference=upload.reference, decision=decision, folder=upload.folder)

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
        entries, receipts = [], []
        for place, (upload, provider) in enumerate(uploads):
            transfers.land(session, upload)
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
        decided = []
        for ruling in rulings:
            transfers.record_decision(session, ruling.reference, ruling.decision, now)
            transfer = transfers.get(session, ruling.reference)
            provider = self.provider(session, transfer.upload.provider, now)
            facts = outcome.receipt_facts(
                transfer,
                provider,
                self.settings.organisation,
                self._notices(session, transfer, provider, now),
            )
            entries = outcome.decision_entries(
                transfer, facts, self.catalogue.digest, kind=ruling.kind, actor=ruling.actor, note=ruling.note
            )
            decided.append((facts, log.append(session, entries, now)[0]))
        return self._issue(session, decided, now)

    def _issue(self, session: Session, receipts: Sequence[tuple[ReceiptFacts, int]], now: datetime) -> str:
        """Sign the log's head and the receipts whose leaves it vouches for; the head."""
        head = log.sign_head(session, self.signing.log_key, self.signing.origin, now)
        size = log.size(session)
        for facts, number in receipts:
            session.add(
                outcome.receipt_row(
                    session, facts, number, head=head, size=size, signing=self.signing, at=now
                )
            )
        session.flush()
        return head

    def _notices(
        self, session: Session, transfer: Transfer, provider: Provider, now: datetime
    ) -> tuple[str, ...]:
        warn_days = max(self.key_policy.warn_days)
        on_keys = notices_on_keys(session, transfer, self.signing.fingerprint, now, warn_days)
        return (*notices(session, provider, self.catalogue, now), *on_keys)

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

    def _publish(self, head: str | None) -> None:
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
