"""The pieces of a drop: something put in a folder that takes no pupils' data."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.errors import Refusal
from gateway.home import Home
from gateway.model import Decision, Provider, Signature
from gateway.openpgp.judge import Waits
from gateway.openpgp.opener import Opener
from gateway.policy.catalogue import Catalogue
from gateway.processing.examination import Examined, Job
from gateway.processing.signing import Signing
from gateway.registry.database import Registry
from gateway.settings import KeyPolicy, Limits, Settings

DROP_BYTES = 1024**2
"""More than any text of an agreement or any certificate has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an examination in the child has at hand."""

    home: Home
    opener: Opener
    limits: Limits

    def open(self, job: Job) -> tuple[bytes, Signature]:
        """What is in a drop that came signed and sealed like any file, and who signed it.

        Refusal as for any file; a drop never waits for a key.
        """
        senders = [sender.encode() for sender in job.senders]
        try:
            opened = self.opener.open(self.home.sealed(job.reference), senders, self.limits.open, job.now)
        except Waits as waits:
            os.close(waits.opened.content)
            raise Refusal(waits.code) from None
        with os.fdopen(opened.content, "rb") as content:
            return content.read(DROP_BYTES), opened.signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A drop that was examined, in the transaction that decides on it. `examined.refused` is None."""

    session: Session
    examined: Examined
    provider: Provider
    catalogue: Catalogue
    limits: Limits
    now: datetime
    settings: Settings
    key_policy: KeyPolicy
    signing: Signing


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """How one folder's drops are dealt with.

    `examine` runs in the isolated child and sees the octets, `settle` in the transaction that
    decides, and `publish` after it, where the outcome shows in published/. `withheld` is the code for
    what came in the clear and was not written down by intake.
    """

    examine: Callable[[Job, bytes, Tools], Examined]
    settle: Callable[[Dropped], Decision]
    withheld: str
    publish: Callable[[Home, Registry, datetime], None] | None = None
