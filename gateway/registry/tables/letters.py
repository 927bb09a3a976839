"""Letters owed, sent, refused and returned."""

from datetime import datetime

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.registry.tables.types import UtcDateTime


class LetterRow(SQLModel, table=True):
    """One letter to one address about one event; `message_id` follows from both.

    `sent_at` is when the relay took the letter, `refused` the relay's words of refusal. `bounced_at` and the
    like were recorded by a person.
    """

    __tablename__ = "letter"
    __table_args__ = (
        UniqueConstraint("event", "recipient"),
        Index("letter_by_sending", "sent_at", "number"),
    )
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
