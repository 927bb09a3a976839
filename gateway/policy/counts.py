"""Counts for teams that may have no record of a pupil (2.4.2): choice of files and periods. Pure.

Two tables about the same pupils could be subtracted to reveal individuals. So each school, kind of data and
census period gets a single table, made from a file holding the whole roll.
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
    """Return the teams given counts of an accepted file; () for a file unfit for counting.

    The file must hold pupils of one school, on the roll of the sending school, with year groups and sexes. A
    sender speaking for several schools has no roll of its own.
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
    """Return True if a file holds the whole roll of its sender, with `on_roll` known pupils.

    Some kinds of data always do; other files count when they hold nearly as many pupils as are known.
    """
    if content.data_type in catalogue.agreement.discrepancies.whole_rolls:
        return True
    return 100 * (content.pupils or 0) >= catalogue.teams.counts.whole_percent * on_roll


def counts_period(data_type: str, period: str | None, landed_at: datetime, catalogue: Catalogue) -> str:
    """Return the period of the table: the census the file is about, else the census during arrival."""
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
    """Return the rules for counting a file: from the policy, about the sending school."""
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
    """Return the day after the last census before a day."""
    before = [each.first for each in _censuses(catalogue, day) if each.first < day]
    return max(before) + timedelta(days=1) if before else None


def _censuses(catalogue: Catalogue, day: date) -> list[Period]:
    return censuses(catalogue.calendar, range(day.year - 1, day.year + 2))
