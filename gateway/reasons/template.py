"""Reason before its blanks are filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RestsOn = Literal["the code", "the flow", "the group of items", "the method", "the safeguard"]

ASK = "Ask the local authority's {desk}; quote the reference on this receipt."


@dataclass(frozen=True, slots=True)
class Template:
    """Text for one code: a sentence, the next step, and the source of its clause.

    The clause itself stands in the policies: in reasons.toml, or with the flow, item, method or safeguard.
    """

    sentence: str
    next_step: str
    rests_on: RestsOn = "the code"
