"""What an inside process records with: the home, the registry, the policies in force, the signing keys."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sqlmodel import Session

from gateway.errors import Fault
from gateway.home import Home
from gateway.home.settings import KeyPolicy, Limits, Settings
from gateway.model import Provider, RatificationsThatCount
from gateway.policy.catalogue import Catalogue
from gateway.policy.ratification import years_at
from gateway.publish.projection import Issued, publish_checkpoint, publish_given, publish_receipts
from gateway.registry import log, register
from gateway.registry.database import Registry
from gateway.secrets.signing import Signing
from gateway.zones.failpoints import passing

_log = logging.getLogger(__name__)


class Rulebook(Protocol):
    """What decisions rest on besides the file: the policies, and the providers as these see them."""

    @property
    def home(self) -> Home:
        """Where the secret keys lie that open files."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """The policies."""
        ...

    def provider(self, session: Session, provider: str, now: datetime) -> Provider:
        """A provider as the policies see it at `now`."""
        ...


@dataclass(frozen=True, slots=True)
class Registrar:
    """What is needed to put something on record in one home. `clock` gives the time in UTC.

    One that `brings_out` nothing leaves published/ to the processor, which looks every few seconds.
    """

    home: Home
    settings: Settings
    limits: Limits
    registry: Registry
    catalogue: Catalogue
    signing: Signing
    clock: Callable[[], datetime]
    key_policy: KeyPolicy = field(default_factory=KeyPolicy)
    brings_out: bool = True

    def counting(self, now: datetime) -> RatificationsThatCount:
        """Which ratifications count at `now`."""
        return years_at(now, self.catalogue)

    def provider(self, session: Session, provider: str, now: datetime) -> Provider:
        """A provider as the policy sees it at `now`."""
        return register.of(session).provider(provider, self.counting(now))

    def sign_head(self, session: Session, at: datetime, *, carried: bool = False) -> str:
        """Sign the log's head, with all that the session has added to it; the head.

        `carried`: by a receipt.
        """
        return log.sign_head(session, self.signing.log_key, self.signing.origin, at, carried=carried)

    def with_new_keys(self) -> Registrar:
        """A registrar that signs with the keys in the home now. ConfigurationError where one is missing."""
        return replace(self, signing=Signing.load(self.home, self.settings))

    def publish(self) -> None:
        """Bring out the receipts and the head that are not out yet. Fault where it must be tried again."""
        publish_receipts(self.registry, self.home.published)
        publish_checkpoint(self.registry, self.home.published)

    def bring_out(self, issued: Issued | None) -> None:
        """Publish what a transaction committed, if it issued anything.

        What is committed stays committed: where it cannot be brought out now, it is later.
        """
        if issued is None or not self.brings_out:
            return
        try:
            if not publish_given(self.home.published, issued):
                self.publish()
            passing("publish.finished")
        except Fault as fault:
            _log.error("%s; the receipts are on record and follow", fault)
