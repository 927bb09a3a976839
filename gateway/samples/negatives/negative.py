"""One file outside every flow."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["outside", "table", "binary", "broken", "trap", "archive"]


@dataclass(frozen=True, slots=True)
class Negative:
    """A file, its description (`what` is unique), and its kind.

    `outside` are known kinds of return not covered by the agreement, to be named in the receipt. `broken` are
    damaged files of the agreement. The rest is unknown or hostile.
    """

    what: str
    kind: Kind
    name: str
    content: bytes
