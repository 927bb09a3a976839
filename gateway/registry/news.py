"""The query of a processor's loop in every round: is there anything new in the registry?"""

from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

_READ = text(
    "SELECT (SELECT coalesce(max(number), 0) FROM register_version),"
    " (SELECT coalesce(max(sequence), 0) FROM receipt),"
    " (SELECT text FROM checkpoint ORDER BY size DESC LIMIT 1),"
    " EXISTS (SELECT 1 FROM transfer WHERE state = 'landed')"
)


class News(NamedTuple):
    """The register's version, the number of the last receipt, and the newest signed head or None.

    `landed`: an undecided file is on record.
    """

    register: int
    receipt: int
    head: str | None
    landed: bool


def read(session: Session) -> News:
    """Read the news with one statement."""
    register, receipt, head, landed = session.connection().execute(_READ).one()
    return News(register, receipt, head, bool(landed))
