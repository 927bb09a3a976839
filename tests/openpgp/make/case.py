"""One case before it is made into a vector."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tests.openpgp.make.world import AT, World

PROGRAMS = ("sqop", "gosop", "rsop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`others` explains, program by program, an opinion that differs from `expect`."""

    name: str
    why: str
    make: Callable[[World], bytes]
    expect: str = "open"
    made_by: str = "gpg"
    senders: tuple[str, ...] = ("alice",)
    keys: tuple[str, ...] = ("gateway",)
    at: datetime = AT
    limits: str = ""
    differs: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
