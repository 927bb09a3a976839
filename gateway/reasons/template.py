"""A reason before its blanks are filled."""

from __future__ import annotations

from dataclasses import dataclass

ASK = "Ask the local authority's central data team; quote the reference on this receipt."


@dataclass(frozen=True, slots=True)
class Template:
    """What is said for one code: its clause, a sentence, and the next step."""

    clause: str
    sentence: str
    next_step: str
