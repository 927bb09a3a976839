"""One file that belongs to no flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["outside", "table", "binary", "broken", "trap", "archive"]


@dataclass(frozen=True, slots=True)
class Negative:
    """A file, what it is (`what` is unique), and of which kind.

    `outside` are known kinds of return that the agreement does not cover; they deserve to be named as
    such. `broken` are files of the agreement that are damaged. The rest is unknown or hostile.
    """

    what: str
    kind: Kind
    name: str
    content: bytes
