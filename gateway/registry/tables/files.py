"""Rows for transfers, with decisions, deliveries and receipts, for batches handed on to other systems, for
the log, and for web hooks.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, UniqueConstraint
from sqlmodel import Field

from gateway.errors import ConfigurationError
from gateway.registry.tables.row import Row, UtcDateTime, partial_index


class TransferRow(Row, table=True):
    """An upload from landing to receipt. `sequence`: its number in the order of going on record: it needs no
    clock. `period`: the period that the file states, as `gateway.policy.dates` writes it. `rules`: the digest
    of the rules by which the content was last judged; None if judged by version 0.2.0.
    """

    __table_args__ = (
        Index("transfer_by_state", "state", "sequence"),
        Index("transfer_by_provider", "provider", "sequence"),
        Index("transfer_by_signature", "provider", "signing_key", "signed_at", "content_sha256"),
        Index("transfer_by_wait", "waits_for", "held_until"),
        Index("transfer_by_landing", "landed_at", "state"),
        Index("transfer_by_arrival", "state", "data_type", "landed_at", "provider", "flow", "period"),
        Index("transfer_by_last_period", "state", "data_type", "provider", "period", "landed_at"),
        Index("transfer_by_last_about", "state", "data_type", "provider", "landed_at", "period"),
        partial_index("transfer_by_few", "few IS NOT NULL", "sequence"),
        partial_index("transfer_held_by_content", "state = 'held'", "content_sha256"),
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
    few: bool | None = None
    rules: str | None = None


class ReasonRow(Row, table=True):
    """One reason of a transfer's latest decision."""

    transfer: int = Field(primary_key=True, foreign_key="transfer.sequence")
    ordinal: int = Field(primary_key=True)
    code: str = Field(index=True)
    clause: str
    sentence: str = Field(sa_type=Text)
    next_step: str = Field(sa_type=Text)


class DeliveryRow(Row, table=True):
    """A delivery: a transfer that was routed to a team. The file itself is never copied.
    The team gets a view of the file; if `whole`, the file as sent, because two people decided so; if
    `counts`, only counts. `collected_at`: when a member of the team first opened the delivery.
    """

    __table_args__ = (
        UniqueConstraint("transfer", "team"),
        Index("delivery_by_team", "team", "dealt_with_at", "transfer"),
        Index("delivery_by_arrival", "team", "transfer", "dealt_with_at"),
        Index("delivery_by_news", "team", "dealt_with_at", "collected_at", "transfer"),
        Index("delivery_by_day", "delivered_at", "team"),
    )
    id: int | None = Field(default=None, primary_key=True)
    transfer: int = Field(foreign_key="transfer.sequence")
    team: str
    delivered_at: datetime = Field(sa_type=UtcDateTime)
    dealt_with_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    dealt_with_by: str | None = None
    collected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    whole: bool | None = None
    counts: bool | None = None


class ReceiptRow(Row, table=True):
    """A receipt, or a notice to a provider, as published. The latest receipt of a transfer is in force.

    `stage` is "landed" or "decided". A notice, which is for people only, has an empty `json_text`. `seal` is
    a signature by the log's key over all other columns, because the log vouches only for the statements.
    """

    __table_args__ = (
        Index("receipt_by_reference", "reference", "sequence"),
        partial_index("receipt_that_is_a_notice", "json_text = ''", "provider", "sequence"),
        Index("receipt_by_provider", "provider", "sequence"),
        partial_index("receipt_that_names_schools", """json_text LIKE '%"schools":%'""", "sequence"),
    )
    sequence: int | None = Field(default=None, primary_key=True)
    reference: str
    provider: str
    name: str
    stage: str = "decided"
    text: str = Field(sa_type=Text)
    json_text: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    seal: str | None = None


class AuthorityNoticeRow(Row, table=True):
    """A notice about a transfer to the authority's own data protection officers."""

    number: int | None = Field(default=None, primary_key=True)
    reference: str = Field(index=True)
    subject: str
    text: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    read_by: str | None = None


class DeclarationRow(Row, table=True):
    """A declared transfer by another method. Lists are words separated by spaces; `reasons` is JSON."""

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


class CopyRow(Row, table=True):
    """A copy of a file for another provider that the file concerns. `made_at`: None until the copy is made.
    `part`: True if the file is about many schools, and the copy has the records of one school. `waits`: True
    if the copy must wait until the provider has ratified the agreement and is not suspended. `numbers`: DfE
    number and URN by which the provider gets the copy, separated by a space, if others are on record now.
    """

    __tablename__ = "provider_copy"
    __table_args__ = (
        UniqueConstraint("transfer", "provider"),
        Index("provider_copy_by_made", "made_at"),
        Index("provider_copy_by_wait", "waits"),
    )
    id: int | None = Field(default=None, primary_key=True)
    transfer: int = Field(foreign_key="transfer.sequence")
    provider: str = Field(foreign_key="provider.id", index=True)
    decided_at: datetime = Field(sa_type=UtcDateTime)
    made_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    certificates: str | None = None
    sha256: str | None = None
    size: int | None = Field(default=None, sa_type=BigInteger)
    part: bool | None = None
    waits: bool | None = None
    numbers: str | None = None


class HandOnBatchRow(Row, table=True):
    """One batch of a hand-on. `target`: where its files go, as `target_of` writes it.
    `made_at`: when the files were put into a folder. `sent_at`: when the receiving system got the files, or
    could fetch them. `trouble`: why the last sending failed.
    """

    __table_args__ = (UniqueConstraint("hand_on", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    hand_on: str
    number: int
    team: str
    target: str
    owed_at: datetime = Field(sa_type=UtcDateTime)
    made_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    acknowledged_by: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    trouble: str | None = Field(default=None, sa_type=Text)


class HandOnFileRow(Row, table=True):
    """One file of a batch handed on. `why`: the reason, if the file was left out of the batch.
    `empty`: the output columns without any value. `recalled_in`: the later batch that recalls the file.
    """

    id: int | None = Field(default=None, primary_key=True)
    batch: int = Field(foreign_key="hand_on_batch.id", index=True)
    reference: str = Field(index=True)
    handed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    rows: int | None = None
    empty: str | None = Field(default=None, sa_type=Text)
    why: str | None = Field(default=None, sa_type=Text)
    recalled_in: int | None = Field(default=None, foreign_key="hand_on_batch.id")


class EventRow(Row, table=True):
    """An entry of the append-only log. `number` is the place in the log, `leaf` the bytes of the entry.

    The leaf holds only commitments to `actor` (a person's name) and `note` (the person's words). Both are
    stored here with the `salt` of the commitments, and may be destroyed without breaking the log. `rows` is
    the record of registry rows whose digest the leaf holds.
    """

    __table_args__ = (Index("event_by_subject", "subject", "number"),)
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(index=True)
    subject: str
    leaf: bytes
    actor: str | None = None
    note: str | None = Field(default=None, sa_type=Text)
    salt: bytes | None = None
    rows: str | None = Field(default=None, sa_type=Text)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the entry, such as its team. ConfigurationError if somebody has altered the leaf."""
        return fields_in(self.leaf, f"entry {self.number} of the log")


def fields_in(leaf: bytes, entry: str) -> dict[str, Any]:
    """Return the fields in a leaf of the log. ConfigurationError, naming the `entry`, for an altered leaf."""
    try:
        fields: dict[str, Any] = json.loads(leaf)["fields"]
    except (ValueError, TypeError, KeyError):
        raise ConfigurationError(f"{entry} was altered: restore a backup (gateway restore)") from None
    return fields


class NodeRow(Row, table=True):
    """A hash in the log's tree: of one complete subtree."""

    __tablename__ = "log_node"
    level: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    hash: bytes


class CheckpointRow(Row, table=True):
    """A signed head: the size and root hash of the log at a moment, signed with the log's key."""

    size: int = Field(primary_key=True)
    text: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def cosigned(self) -> bool:
        """True if a witness has signed the head too."""
        return len(self.text.rpartition("\n\n")[2].splitlines()) > 1


class HookRow(Row, table=True):
    """A web hook: an address of another system, to be told of `events` of some `teams`, or of all teams.

    Events and teams are separated by commas. `entry` is the number of the first log entry not reported yet,
    besides those in `behind`: numbers of earlier entries, separated by commas. `looked_at` is the time up to
    which due and late data are reported. `trouble` says why the address accepts nothing at present.
    `lost_since` is the time of the first message given up.
    """

    name: str = Field(primary_key=True)
    address: str = Field(sa_type=Text)
    events: str
    teams: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    made_by: str
    entry: int
    looked_at: datetime = Field(sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    trouble: str | None = None
    lost_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    behind: str | None = None
