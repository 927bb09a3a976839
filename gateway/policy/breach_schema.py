"""The shape of breach.toml: what weighs in a breach of personal data, and whom the agreement has told."""

from __future__ import annotations

from pydantic import Field

from gateway.policy.schema import ClauseId, PolicyTable


class GraveItem(PolicyTable):
    """An item of the agreement's list whose loss weighs more, and why."""

    item: str
    why: str
    clause: ClauseId | None = None


class Consequence(PolicyTable):
    """What may follow where any of the items is lost."""

    text: str
    items: tuple[str, ...] = Field(min_length=1)


class WhoIsTold(PolicyTable):
    """The clauses by which each must be told of a breach."""

    ico: tuple[ClauseId, ...] = ()
    governance: tuple[ClauseId, ...] = ()
    providers: tuple[ClauseId, ...] = ()
    subjects: tuple[ClauseId, ...] = ()


class BreachFile(PolicyTable):
    """breach.toml."""

    tell: WhoIsTold
    grave: tuple[GraveItem, ...] = ()
    consequence: tuple[Consequence, ...] = ()
