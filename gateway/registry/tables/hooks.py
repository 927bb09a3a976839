"""Web hooks: the addresses that are told of events, and how far each was told."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from gateway.registry.tables.row import Row, UtcDateTime


class HookRow(Row, table=True):
    """One web hook. `events` and `teams` are separated by commas; without teams it is told of every team's.

    It was told of the log's entries before number `entry`, and of the calendar up to `looked_at`. `trouble`:
    why its address accepts nothing at present. `lost_since`: some messages from then on were given up.
    """

    __tablename__ = "hook"
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
