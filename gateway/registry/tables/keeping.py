"""Rows for retention (legal holds, deletions, certificates), letters, hosts, and a draft of policies."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text, UniqueConstraint
from sqlmodel import Field

from gateway.registry.tables.row import Row, UtcDateTime


class HostRow(Row, table=True):
    """A host expected to share the work, and its last report; times are the database's.

    `spool` uploads wait there, the oldest for `oldest_seconds`. The host's clock is `ahead_seconds` ahead of
    the database's. `holds` names the gateway's keys there, separated by spaces.
    """

    name: str = Field(primary_key=True, max_length=32)
    added_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    spool: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    oldest_seconds: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    ahead_seconds: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    holds: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})


class PolicyDraftRow(Row, table=True):
    """Policies proposed in the console: the policies of the digest `base`, with new `content` of one `file`.

    `digest` is the digest of all the proposed policies. There is at most one draft.
    """

    digest: str = Field(primary_key=True, max_length=64)
    base: str = Field(max_length=64)
    file: str
    content: str = Field(sa_type=Text)


class HoldRow(Row, table=True):
    """A legal hold: while in force, none of the files concerned is deleted.

    The hold is on one transfer, notice or declaration (`reference`), on all of a `provider`, or on every file
    with a child of the digests in `persons`. A hold on a provider or child has an empty `reference`.
    """

    __tablename__ = "legal_hold"
    number: int | None = Field(default=None, primary_key=True)
    reference: str = Field(index=True)
    placed_at: datetime = Field(sa_type=UtcDateTime)
    placed_by: str
    why: str = Field(sa_type=Text)
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lifted_by: str | None = None
    lifted_why: str | None = Field(default=None, sa_type=Text)
    provider: str | None = None
    persons: bytes | None = None


class DeletionCertificateRow(Row, table=True):
    """A signed certificate about deletions of data."""

    number: int | None = Field(default=None, primary_key=True)
    made_at: datetime = Field(sa_type=UtcDateTime)
    text: str = Field(sa_type=Text)


class DeletionRow(Row, table=True):
    """The record of a deletion, under policies/retention.toml, of part of a transfer, notice or declaration.

    `files` are paths below the home, one a line, still to be removed from disk; empty afterwards. `size` and
    `sha256` describe a deleted sealed file.
    """

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


class LetterRow(Row, table=True):
    """One letter to one address about one event. `message_id` is made from address and event.

    `sent_at` is when the relay took the letter, `refused` the answer of a relay that refused the letter. A
    person or a program records that a letter came back (`bounced_at`, `bounced_by`, `bounced_why`).
    """

    __table_args__ = (UniqueConstraint("event", "recipient"), Index("letter_by_sending", "sent_at", "number"))
    number: int | None = Field(default=None, primary_key=True)
    event: str
    recipient: str
    kind: str
    provider: str | None = None
    message_id: str = Field(unique=True)
    subject: str
    text: str = Field(sa_type=Text)
    owed_at: datetime = Field(sa_type=UtcDateTime, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refused: str | None = None
    bounced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    bounced_by: str | None = None
    bounced_why: str | None = Field(default=None, sa_type=Text)
