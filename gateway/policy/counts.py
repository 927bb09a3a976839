"""Counts for teams that may have no record of a pupil (2.4.2): of which files, and for which period. Pure.

Who holds two tables about the same pupils may subtract them. So of each school, kind of data and census
period there is one, made from a file that holds the whole roll.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from gateway.model import Accepted, Classified, Counting, Decision, Provider, Released
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.schooldays import Period, censuses

_NEEDED = frozenset({"Pupil: NCY", "Pupil: Gender"})


def counts_teams(
    content: Classified, decision: Decision, provider: Provider, catalogue: Catalogue
) -> tuple[str, ...]:
    """The teams that are given counts of an accepted file, if it is one that can be counted.

    It has to hold pupils of one school, on the roll of that school, its sender, with year groups and sexes.
    Who speaks for several schools has no roll of its own.
    """
    on_roll = isinstance(decision, Accepted) or (isinstance(decision, Released) and decision.on_roll)
    if provider.schools or not on_roll:
        return ()
    flow = catalogue.flow_of(content.data_type)
    if flow is None or not content.pupils or len(content.schools) > 1 or not _NEEDED.issubset(content.items):
        return ()
    found = (catalogue.team(name) for name in flow.of(content.data_type).teams)
    return tuple(team.id for team in found if team is not None and not team.pupil_level)


def is_whole_roll(content: Classified, on_roll: int, catalogue: Catalogue) -> bool:
    """Whether a file holds the whole roll of its sender, of which `on_roll` pupils are known.

    Some kinds of data do by what they are; of others a file does that holds nearly as many as are known.
    """
    if content.data_type in catalogue.agreement.discrepancies.whole_rolls:
        return True
    return 100 * (content.pupils or 0) >= catalogue.teams.counts.whole_percent * on_roll


def counts_period(data_type: str, period: str | None, landed_at: datetime, catalogue: Catalogue) -> str:
    """The period for which there is one table: that of the census that a file is about or came in."""
    flow = catalogue.flow_of(data_type)
    if period is not None and flow is not None and flow.of(data_type).timescale == "termly":
        return period
    landed = local_day(landed_at, catalogue.calendar.timezone)
    around = (each.name for each in _censuses(catalogue, landed) if each.opens <= landed <= each.closes)
    return next(around, f"{landed.year}")


def counting(
    content: Classified,
    catalogue: Catalogue,
    *,
    provider: str,
    period: str | None,
    landed_at: datetime,
    seed: str,
) -> Counting:
    """How a file is counted: by the policy, about the school that sent it."""
    landed = local_day(landed_at, catalogue.calendar.timezone)
    day = min(content.facts.reference_date or landed, landed)
    rule = catalogue.teams.counts
    return Counting(
        threshold=rule.threshold,
        rounding=rule.rounding,
        seed=seed,
        since=_since(day, catalogue),
        school=provider,
        period=counts_period(content.data_type, period, landed_at, catalogue),
    )


def _since(day: date, catalogue: Catalogue) -> date | None:
    """The day after the last census before a day."""
    before = [each.first for each in _censuses(catalogue, day) if each.first < day]
    return max(before) + timedelta(days=1) if before else None


def _censuses(catalogue: Catalogue, day: date) -> list[Period]:
    return censuses(catalogue.calendar.census, range(day.year - 1, day.year + 2))
