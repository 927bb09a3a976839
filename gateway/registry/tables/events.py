"""Rows of the log (entries, nodes of the tree, signed heads) and of web hooks, which report entries."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field

from gateway.registry.tables.row import Row, UtcDateTime


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
