"""The rows of the registry, with which its queries answer.

Times are stored in UTC and returned aware. Rows hold no pupil's data: a file's description is kept as counts,
codes and establishment numbers, and pupils as keyed digests (HMAC), irreversible without the key in the
home's keys/.

Each module of rows is loaded on first use, to keep listings fast. A writer, or a reader of all tables, calls
`load_all` first: foreign keys name other tables.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlmodel import SQLModel

if TYPE_CHECKING:
    from gateway.registry.tables.console import ConsoleChallengeRow as ConsoleChallengeRow
    from gateway.registry.tables.console import ConsoleSessionRow as ConsoleSessionRow
    from gateway.registry.tables.console import InvitationRow as InvitationRow
    from gateway.registry.tables.console import ProgramRequestRow as ProgramRequestRow
    from gateway.registry.tables.console import ProgramRow as ProgramRow
    from gateway.registry.tables.console import SavedFilterRow as SavedFilterRow
    from gateway.registry.tables.events import CheckpointRow as CheckpointRow
    from gateway.registry.tables.events import EventRow as EventRow
    from gateway.registry.tables.events import NodeRow as NodeRow
    from gateway.registry.tables.files import AuthorityNoticeRow as AuthorityNoticeRow
    from gateway.registry.tables.files import CopyRow as CopyRow
    from gateway.registry.tables.files import DeclarationRow as DeclarationRow
    from gateway.registry.tables.files import DeliveryRow as DeliveryRow
    from gateway.registry.tables.files import HandOnBatchRow as HandOnBatchRow
    from gateway.registry.tables.files import HandOnFileRow as HandOnFileRow
    from gateway.registry.tables.files import ReasonRow as ReasonRow
    from gateway.registry.tables.files import ReceiptRow as ReceiptRow
    from gateway.registry.tables.files import TransferRow as TransferRow
    from gateway.registry.tables.hooks import HookRow as HookRow
    from gateway.registry.tables.keeping import DeletionCertificateRow as DeletionCertificateRow
    from gateway.registry.tables.keeping import DeletionRow as DeletionRow
    from gateway.registry.tables.keeping import HoldRow as HoldRow
    from gateway.registry.tables.keeping import HostRow as HostRow
    from gateway.registry.tables.keeping import LetterRow as LetterRow
    from gateway.registry.tables.keeping import PolicyDraftRow as PolicyDraftRow
    from gateway.registry.tables.people import AccountRow as AccountRow
    from gateway.registry.tables.people import AgreementSignatureRow as AgreementSignatureRow
    from gateway.registry.tables.people import ContactRow as ContactRow
    from gateway.registry.tables.people import ExpectationRow as ExpectationRow
    from gateway.registry.tables.people import GivingRow as GivingRow
    from gateway.registry.tables.people import HarmlessRow as HarmlessRow
    from gateway.registry.tables.people import KeyRow as KeyRow
    from gateway.registry.tables.people import NilReturnRow as NilReturnRow
    from gateway.registry.tables.people import ProviderRow as ProviderRow
    from gateway.registry.tables.people import RatificationRow as RatificationRow
    from gateway.registry.tables.people import RegisterVersionRow as RegisterVersionRow
    from gateway.registry.tables.people import RoleRow as RoleRow
    from gateway.registry.tables.people import StaffRow as StaffRow
    from gateway.registry.tables.people import StaffTeamRow as StaffTeamRow
    from gateway.registry.tables.pupils import DiscrepancyPartyRow as DiscrepancyPartyRow
    from gateway.registry.tables.pupils import DiscrepancyRow as DiscrepancyRow
    from gateway.registry.tables.pupils import FullRollRow as FullRollRow
    from gateway.registry.tables.pupils import MarkedTransferRow as MarkedTransferRow
    from gateway.registry.tables.pupils import MarkerPersonRow as MarkerPersonRow
    from gateway.registry.tables.pupils import MarkerRow as MarkerRow
    from gateway.registry.tables.pupils import PersonsOfTransferRow as PersonsOfTransferRow
    from gateway.registry.tables.pupils import PupilRow as PupilRow
    from gateway.registry.tables.pupils import SchoolOfTransferRow as SchoolOfTransferRow
    from gateway.registry.tables.pupils import StagedRollRow as StagedRollRow
    from gateway.registry.tables.row import UtcDateTime as UtcDateTime

_WHERE = {
    "console": (
        "ConsoleChallengeRow ConsoleSessionRow InvitationRow ProgramRequestRow ProgramRow SavedFilterRow"
    ),
    "events": "CheckpointRow EventRow NodeRow",
    "files": (
        "AuthorityNoticeRow CopyRow DeclarationRow DeliveryRow HandOnBatchRow HandOnFileRow ReasonRow "
        "ReceiptRow TransferRow"
    ),
    "hooks": "HookRow",
    "keeping": "DeletionCertificateRow DeletionRow HoldRow HostRow LetterRow PolicyDraftRow",
    "people": (
        "AccountRow AgreementSignatureRow ContactRow ExpectationRow GivingRow HarmlessRow KeyRow "
        "NilReturnRow ProviderRow RatificationRow RegisterVersionRow RoleRow StaffRow StaffTeamRow"
    ),
    "pupils": (
        "DiscrepancyPartyRow DiscrepancyRow FullRollRow MarkedTransferRow MarkerPersonRow MarkerRow "
        "PersonsOfTransferRow PupilRow SchoolOfTransferRow StagedRollRow"
    ),
    "row": "UtcDateTime",
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names.split()}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class of rows, whichever it is
    """Return the row class with a name, importing its module on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


@cache
def load_all() -> None:
    """Import every module of rows, so that `SQLModel.metadata` has every table."""
    for module in _WHERE:
        import_module(f"{__name__}.{module}")


def create_all(connection: Connection) -> None:
    """Create every table that the row classes define."""
    load_all()
    metadata = SQLModel.metadata
    if connection.dialect.name == "postgresql":
        # Rows name the condition of a partial index for SQLite alone: this dialect takes long to load.
        for index in (index for table in metadata.tables.values() for index in table.indexes):
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
    metadata.create_all(connection)
