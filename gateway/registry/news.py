"""What the loop of a processor asks in every round: is there anything new in the registry?"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

_READ = text(
    "SELECT (SELECT coalesce(max(number), 0) FROM register_version),"
    " (SELECT coalesce(max(sequence), 0) FROM receipt), (SELECT coalesce(max(size), 0) FROM checkpoint),"
    " EXISTS (SELECT 1 FROM transfer WHERE state = 'landed')"
)


class News(NamedTuple):
    """The version of the register, the number of the last receipt, the size of the newest signed head.

    `landed`: a file is on record that is not decided yet.
    """

    register: int
    receipt: int
    head: int
    landed: bool


def read(session: Session) -> News:
    """Read it, with one statement."""
    register, receipt, head, landed = session.connection().execute(_READ).one()
    return News(register, receipt, head, bool(landed))
