"""Which period each arrival belongs to: the one it says it is about, or else the one in which it came."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from gateway.model import Arrival
from gateway.policy.schooldays import Period

Known = Literal["file", "arrival", "nil", "daily-update"]
"""By what the period is known: the file says it, it came then, the provider said that there is nothing to
send, or an update came that tells of this too.
"""


class PlacedArrival(NamedTuple):
    """An arrival and its local day."""

    day: date
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Placed:
    """The arrivals of a data type by the index of their period, in the order in which they came.

    `told` are those of another data type whose arrival tells of this one.
    """

    own: dict[int, list[PlacedArrival]]
    told: dict[int, list[PlacedArrival]]

    def of(self, index: int) -> list[PlacedArrival]:
        """What came for a period: its own files first of all, or else what told of it."""
        return self.own.get(index) or self.told.get(index, [])

    def known_by(self, index: int) -> Known | None:
        """How the period of what came for it is known; None where nothing came."""
        own = self.own.get(index, [])
        files = [each for each in own if not each.arrival.nil]
        if files:
            return "file" if any(each.arrival.period for each in files) else "arrival"
        if own:
            return "nil"
        return "daily-update" if index in self.told else None

    def latest(self, at: int) -> int:
        """The last period up to `at` for which something came; -1 where there is none."""
        return max((index for index in {*self.own, *self.told} if index <= at), default=-1)


def place(
    own: Iterable[PlacedArrival], periods: list[Period], telling: Iterable[PlacedArrival] = ()
) -> Placed:
    """Each arrival in its period. `telling` are those of the data type whose arrival tells of this one."""
    return Placed(_by_index(own, periods), _by_index(telling, periods))


def _by_index(arrivals: Iterable[PlacedArrival], periods: list[Period]) -> dict[int, list[PlacedArrival]]:
    found: dict[int, list[PlacedArrival]] = {}
    for each in arrivals:
        index = _index(each, periods)
        if index >= 0:
            found.setdefault(index, []).append(each)
    return found


def _index(each: PlacedArrival, periods: list[Period]) -> int:
    """-1 where it belongs to none of them, or to one that had not opened when it came."""
    about = each.arrival.period
    if about is None:
        return index_on(periods, each.day)
    day = _first_day(about)
    if day is not None:
        index = index_on(periods, day)
    else:
        index = next((n for n, period in enumerate(periods) if period.name == about), -1)
    return index if index >= 0 and (each.arrival.nil or periods[index].opens <= each.day) else -1


def index_on(periods: list[Period], day: date) -> int:
    """The period that is open on a day; -1 where none is."""
    index = bisect_right(periods, day, key=lambda period: period.opens) - 1
    return index if index >= 0 and day <= periods[index].closes else -1


@lru_cache(maxsize=4096)
def _first_day(period: str) -> date | None:
    """The day that a period's name is, or the Monday of the week; None where it is neither."""
    try:
        return date.fromisoformat(period)
    except ValueError:
        return None
