"""The rows of the registry. They stay in this package; other packages see `gateway.model`.

Times are stored in UTC and come back aware. Nothing here holds a pupil's data: what a file says of
itself is kept as counts, codes and establishment numbers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import DateTime, Index, LargeBinary, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.engine.interfaces import Dialect
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time in every database: SQLite forgets the zone, so it is put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive time rather than guess its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time was given to the registry")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The stored time, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ProviderRow(SQLModel, table=True):
    """A body that sends."""

    __tablename__ = "provider"
    id: str = Field(primary_key=True, max_length=32)
    name: str
    kind: str
    dfe_number: str | None = None
    urn: str | None = None
    suspended: bool = False
    added_at: datetime = Field(sa_type=UtcDateTime)


class StaffRow(SQLModel, table=True):
    """A person of the local authority who collects files."""

    __tablename__ = "staff"
    name: str = Field(primary_key=True, max_length=32)
    added_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class StaffTeamRow(SQLModel, table=True):
    """One person's membership of one team."""

    __tablename__ = "staff_team"
    staff: str = Field(primary_key=True, foreign_key="staff.name")
    team: str = Field(primary_key=True)


class KeyRow(SQLModel, table=True):
    """An SSH key or an OpenPGP certificate of a provider, a member of staff or the gateway itself.

    `material` is public: an OpenSSH line or an armored certificate. `not_after` is our own limit,
    checked beside the certificate's own.
    """

    __tablename__ = "key"
    __table_args__ = (UniqueConstraint("owner_kind", "owner", "kind", "fingerprint"),)
    id: int | None = Field(default=None, primary_key=True)
    owner_kind: str = Field(index=True)
    owner: str = Field(index=True)
    kind: str
    fingerprint: str = Field(index=True)
    material: str = Field(sa_type=Text)
    state: str
    added_at: datetime = Field(sa_type=UtcDateTime)
    added_by: str
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    not_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str | None = None
    end_reason: str | None = None
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    uses: int = 0


class TransferRow(SQLModel, table=True):
    """An upload's passage from landing to receipt. `sequence` orders transfers, whatever the clock did."""

    __tablename__ = "transfer"
    __table_args__ = (
        Index("transfer_by_state", "state", "sequence"),
        Index("transfer_by_provider", "provider", "sequence"),
        Index("transfer_by_signature", "provider", "signing_key", "signed_at", "content_sha256"),
        Index("transfer_by_wait", "waits_for", "held_until"),
    )
    sequence: int | None = Field(default=None, primary_key=True)
    reference: str = Field(unique=True)
    provider: str = Field(foreign_key="provider.id")
    name: str
    folder: str
    state: str
    size: int
    sha256: str
    started_at: datetime = Field(sa_type=UtcDateTime)
    landed_at: datetime = Field(sa_type=UtcDateTime)
    ssh_key: str
    client: str
    withheld: bool = False
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    flow: str | None = None
    data_type: str | None = None
    extension: str | None = None
    content_size: int | None = None
    content_sha256: str | None = None
    signer: str | None = None
    signing_key: str | None = None
    signed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_by: str | None = None
    engine: str | None = None
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    waits_for: str | None = None
    content: str | None = Field(default=None, sa_type=Text)


class ReasonRow(SQLModel, table=True):
    """One reason of a transfer's latest decision."""

    __tablename__ = "reason"
    transfer: int = Field(primary_key=True, foreign_key="transfer.sequence")
    ordinal: int = Field(primary_key=True)
    code: str = Field(index=True)
    clause: str
    sentence: str = Field(sa_type=Text)
    next_step: str = Field(sa_type=Text)


class DeliveryRow(SQLModel, table=True):
    """A transfer routed to a team. The file itself is never copied."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("transfer", "team"),
        Index("delivery_by_team", "team", "dealt_with_at", "transfer"),
    )
    id: int | None = Field(default=None, primary_key=True)
    transfer: int = Field(foreign_key="transfer.sequence")
    team: str
    delivered_at: datetime = Field(sa_type=UtcDateTime)
    dealt_with_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    dealt_with_by: str | None = None


class ReceiptRow(SQLModel, table=True):
    """A signed receipt, as published. The latest one of a transfer is in force."""

    __tablename__ = "receipt"
    __table_args__ = (Index("receipt_by_reference", "reference", "sequence"),)
    sequence: int | None = Field(default=None, primary_key=True)
    reference: str
    provider: str
    name: str
    text: str = Field(sa_type=Text)
    json_text: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class RatificationRow(SQLModel, table=True):
    """A provider's ratification of the agreement for one academic year (clause 1.4)."""

    __tablename__ = "ratification"
    provider: str = Field(primary_key=True, foreign_key="provider.id")
    academic_year: str = Field(primary_key=True)
    signatory: str
    ratified_on: date
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str


class EventRow(SQLModel, table=True):
    """One leaf of the append-only log. `number` is its index in the tree.

    The leaf holds only commitments to `actor` (who did it) and `note` (why, in their words); both and
    the `salt` that opens the commitments stay here and may be destroyed without breaking the log.
    """

    __tablename__ = "event"
    __table_args__ = (Index("event_by_subject", "subject", "number"),)
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(index=True)
    subject: str
    leaf: bytes = Field(sa_type=LargeBinary)
    actor: str | None = None
    note: str | None = Field(default=None, sa_type=Text)
    salt: bytes | None = Field(default=None, sa_type=LargeBinary)


class NodeRow(SQLModel, table=True):
    """The hash of one complete subtree of the log."""

    __tablename__ = "log_node"
    level: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    hash: bytes = Field(sa_type=LargeBinary)


class CheckpointRow(SQLModel, table=True):
    """A signed head of the log."""

    __tablename__ = "checkpoint"
    size: int = Field(primary_key=True)
    text: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)
