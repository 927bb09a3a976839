"""The rows of the registry. They stay in this package; other packages see `gateway.model`.

Times are stored in UTC and come back aware. Nothing here holds a pupil's data: what a file says of
itself is kept as counts, codes and establishment numbers, and pupils as keyed digests (HMAC) that
nobody can turn back without the key in the home's keys/.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, Text, TypeDecorator, UniqueConstraint, text
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
    """A body that sends. `schools` are the numbers of those for which it speaks, with blanks between."""

    __tablename__ = "provider"
    id: str = Field(primary_key=True, max_length=32)
    name: str
    kind: str
    dfe_number: str | None = None
    urn: str | None = None
    suspended: bool = False
    added_at: datetime = Field(sa_type=UtcDateTime)
    schools: str | None = None


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
    checked beside the certificate's own, `expires_at`: the moment from which it can no longer sign.
    `revocation` says how final a revocation is. `warned_days` is the last warning of its expiry that
    its owner was given; `dropped_as` the reference of the upload that brought it.
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
    algorithm: str = ""
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    not_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str | None = None
    end_reason: str | None = None
    revocation: str | None = None
    warned_days: int | None = None
    dropped_as: str | None = None
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    uses: int = 0


class TransferRow(SQLModel, table=True):
    """An upload's passage from landing to receipt. `sequence` orders transfers, whatever the clock did.

    `period` is what the file is about, where it says so; `gateway.policy.reference` says how it is written.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        Index("transfer_by_state", "state", "sequence"),
        Index("transfer_by_provider", "provider", "sequence"),
        Index("transfer_by_signature", "provider", "signing_key", "signed_at", "content_sha256"),
        Index("transfer_by_wait", "waits_for", "held_until"),
        Index("transfer_by_arrival", "state", "data_type", "landed_at", "provider", "flow", "period"),
    )
    sequence: int | None = Field(default=None, primary_key=True)
    reference: str = Field(unique=True)
    provider: str = Field(foreign_key="provider.id")
    name: str
    folder: str
    state: str
    size: int = Field(sa_type=BigInteger)
    sha256: str
    started_at: datetime = Field(sa_type=UtcDateTime)
    landed_at: datetime = Field(sa_type=UtcDateTime)
    ssh_key: str
    client: str
    withheld: bool = False
    looks_like: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    flow: str | None = None
    data_type: str | None = None
    extension: str | None = None
    content_size: int | None = Field(default=None, sa_type=BigInteger)
    content_sha256: str | None = None
    signer: str | None = None
    signing_key: str | None = None
    signed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_by: str | None = None
    engine: str | None = None
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    waits_for: str | None = None
    content: str | None = Field(default=None, sa_type=Text)
    period: str | None = None


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
    """A signed receipt, as published. The latest one of a transfer is in force.

    `stage` is "landed" or "decided". What is for people alone has no `json_text`.
    """

    __tablename__ = "receipt"
    __table_args__ = (Index("receipt_by_reference", "reference", "sequence"),)
    sequence: int | None = Field(default=None, primary_key=True)
    reference: str
    provider: str
    name: str
    stage: str = "decided"
    text: str = Field(sa_type=Text)
    json_text: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class RatificationRow(SQLModel, table=True):
    """A provider's ratification of the agreement for one academic year (clause 1.4).

    `reference` and `certificate` are of the signed copy of the text, where one was dropped.
    """

    __tablename__ = "ratification"
    provider: str = Field(primary_key=True, foreign_key="provider.id")
    academic_year: str = Field(primary_key=True)
    signatory: str
    ratified_on: date
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str
    text_sha256: str | None = None
    reference: str | None = None
    certificate: str | None = None


class ExpectationRow(SQLModel, table=True):
    """Whether a data type is expected of a provider, where a person said so."""

    __tablename__ = "expectation"
    provider: str = Field(primary_key=True, foreign_key="provider.id")
    data_type: str = Field(primary_key=True)
    expected: bool
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str
    why: str = Field(sa_type=Text)


class HarmlessRow(SQLModel, table=True):
    """A column that an administrator has listed as harmless; `provider` is "" where for every one."""

    __tablename__ = "harmless"
    name: str = Field(primary_key=True)
    provider: str = Field(primary_key=True)
    header: str
    listed_at: datetime = Field(sa_type=UtcDateTime)
    listed_by: str
    why: str = Field(sa_type=Text)


class NilReturnRow(SQLModel, table=True):
    """That a provider has nothing to send for a period."""

    __tablename__ = "nil_return"
    provider: str = Field(primary_key=True, foreign_key="provider.id")
    data_type: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str
    why: str = Field(sa_type=Text)


class DeclarationRow(SQLModel, table=True):
    """A transfer that went, or will go, another way. Lists are words with spaces between; reasons JSON."""

    __tablename__ = "declaration"
    sequence: int | None = Field(default=None, primary_key=True)
    reference: str = Field(unique=True)
    provider: str = Field(foreign_key="provider.id", index=True)
    method: str
    data: str
    data_types: str
    flow: str | None = None
    goes_at: datetime = Field(sa_type=UtcDateTime)
    safeguards: str
    circumstances: str
    state: str
    reasons: str = Field(sa_type=Text)
    declared_at: datetime = Field(sa_type=UtcDateTime)
    declared_by: str


class CopyRow(SQLModel, table=True):
    """A provider's own copy of a file that is about it; `made_at` is None until it lies in its /out."""

    __tablename__ = "provider_copy"
    __table_args__ = (UniqueConstraint("transfer", "provider"), Index("provider_copy_by_made", "made_at"))
    id: int | None = Field(default=None, primary_key=True)
    transfer: int = Field(foreign_key="transfer.sequence")
    provider: str = Field(foreign_key="provider.id", index=True)
    decided_at: datetime = Field(sa_type=UtcDateTime)
    made_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    certificates: str | None = None
    sha256: str | None = None
    size: int | None = Field(default=None, sa_type=BigInteger)


class PupilRow(SQLModel, table=True):
    """What a provider's latest file with this pupil said of it. Digests are of 16 and 8 octets."""

    __tablename__ = "pupil"
    __table_args__ = (
        Index("pupil_by_pupil", "pupil"),
        Index(
            "pupil_by_former",
            "former",
            sqlite_where=text("former IS NOT NULL"),
            postgresql_where=text("former IS NOT NULL"),
        ),
    )
    provider: str = Field(primary_key=True, foreign_key="provider.id")
    pupil: bytes = Field(primary_key=True, sa_type=LargeBinary)
    on_roll: bool
    at: datetime = Field(sa_type=UtcDateTime)
    birth_date: bytes | None = Field(default=None, sa_type=LargeBinary)
    former: bytes | None = Field(default=None, sa_type=LargeBinary)
    transfer: int = Field(foreign_key="transfer.sequence")
    record: int


class FullRollRow(SQLModel, table=True):
    """When a provider last sent its complete roll: a pupil not heard of since has left."""

    __tablename__ = "full_roll"
    provider: str = Field(primary_key=True, foreign_key="provider.id")
    at: datetime = Field(sa_type=UtcDateTime)


class SchoolOfTransferRow(SQLModel, table=True):
    """A school whose pupils an accepted file holds, where its sender speaks for several."""

    __tablename__ = "school_of_transfer"
    provider: str = Field(primary_key=True, foreign_key="provider.id")
    transfer: int = Field(primary_key=True, foreign_key="transfer.sequence")


class StagedRollRow(SQLModel, table=True):
    """The pupils of a held file, packed, until it is accepted or refused."""

    __tablename__ = "staged_roll"
    transfer: int = Field(primary_key=True, foreign_key="transfer.sequence")
    roll: bytes = Field(sa_type=LargeBinary)


class DiscrepancyRow(SQLModel, table=True):
    """Something that does not fit between what providers say of a pupil (clauses 7.3, 8.2).

    States: open -> settled (the data fits again) or resolved (a person said so, and `why`).
    """

    __tablename__ = "discrepancy"
    __table_args__ = (Index("discrepancy_by_key", "key", "state"),)
    number: int | None = Field(default=None, primary_key=True)
    kind: str
    key: str = Field(sa_type=Text)
    state: str = Field(index=True)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str | None = None
    why: str | None = Field(default=None, sa_type=Text)


class DiscrepancyPartyRow(SQLModel, table=True):
    """One record that takes part in a discrepancy: whose it is, and where it stands."""

    __tablename__ = "discrepancy_party"
    __table_args__ = (Index("discrepancy_party_by_provider", "provider", "discrepancy"),)
    discrepancy: int = Field(primary_key=True, foreign_key="discrepancy.number")
    ordinal: int = Field(primary_key=True)
    provider: str = Field(foreign_key="provider.id")
    pupil: bytes = Field(sa_type=LargeBinary)
    transfer: int = Field(foreign_key="transfer.sequence")
    record: int


class HoldRow(SQLModel, table=True):
    """A legal hold on a transfer, a notice or a declaration: while it is on, nothing of it is deleted."""

    __tablename__ = "legal_hold"
    number: int | None = Field(default=None, primary_key=True)
    reference: str = Field(index=True)
    placed_at: datetime = Field(sa_type=UtcDateTime)
    placed_by: str
    why: str = Field(sa_type=Text)
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lifted_by: str | None = None
    lifted_why: str | None = Field(default=None, sa_type=Text)


class DeletionCertificateRow(SQLModel, table=True):
    """A clearsigned statement of what was deleted."""

    __tablename__ = "deletion_certificate"
    number: int | None = Field(default=None, primary_key=True)
    made_at: datetime = Field(sa_type=UtcDateTime)
    text: str = Field(sa_type=Text)


class DeletionRow(SQLModel, table=True):
    """One thing of a transfer, a notice or a declaration that was deleted under policies/retention.toml.

    `files` are the paths, below the home, that are still to be removed, one a line: written before the
    files go and emptied afterwards. `size` and `sha256` are of a sealed file.
    """

    __tablename__ = "deletion"
    __table_args__ = (Index("deletion_by_certificate", "certificate"),)
    reference: str = Field(primary_key=True)
    what: str = Field(primary_key=True)
    data_type: str | None = None
    rule: str
    since: datetime = Field(sa_type=UtcDateTime)
    deleted_at: datetime = Field(sa_type=UtcDateTime)
    sha256: str | None = None
    size: int | None = Field(default=None, sa_type=BigInteger)
    files: str = Field(default="", sa_type=Text)
    certificate: int | None = Field(default=None, foreign_key="deletion_certificate.number")


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
