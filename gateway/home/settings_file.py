"""What every part of a settings file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class File(BaseModel):
    """A part of a file that an administrator edits: what it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
