"""Rows for pupils, known by keyed digests: rolls, discrepancies, the children in each file, and markers."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field

from gateway.registry.tables.row import Row, UtcDateTime, partial_index


class PupilRow(Row, table=True):
    """A provider's latest roll entry of a pupil, on the provider's roll or not, from the file `transfer`.
    `pupil`, `former`, `birth_date`: keyed digests of the UPN, a former UPN and the date of birth. `record`:
    the number of the pupil's record in the file.
    """

    __table_args__ = (
        Index("pupil_by_pupil", "pupil"),
        partial_index("pupil_by_former", "former IS NOT NULL", "former"),
    )
    provider: str = Field(primary_key=True, foreign_key="provider.id")
    pupil: bytes = Field(primary_key=True)
    on_roll: bool
    at: datetime = Field(sa_type=UtcDateTime)
    birth_date: bytes | None = None
    former: bytes | None = None
    transfer: int = Field(foreign_key="transfer.sequence")
    record: int


class FullRollRow(Row, table=True):
    """When a provider last sent a complete roll. A pupil whose last roll entry is older has left the roll."""

    provider: str = Field(primary_key=True, foreign_key="provider.id")
    at: datetime = Field(sa_type=UtcDateTime)


class SchoolOfTransferRow(Row, table=True):
    """A school with pupils in an accepted file, sent by another provider for several schools."""

    provider: str = Field(primary_key=True, foreign_key="provider.id")
    transfer: int = Field(primary_key=True, foreign_key="transfer.sequence")


class StagedRollRow(Row, table=True):
    """The packed roll of a held file, kept until the file is decided.
    An empty `roll` says that an accepted file is to be read again, for its roll.
    """

    transfer: int = Field(primary_key=True, foreign_key="transfer.sequence")
    roll: bytes


class DiscrepancyRow(Row, table=True):
    """A case in which providers state different things about a pupil.
    `state`: first "open", then "settled" (the data fits again) or "resolved" (by a person; `why` is the
    reason).
    """

    __table_args__ = (Index("discrepancy_by_key", "key", "state"),)
    number: int | None = Field(default=None, primary_key=True)
    kind: str
    key: str = Field(sa_type=Text)
    state: str = Field(index=True)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str | None = None
    why: str | None = Field(default=None, sa_type=Text)


class DiscrepancyPartyRow(Row, table=True):
    """One of the differing records in a discrepancy: provider, file and number of the record in the file."""

    __table_args__ = (Index("discrepancy_party_by_provider", "provider", "discrepancy"),)
    discrepancy: int = Field(primary_key=True, foreign_key="discrepancy.number")
    ordinal: int = Field(primary_key=True)
    provider: str = Field(foreign_key="provider.id")
    pupil: bytes
    transfer: int = Field(foreign_key="transfer.sequence")
    record: int


class PersonsOfTransferRow(Row, table=True):
    """The children in a file, as concatenated digests of 16 bytes each; empty if there are no children.

    A file has one row for all children: files come by the thousand, and searches for a child are rare.
    """

    transfer: int = Field(primary_key=True, foreign_key="transfer.sequence")
    persons: bytes


class MarkerRow(Row, table=True):
    """A marker on a child: only named people (kind "named"), or nobody ("restricted"), may see the data.

    `persons` are the child's digests, of 16 bytes each.
    """

    __tablename__ = "pupil_marker"
    number: int | None = Field(default=None, primary_key=True)
    kind: str
    persons: bytes
    placed_at: datetime = Field(sa_type=UtcDateTime)
    placed_by: str
    why: str = Field(sa_type=Text)
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lifted_by: str | None = None
    lifted_why: str | None = Field(default=None, sa_type=Text)


class MarkerPersonRow(Row, table=True):
    """A member of staff allowed to see the data of a marked child."""

    __tablename__ = "pupil_marker_person"
    marker: int = Field(primary_key=True, foreign_key="pupil_marker.number")
    staff: str = Field(primary_key=True)


class MarkedTransferRow(Row, table=True):
    """A file with the data of a marked child."""

    __table_args__ = (Index("marked_transfer_by_marker", "marker"),)
    transfer: int = Field(primary_key=True, foreign_key="transfer.sequence")
    marker: int = Field(primary_key=True, foreign_key="pupil_marker.number")
