"""The base of every part of a settings file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class File(BaseModel):
    """A part of a file edited by an administrator: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
