"""A transfer as the registry knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gateway.model.content import Classified, ContentRefused
from gateway.model.decisions import Reason
from gateway.model.files import Signature, Upload
from gateway.model.kinds import State, WaitsFor


class Arrival(NamedTuple):
    """That something of a flow came, and when. `period` is what it is about, where it says so.

    `nil`: no file, but the word that there is nothing to send for that period.
    """

    flow: str
    data_type: str
    at: datetime
    period: str | None = None
    nil: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer as the registry knows it: the upload, what opening and classifying found, the outcome.

    `sequence` orders transfers whatever the clock did. `waits_for` says what ends a hold. `period` is what
    the file says it is about.
    """

    sequence: int
    upload: Upload
    state: State
    flow: str | None = None
    data_type: str | None = None
    extension: str = "bin"
    content_size: int | None = None
    content_sha256: str | None = None
    signature: Signature | None = None
    opened_by: str | None = None
    engine: str | None = None
    content: Classified | ContentRefused | None = None
    decided_at: datetime | None = None
    held_until: datetime | None = None
    waits_for: WaitsFor | None = None
    period: str | None = None
    teams: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Alike:
    """What is to be known of an accepted file, to compare it with others of its kind and period.

    `content` is asked only where it tells which schools a file is about.
    """

    sequence: int
    reference: str
    content: Classified | ContentRefused | None = None
