"""Verdict of a recogniser on a content, before names, items and findings are added."""

from dataclasses import dataclass, field

from gateway.model import Facts, Level


@dataclass(slots=True)
class Verdict:
    """Type with its evidence, in the gateway's phrases.

    A `part` may lack fields present in other tables. `results` are the types of examination results, for
    any type of file.
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
