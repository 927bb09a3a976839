"""The models of breach.toml: grave items, consequences, and bodies to be told of a data breach."""

from pydantic import Field

from gateway.policy.schema import ClauseId, PolicyTable


class GraveItem(PolicyTable):
    """An Appendix A item whose loss is graver, and the reason."""

    item: str
    why: str
    clause: ClauseId | None = None


class Consequence(PolicyTable):
    """A possible consequence of losing any of the items."""

    text: str
    items: tuple[str, ...] = Field(min_length=1)


class WhoIsTold(PolicyTable):
    """The clauses by which each body must be told of a breach."""

    ico: tuple[ClauseId, ...] = ()
    governance: tuple[ClauseId, ...] = ()
    providers: tuple[ClauseId, ...] = ()
    subjects: tuple[ClauseId, ...] = ()


class BreachFile(PolicyTable):
    """breach.toml."""

    tell: WhoIsTold
    grave: tuple[GraveItem, ...] = ()
    consequence: tuple[Consequence, ...] = ()
