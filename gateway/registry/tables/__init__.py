"""The rows of the registry. They stay in this package; other packages see `gateway.model`.

Times are stored in UTC and come back aware. Nothing here holds a pupil's data: what a file says of
itself is kept as counts, codes and establishment numbers, and pupils as keyed digests (HMAC) that
nobody can turn back without the key in the home's keys/.
"""

from __future__ import annotations

from gateway.registry.tables.console import ConsoleSessionRow, InvitationRow
from gateway.registry.tables.events import CheckpointRow, EventRow, NodeRow
from gateway.registry.tables.files import (
    AuthorityNoticeRow,
    CopyRow,
    DeclarationRow,
    DeliveryRow,
    ReasonRow,
    ReceiptRow,
    TransferRow,
)
from gateway.registry.tables.keeping import DeletionCertificateRow, DeletionRow, HoldRow
from gateway.registry.tables.letters import LetterRow
from gateway.registry.tables.people import (
    AccountRow,
    AgreementSignatureRow,
    ContactRow,
    ExpectationRow,
    HarmlessRow,
    KeyRow,
    NilReturnRow,
    ProviderRow,
    RatificationRow,
    RoleRow,
    StaffRow,
    StaffTeamRow,
)
from gateway.registry.tables.pupils import (
    DiscrepancyPartyRow,
    DiscrepancyRow,
    FullRollRow,
    MarkedTransferRow,
    MarkerPersonRow,
    MarkerRow,
    PersonsOfTransferRow,
    PupilRow,
    SchoolOfTransferRow,
    StagedRollRow,
)
from gateway.registry.tables.types import UtcDateTime

__all__ = [
    "AccountRow",
    "AgreementSignatureRow",
    "AuthorityNoticeRow",
    "CheckpointRow",
    "ConsoleSessionRow",
    "ContactRow",
    "CopyRow",
    "DeclarationRow",
    "DeletionCertificateRow",
    "DeletionRow",
    "DeliveryRow",
    "DiscrepancyPartyRow",
    "DiscrepancyRow",
    "EventRow",
    "ExpectationRow",
    "FullRollRow",
    "HarmlessRow",
    "HoldRow",
    "InvitationRow",
    "KeyRow",
    "LetterRow",
    "MarkedTransferRow",
    "MarkerPersonRow",
    "MarkerRow",
    "NilReturnRow",
    "NodeRow",
    "PersonsOfTransferRow",
    "ProviderRow",
    "PupilRow",
    "RatificationRow",
    "ReasonRow",
    "ReceiptRow",
    "RoleRow",
    "SchoolOfTransferRow",
    "StaffRow",
    "StaffTeamRow",
    "StagedRollRow",
    "TransferRow",
    "UtcDateTime",
]
