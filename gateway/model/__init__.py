"""The frozen values that pass from step to step: Upload, Opened, Classified, decisions, receipts.

All times are aware datetimes in UTC. All digests are lower-case hexadecimal. No value holds a pupil's data:
the content itself stays behind a file descriptor.
"""

from __future__ import annotations

from gateway.model.basis import Basis, Counting, View
from gateway.model.content import (
    Classified,
    Contained,
    ContentRefused,
    Facts,
    Finding,
    NamedSchool,
    RollEntry,
    Unlisted,
)
from gateway.model.decisions import Accepted, Decision, Held, Reason, Refused, Released, Settled
from gateway.model.files import Opened, Signature, Upload
from gateway.model.kinds import (
    FileKeyKind,
    Folder,
    GatewayKeyKind,
    KeyKind,
    Late,
    Level,
    LooksLike,
    Outcome,
    ProviderKind,
    Severity,
    State,
    ValueKind,
    WaitsFor,
)
from gateway.model.providers import NewKey, Provider, RatificationsThatCount
from gateway.model.transfers import Alike, Arrival, Transfer

__all__ = [
    "Accepted",
    "Alike",
    "Arrival",
    "Basis",
    "Classified",
    "Contained",
    "ContentRefused",
    "Counting",
    "Decision",
    "Facts",
    "FileKeyKind",
    "Finding",
    "Folder",
    "GatewayKeyKind",
    "Held",
    "KeyKind",
    "Late",
    "Level",
    "LooksLike",
    "NamedSchool",
    "NewKey",
    "Opened",
    "Outcome",
    "Provider",
    "ProviderKind",
    "RatificationsThatCount",
    "Reason",
    "Refused",
    "Released",
    "RollEntry",
    "Settled",
    "Severity",
    "Signature",
    "State",
    "Transfer",
    "Unlisted",
    "Upload",
    "ValueKind",
    "View",
    "WaitsFor",
]
