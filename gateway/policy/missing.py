"""Find children on no roll any longer, and children who changed schools. Pure.

The source is each school's latest statement about a child, identified by a keyed digest. Ages are unknown, so
leavers of years 11 and 13 are included; children never on a roll are not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.policy.discrepancies import RollRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A child gone from a school: the last file and record number about the child, and the time of leaving.

    `to` is the school with the child on roll now; None without one.
    """

    pupil: str
    provider: str
    reference: str
    record: int | None
    left_at: datetime
    to: str | None = None


def gone(rows: Iterable[RollRow], full_rolls: Mapping[str, datetime]) -> list[Gone]:
    """Return every child gone from a school, on another roll or on none, in order of leaving.

    `full_rolls` gives the moment of each provider's latest complete roll: a child last mentioned earlier has
    left by then. A child continuing under a new UPN is not gone.
    """
    pupils: defaultdict[str, list[RollRow]] = defaultdict(list)
    for row in rows:
        pupils[row.pupil].append(row)
    current = {
        pupil: [row for row in known if _left(row, full_rolls) is None] for pupil, known in pupils.items()
    }
    renumbered = {row.former for known in current.values() for row in known if row.former is not None}
    found = [
        one
        for pupil, known in pupils.items()
        if pupil not in renumbered
        for one in _of_pupil(known, current[pupil], full_rolls)
    ]
    return sorted(found, key=lambda one: (one.left_at, one.provider, one.reference, one.record or 0))


def _of_pupil(
    known: Sequence[RollRow], current: Sequence[RollRow], full_rolls: Mapping[str, datetime]
) -> Iterator[Gone]:
    left = [(when, row) for row in known if (when := _left(row, full_rolls)) is not None]
    if not left:
        return
    when, last = max(left, key=lambda pair: (pair[0], pair[1].provider))
    yield Gone(
        pupil=last.pupil,
        provider=last.provider,
        reference=last.reference,
        record=last.record,
        left_at=when,
        to=min((row.provider for row in current), default=None),
    )


def _left(row: RollRow, full_rolls: Mapping[str, datetime]) -> datetime | None:
    """Return the time a child left a school; None for a child on roll."""
    if not row.on_roll:
        return row.at
    complete = full_rolls.get(row.provider)
    return complete if complete is not None and complete > row.at else None
