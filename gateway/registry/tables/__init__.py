"""The rows of the registry. They stay in this package; other packages see `gateway.model`.

Times are stored in UTC and come back aware. Nothing here holds a pupil's data: what a file says of
itself is kept as counts, codes and establishment numbers, and pupils as keyed digests (HMAC) that
nobody can turn back without the key in the home's keys/.

Each module of rows is loaded when one of its rows is first asked for, since a listing is not to wait for all
of them. Whoever writes, or looks at all there is, asks for `load_all` first: foreign keys name other tables.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
        GivingRow,
        HarmlessRow,
        KeyRow,
        NilReturnRow,
        ProviderRow,
        RatificationRow,
        RegisterVersionRow,
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
    "GivingRow",
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
    "RegisterVersionRow",
    "RoleRow",
    "SchoolOfTransferRow",
    "StaffRow",
    "StaffTeamRow",
    "StagedRollRow",
    "TransferRow",
    "UtcDateTime",
    "load_all",
]
_WHERE = {
    "console": (
        "ConsoleSessionRow",
        "InvitationRow",
    ),
    "events": (
        "CheckpointRow",
        "EventRow",
        "NodeRow",
    ),
    "files": (
        "AuthorityNoticeRow",
        "CopyRow",
        "DeclarationRow",
        "DeliveryRow",
        "ReasonRow",
        "ReceiptRow",
        "TransferRow",
    ),
    "keeping": (
        "DeletionCertificateRow",
        "DeletionRow",
        "HoldRow",
    ),
    "letters": ("LetterRow",),
    "people": (
        "AccountRow",
        "AgreementSignatureRow",
        "ContactRow",
        "ExpectationRow",
        "GivingRow",
        "HarmlessRow",
        "KeyRow",
        "NilReturnRow",
        "ProviderRow",
        "RatificationRow",
        "RegisterVersionRow",
        "RoleRow",
        "StaffRow",
        "StaffTeamRow",
    ),
    "pupils": (
        "DiscrepancyPartyRow",
        "DiscrepancyRow",
        "FullRollRow",
        "MarkedTransferRow",
        "MarkerPersonRow",
        "MarkerRow",
        "PersonsOfTransferRow",
        "PupilRow",
        "SchoolOfTransferRow",
        "StagedRollRow",
    ),
    "types": ("UtcDateTime",),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class of rows, whichever it is
    """The class of rows of this name."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


def load_all() -> None:
    """Make every table known to `SQLModel.metadata`."""
    for module in _WHERE:
        import_module(f"{__name__}.{module}")
