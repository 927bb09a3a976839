"""What is due of a provider, and when: the one source of its page, its calendar and its letters. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gateway.model import Provider
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import spoken
from gateway.policy.timescale import FlowStatus, periods_around

_AHEAD = timedelta(days=400)
_TWO_WEEKS, _WEEK = 14, 7
_CAME = {
    "late": "came late, it was due on {day}",
    "early": "came early, it is due on {day}",
    "on-time": "came in time, it is due on {day}",
    "nil": "nothing to send, as you said; due on {day}",
}


@dataclass(frozen=True, slots=True)
class DueDays:
    """A flow as judged today (`now`), and its days to come (`later`), soonest first, 400 days ahead at most.

    The days of daily and weekly flows are school days: none of them stands in `later`.
    """

    now: FlowStatus
    later: tuple[FlowStatus, ...] = ()

    @property
    def days(self) -> tuple[FlowStatus, ...]:
        """Every day that the provider is asked to keep, neither daily nor weekly."""
        every = (self.now, *self.later)
        return tuple(
            one for one in every if one.asked and one.due and one.timescale not in {"daily", "weekly"}
        )


def agenda(
    provider: Provider, flows: Sequence[FlowStatus], catalogue: Catalogue, today: date
) -> Iterator[DueDays]:
    """Yield what is due of a provider, in the order of `flows`, its flows as judged at the end of `today`.

    Left out is what is not expected, or cannot be judged without a calendar. Where the day of a flow passed
    before the flow applied to the provider, its next day stands in that one's place.
    """
    for flow in flows:
        if flow.state in {"not-expected", "no-calendar"}:
            continue
        often = flow.timescale in {"daily", "weekly"}
        later = [
            replace(flow, state="not-due", due=one.due, period=one.name, last=None, missed=0, known_by=None)
            for one in (() if often else periods_around(provider, flow.data_type, catalogue, today))
            if today <= one.due <= today + _AHEAD and one.due != flow.due
        ]
        if flow.state == "not-due" and flow.due is not None and flow.due < today:
            ahead = later.pop(0) if later else replace(flow, due=None, period=None)
            flow = replace(ahead, last=flow.last)  # noqa: PLW2901 - the flow as it is told
        yield DueDays(flow, tuple(later))


def in_words(flow: FlowStatus, today: date) -> str:
    """Return in English what is to be said of a flow on a day: "due in 12 weeks, on 21 January 2027"."""
    if flow.due is None:
        return "received" if flow.state == "received" else "due at no set time"
    day = spoken(flow.due)
    left = (flow.due - today).days
    if flow.state in _CAME:
        return _CAME[flow.state].format(day=day)
    if flow.state == "missing" or left < 0:
        return f"late, it was due on {day}"
    if left <= 1:
        return f"due tomorrow, on {day}" if left else f"due today, {day}"
    if left < _TWO_WEEKS:
        return f"due in {left} days, on {day}"
    return f"due in {left // _WEEK} weeks, on {day}"
