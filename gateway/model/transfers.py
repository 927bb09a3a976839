"""A transfer as recorded in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gateway.model.content import Classified, ContentRefused
from gateway.model.decisions import Reason
from gateway.model.files import Signature, Upload
from gateway.model.kinds import State, WaitsFor


class Arrival(NamedTuple):
    """Arrival of data in a flow. `period` is the period stated in the data.

    `nil`: no file, but a statement that there is nothing to send for that period.
    """

    flow: str
    data_type: str
    at: datetime
    period: str | None = None
    nil: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Transfer in the registry: the upload, results of opening and classifying, and the decision.

    `sequence` orders transfers regardless of the clock. `waits_for` names the event ending a hold. `period`
    is the period stated in the file.
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
    """Data of an accepted file for comparison with others of the same kind and period.

    `content` is loaded only where needed to tell the schools of a file.
    """

    sequence: int
    reference: str
    content: Classified | ContentRefused | None = None
