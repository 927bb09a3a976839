"""How members of staff come into the console: one-time links, and sessions while they last."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from gateway.registry.tables.row import Row
from gateway.registry.tables.types import UtcDateTime


class InvitationRow(Row, table=True):
    """A one-time link by which a person enrols a passkey. `digest` is the SHA-256 of its secret part."""

    __tablename__ = "staff_invitation"
    digest: str = Field(primary_key=True, max_length=64)
    staff: str = Field(foreign_key="staff.name", index=True)
    made_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    made_by: str


class ConsoleSessionRow(Row, table=True):
    """Somebody is logged in to the console. `digest` is the SHA-256 of what only their browser holds.

    `passkey` is the fingerprint of what they logged in with, `address` where from; `seen_at` is noted every
    few minutes.
    """

    __tablename__ = "console_session"
    digest: str = Field(primary_key=True, max_length=64)
    staff: str = Field(foreign_key="staff.name", index=True)
    passkey: str
    address: str
    begun_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
