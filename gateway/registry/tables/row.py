"""The base class of every row of the registry."""

from pydantic import ConfigDict
from sqlmodel import SQLModel


class Row(SQLModel):
    """A row, checked by the database. Building unused validators would slow every start."""

    model_config = ConfigDict(defer_build=True)  # type: ignore[assignment]  # SQLModel's own adds only to it
