"""The pieces of a drop: something put in a folder that takes no pupils' data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.examiner.protocol import Examined
from gateway.home import Home
from gateway.model import Decision, Provider
from gateway.policy.catalogue import Catalogue
from gateway.registry.database import Registry
from gateway.secrets.signing import Signing
from gateway.settings import KeyPolicy, Limits, Settings


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

    `settle` runs in the transaction that decides, and `publish` after it, where the outcome shows in
    published/. `withheld` is the code for what came in the clear and was not written down by intake.
    """

    settle: Callable[[Dropped], Decision]
    withheld: str
    publish: Callable[[Home, Registry, datetime], None] | None = None
