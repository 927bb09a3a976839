"""Tell when ratifications count and lapse, and what a missing one means for files.

An academic year is written "2026-27".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from gateway.model import Provider, RatificationsThatCount
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import academic_year, academic_year_from, day_in, first_year, local_day, spoken
from gateway.policy.schema import ActionReason, Flow, RatificationSetting
from gateway.policy.small_schemas import Year

Standing = Literal["ratified", "lapsed", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatificationStatus:
    """The standing of a provider's ratification on a day.
    - `academic_year`: the latest ratified year that has begun; None if none has.
    - `lapses`: the first day without a valid ratification. `days_left`: the days until then, 0 once lapsed.
    - `next_year`: True if a later year is ratified already.
    - `warning`: of the agreement's `warn_days`, the smallest that is not below `days_left`. None if all are
      below, after the lapse, and if a later year is ratified.
    """

    standing: Standing
    academic_year: str | None
    lapses: date | None
    days_left: int
    warning: int | None
    next_year: bool


def lapse_day(year: str, catalogue: Catalogue) -> date:
    """Return the first day on which a ratification for an academic year no longer counts."""
    return _span(year, catalogue.agreement.year)[1]


def has_ended(on: date, catalogue: Catalogue) -> bool:
    """Return True if an agreement has a fixed end, and the day `on` is later: then nobody can ratify."""
    ends = catalogue.agreement.year.ends
    return ends is not None and on > ends


def in_force(years: Collection[str], on: date, catalogue: Catalogue) -> bool:
    """Return True if a ratification for one of the academic `years` counts on the day `on`."""
    spans = (_span(year, catalogue.agreement.year) for year in years)
    return any(begins <= on < lapses for begins, lapses in spans)


# Asked for several times with every file that comes.
@lru_cache(256)
def _span(year: str, said: Year) -> tuple[date, date]:
    """Return the first day on which a ratification for an academic year counts, and the day it lapses."""
    first = first_year(year)
    lapses = day_in(first + said.valid_years, said.lapses)
    over = lapses if said.ends is None else said.ends + timedelta(days=1)
    return day_in(first, said.starts), min(lapses, over)


@lru_cache(64)
def _covering(on: date, said: Year) -> tuple[str, ...]:
    first = first_year(academic_year(on, said.starts))
    years = (academic_year_from(first - back) for back in range(said.valid_years, -1, -1))
    spans = ((year, *_span(year, said)) for year in years)
    return tuple(year for year, begins, lapses in spans if begins <= on < lapses)


def years_at(at: date | datetime, catalogue: Catalogue) -> RatificationsThatCount:
    """Return which ratifications count on a day, or on the local day of a moment: years, text and day."""
    on = local_day(at, catalogue.calendar.timezone) if isinstance(at, datetime) else at
    return RatificationsThatCount(_covering(on, catalogue.agreement.year), catalogue.text_wanted, on)


def opens(year: str, catalogue: Catalogue) -> date:
    """Return the first day on which an academic year can be ratified, the review day before it begins."""
    return day_in(first_year(year), catalogue.agreement.year.review)


def year_to_ratify(years: Collection[str], on: date, catalogue: Catalogue) -> str:
    """Return the academic year for which a ratification made on a day counts, given the `years` ratified
    already. If none of them counts on the day, the ratification is for the current year. If one counts, the
    ratification is for the latest year that counts or, from the next review day on, for the year that renews
    it.
    """
    covering = [year for year in sorted(years) if in_force((year,), on, catalogue)]
    if not covering:
        return academic_year(on, catalogue.agreement.year.starts)
    renewal = renewed_by(covering[-1], catalogue)
    if has_ended(_span(renewal, catalogue.agreement.year)[0], catalogue):
        return covering[-1]
    return renewal if on >= opens(renewal, catalogue) else covering[-1]


def renewed_by(year: str, catalogue: Catalogue) -> str:
    """Return the academic year to ratify next, when a ratification for `year` lapses."""
    return academic_year_from(first_year(year) + catalogue.agreement.year.valid_years)


def following(year: str) -> str:
    """Return the academic year after `year`."""
    return academic_year_from(first_year(year) + 1)


def status_on(years: Collection[str], on: date, catalogue: Catalogue) -> RatificationStatus:
    """Return how the ratification of a provider stands on a day, given the `years` that it ratified."""
    said = catalogue.agreement.year
    year = max((year for year in years if _span(year, said)[0] <= on), default=None)
    lapses = None if year is None else _span(year, said)[1]
    next_year = any(year is None or other > year for other in years)
    left = 0 if lapses is None else max(0, (lapses - on).days)
    reached = [days for days in said.warn_days if left <= days]
    return RatificationStatus(
        standing="never" if year is None else "ratified" if left else "lapsed",
        academic_year=year,
        lapses=lapses,
        days_left=left,
        warning=min(reached, default=None) if left and not next_year else None,
        next_year=next_year,
    )


def unratified(
    provider: Provider, flow: Flow, data_types: Collection[str], catalogue: Catalogue, now: datetime
) -> Iterator[ActionReason]:
    """Yield the action and the reason, to hold data of a flow or to send a notice, if a provider has to
    ratify and has not. If the `data_types` have different rules, the strictest counts.
    """
    if provider.ratified or provider.kind not in catalogue.bodies.parties:
        return
    on = local_day(now, catalogue.calendar.timezone)
    last = min(_last_day(flow.unratified(each), on, catalogue) for each in data_types)
    if on > last:
        yield "hold", catalogue.reason("policy:agreement-not-ratified")
    elif last < date.max:
        yield "notice", catalogue.reason("policy:taken-unratified", until=spoken(last))


def _last_day(setting: RatificationSetting, on: date, catalogue: Catalogue) -> date:
    """Return the last day on which a file is taken from a sender that has not ratified.
    A month and day alone are taken in the academic year of the day `on`.
    """
    _, named, until = setting.partition("until ")
    if not named:
        return date.max if setting == "accept" else date.min
    if len(until) > len("MM-DD"):
        return date.fromisoformat(until)
    starts = catalogue.agreement.year.starts
    first = first_year(academic_year(on, starts))
    found = day_in(first, until)
    return found if found >= day_in(first, starts) else day_in(first + 1, until)
