"""Batches of files handed on to other systems, and the files in each."""

from datetime import datetime

from sqlalchemy import Text, UniqueConstraint
from sqlmodel import Field

from gateway.registry.tables.row import Row
from gateway.registry.tables.types import UtcDateTime


class HandOnBatchRow(Row, table=True):
    """One batch of a hand-on. `target` says where it goes; `trouble`, why it could not be sent lately.

    `made_at`: the files lie in the folder. `sent_at`: the system has them, or may fetch them.
    """

    __tablename__ = "hand_on_batch"
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
    """One file of a batch. `why`: the reason that it was left out of the batch, where it was.

    `empty` are the output columns without any value. `recalled_in` is the batch that tells of its recall.
    """

    __tablename__ = "hand_on_file"
    id: int | None = Field(default=None, primary_key=True)
    batch: int = Field(foreign_key="hand_on_batch.id", index=True)
    reference: str = Field(index=True)
    handed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    rows: int | None = None
    empty: str | None = Field(default=None, sa_type=Text)
    why: str | None = Field(default=None, sa_type=Text)
    recalled_in: int | None = Field(default=None, foreign_key="hand_on_batch.id")
