"""Place each arrival in a period: the stated period, else the period of arrival."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Literal, NamedTuple

from gateway.model import Arrival
from gateway.policy.schooldays import Period

Known = Literal["file", "arrival", "nil", "daily-update"]
"""The source of a period: stated in the file, taken from the arrival, a nil return of the provider, or an
update counting for this data type too.
"""

_OPENS = attrgetter("opens")


class PlacedArrival(NamedTuple):
    """An arrival and its local day."""

    day: date
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Placed:
    """The arrivals of a data type by the index of their period, in order of arrival.

    `told` are arrivals of another data type that also count for this one.
    """

    own: dict[int, list[PlacedArrival]]
    told: dict[int, list[PlacedArrival]]

    def of(self, index: int) -> list[PlacedArrival]:
        """Return the arrivals for a period: of the data type itself, else of the telling type."""
        return self.own.get(index) or self.told.get(index, [])

    def known_by(self, index: int) -> Known | None:
        """Return the source of an arrival's period; None without arrivals."""
        own = self.own.get(index, [])
        files = [each for each in own if not each.arrival.nil]
        if files:
            return "file" if any(each.arrival.period for each in files) else "arrival"
        if own:
            return "nil"
        return "daily-update" if index in self.told else None

    def latest(self, at: int) -> int:
        """Return the index of the last period up to `at` with arrivals; -1 if none."""
        return max((index for index in {*self.own, *self.told} if index <= at), default=-1)


def place(
    own: Iterable[PlacedArrival], periods: list[Period], telling: Iterable[PlacedArrival] = ()
) -> Placed:
    """Place each arrival. `telling` are arrivals of the data type that also counts for this one."""
    return Placed(_by_index(own, periods), _by_index(telling, periods))


def _by_index(arrivals: Iterable[PlacedArrival], periods: list[Period]) -> dict[int, list[PlacedArrival]]:
    found: dict[int, list[PlacedArrival]] = {}
    opens: list[date] = []
    for each in arrivals:
        opens = opens or [*map(_OPENS, periods)]
        index = _index(each, periods, opens)
        if index >= 0:
            found.setdefault(index, []).append(each)
    return found


def _index(each: PlacedArrival, periods: list[Period], opens: list[date]) -> int:
    """Return the period of an arrival; -1 for an unknown period, or one not yet open at arrival."""
    about = each.arrival.period
    if about is None:
        return index_on(periods, each.day, opens)
    day = _first_day(about)
    if day is not None:
        index = index_on(periods, day, opens)
    else:
        index = next((n for n, period in enumerate(periods) if period.name == about), -1)
    return index if index >= 0 and (each.arrival.nil or periods[index].opens <= each.day) else -1


def index_on(periods: list[Period], day: date, opens: Sequence[date] = ()) -> int:
    """Return the period open on a day; -1 if none. `opens`: the first day of each, if known."""
    found = bisect_right(opens, day) if opens else bisect_right(periods, day, key=_OPENS)
    index = found - 1
    return index if index >= 0 and day <= periods[index].closes else -1


@lru_cache(maxsize=4096)
def _first_day(period: str) -> date | None:
    """Return the day named by a period, or the Monday of a named week; None for other names."""
    try:
        return date.fromisoformat(period)
    except ValueError:
        return None
