"""What a recogniser says of a content, before names, items and findings are added."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.model import Facts, Level


@dataclass(slots=True)
class Verdict:
    """A type with its evidence, in phrases of ours.

    A `part` may lack what other tables hold. `results` are the types of examination results that it holds,
    whatever its own type is.
    """

    data_type: str
    level: Level
    evidence: list[str]
    format: str
    extension: str = "xml"
    runner_up: str | None = None
    mixed_with: str | None = None
    part: bool = False
    results: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
