"""The context for recording decisions: home, registry, policies in force and signing keys."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from gateway.errors import Fault, trace_of
from gateway.home import Home
from gateway.home.settings import KeyPolicy, Limits, Settings
from gateway.keys.changes import Clerk
from gateway.model import Provider
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import years_at
from gateway.publish import projection
from gateway.registry import log, receipts, register
from gateway.registry.database import Registry
from gateway.secrets.signing import Signing
from gateway.zones.failpoints import passing

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What decisions are based on besides the file itself: the home with the keys, and the policies in force.
    In a dry run the policies may be others. `anyone`: a provider that stands in for every provider, if given.
    """

    home: Home
    catalogue: Catalogue
    anyone: Provider | None = field(default=None, kw_only=True)

    def provider(
        self, session: Session, provider: str, now: datetime, *, sent_at: datetime | None = None
    ) -> Provider:
        """Return the provider with the id `provider` as of `now`; in a dry run, `anyone` for any id, if set.
        A provider is `ratified` if one of the provider's ratifications counts by the policies. For a file
        that landed at `sent_at`, a provider that closed later is as if open.
        """
        found = self.anyone or register.of(session).provider(provider, years_at(now, self.catalogue))
        if found.closed_on is not None and sent_at is not None:
            sent_on = local_day(sent_at, self.catalogue.calendar.timezone)
            return replace(found, closed_on=None) if sent_on < found.closed_on else found
        return found


@dataclass(frozen=True, slots=True)
class Registrar(Rulebook):
    """The tools for recording decisions and publishing receipts: home, registry, policies, signing keys.

    `clock` gives the time in UTC. `brings_out`: True to publish receipts at once, without the processor.
    """

    settings: Settings
    limits: Limits
    registry: Registry
    signing: Signing
    clock: Callable[[], datetime]
    key_policy: KeyPolicy = field(default_factory=KeyPolicy)
    brings_out: bool = True

    def sign_head(self, session: Session, at: datetime) -> str:
        """Sign the log's head, with the session's new log entries included; return the head's text."""
        return log.sign_head(session, self.signing.log_key, self.signing.origin, at)

    def newest_head(self) -> str:
        """Return the text of the log's newest signed head; sign a new head first if entries were added since.
        The entry that records a head does not count as added.
        """
        with self.registry.read() as session:
            newest = log.newest_head(session)
            if newest is not None and log.is_up_to_date(session, newest):
                return newest.text
        with self.registry.write() as session:
            return self.sign_head(session, self.clock())

    def clerk(self, session: Session, at: datetime, person: str | None = None) -> Clerk:
        """Return a `Clerk`, to change keys in the session's transaction, in the name of `person` if given."""
        return Clerk(
            session=session, signing=self.signing, organisation=self.settings.organisation, at=at,
            person=person, languages=self.catalogue.agreement.languages,
        )  # fmt: skip

    def with_new_keys(self) -> Registrar:
        """Return a registrar with the home's current signing keys; raise ConfigurationError if missing."""
        return replace(self, signing=Signing.load(self.home, self.settings))

    def publish(self) -> None:
        """Publish the receipts not published yet, and the log's newest head.
        A receipt without a signature is signed first. A receipt that the log does not prove is left out, and
        delays no other receipt. Raises Fault if the registry or published/ fails: call again later.
        """
        if not projection.publish_receipts(self.registry, self.home.published):
            unproved = self.sign_owed(projection.number_in(self.home.published.root / projection.UP_TO))
            projection.publish_receipts(self.registry, self.home.published, unproved=unproved)
        projection.publish_checkpoint(self.registry, self.home.published)

    def sign_owed(self, after: int = 0) -> list[int]:
        """Sign unsigned receipts numbered above `after`; return the numbers that the log does not prove."""
        with self.registry.read() as session:
            if not receipts.is_owed(session, after):
                return []
        with self.registry.write_on(()) as session:
            return receipts.sign_owed(session, self.signing, after)

    def bring_out(self, issued: projection.Issued | None) -> None:
        """Sign and publish the receipts that a committed transaction issued; do nothing for None.
        A failure is only logged: the processor signs and publishes later.
        """
        if issued is None:
            return
        try:
            if issued.unsigned:
                issued = projection.Issued(
                    issued.head, receipts.sign(self.registry, self.signing, issued.unsigned)
                )
            if self.brings_out:
                if not projection.publish_given(self.home.published, issued):
                    self.publish()
                passing("publish.finished")
        except Fault as fault:
            _log.error("%s; the receipts are on record and follow", fault)
        except Exception as error:  # noqa: BLE001 - told where it was raised; what is committed stays so
            _log.error("%s; the receipts are on record and follow", trace_of(error))
