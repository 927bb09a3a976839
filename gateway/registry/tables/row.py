"""What every row of the registry is."""

from __future__ import annotations

from pydantic import ConfigDict
from sqlmodel import SQLModel


class Row(SQLModel):
    """A row. The database checks it: a validator would be made at every start, and never be used."""

    model_config = ConfigDict(defer_build=True)  # type: ignore[assignment]  # SQLModel's own adds only to it
