"""The first page: new files, held files, keys and dates that end soon, and times until receipts."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.mailboxes.console_api.context import Caller, ConsoleContext
from gateway.mailboxes.console_api.held_files import wanted
from gateway.mailboxes.console_api.judged import JudgedFlows
from gateway.mailboxes.console_api.logins import news_of
from gateway.mailboxes.console_api.needs import WaitingTask, needs_of
from gateway.mailboxes.console_api.showing_files import columns_of, team_named
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.record.dual_control import COUNTS
from gateway.registry import providers, staff, transfer_lists
from gateway.registry.deliveries import DeliveriesWanted, count_delivered
from gateway.registry.transfer_lists import MOST, ThingsWaiting, WaitsForWhom, recalls_asked
from gateway.zones.console_api import Shown

DAYS = 14
_LATEST = 200
_ENDING = timedelta(days=60)
_FOR_FEW: Shown = {
    "waiting": None, "late": None, "late_at": None, "recalls": (), "days": None, "expiring": (),
    "median_seconds": None, "slowest_seconds": None,
}  # fmt: skip
"""What is not told to a person limited to own teams."""


def ask_today(console: ConsoleContext, caller: Caller) -> Shown:
    """Return the caller's first page: teams of the caller, and the whole gateway if permitted.

    `needs`: tasks for the caller; `news`: about the caller's own keys; `recalls`: open requests for a recall.
    `late` is as of `late_at`. `median_seconds` and `slowest_seconds`: from landing to receipt, over the
    latest 200 files.
    """
    now, catalogue, news = console.clock(), console.catalogue(), news_of(console, caller)
    with console.mailboxes.registry.read() as session:
        new = [
            _counted(
                team,
                team_named(catalogue, team).name,
                count_delivered(session, team, DeliveriesWanted(new=True), person=caller.name, most=MOST),
            )
            for team in caller.teams
        ]
        whom = transfer_lists.by_whom(session, wanted(caller), MOST) if "held" in caller.may else {}
        steps = caller.confirmed and not staff.knows_pages(session, caller.name)
        # As the tabs of the list of held files are divided.
        held = [_counted(one, f"held for {one}", whom[one].number) for one in WaitsForWhom if one in whom]
        waits_for_person = whom.get(WaitsForWhom.PERSON, ThingsWaiting(0, None))
        seen = {"new": new, "news": news, "first_steps": steps, "held": held}
        if "look" not in caller.may:
            return _FOR_FEW | seen | {"needs": [*needs_of(session, caller, now, held=waits_for_person)]}
        zone = ZoneInfo(catalogue.calendar.timezone)
        waits = [each.total_seconds() for each in transfer_lists.waits(session, _LATEST)]
        ending = transfer_lists.keys_ending(session, now, now + _ENDING)
        judged = judged_on(console)
        behind, recalls = _behind(session, catalogue, judged), recalls_asked(session, now - COUNTS)
        late = _counted("late", "schools from which something has not come", len(behind))
        needs = needs_of(session, caller, now, held=waits_for_person, recalls=recalls, behind=behind)
        return seen | {
            "needs": [*needs],
            "waiting": _counted("waiting", "not decided yet", transfer_lists.still_landed(session)),
            "late": late,
            "late_at": judged.at,
            "recalls": columns_of(recalls, "reference", "by", "at", "why"),
            "days": [*_days(session, now, zone)],
            "median_seconds": median(waits) if waits else None,
            "slowest_seconds": max(waits, default=None),
            "expiring": [_counted("keys", "certificates of providers that end within 60 days", ending)],
        }


def judged_on(console: ConsoleContext, day: date | None = None) -> JudgedFlows:
    """Return the states of all schools' flows on a day, or today; a minute old at most, or being renewed."""
    catalogue = console.catalogue()
    on = day or local_day(console.clock(), catalogue.calendar.timezone)
    return console.judged.flows(console.mailboxes, catalogue, on)


def _behind(session: Session, catalogue: Catalogue, judged: JudgedFlows) -> Sequence[WaitingTask]:
    """Return a task to chase each school with overdue data."""
    names, name_of = providers.names(session), catalogue.wording.name
    return [
        WaitingTask(
            said=f"Chase {names.get(school, school)}", page="chase", of=school,
            about=tuple(name_of(one.data_type) for one in late),
            due=min((one.due for one in late if one.due), default=None),
        )
        for school, flows in judged.of.items()
        if (late := [one for one in flows if one.to_chase])
    ]  # fmt: skip


def _days(session: Session, now: datetime, zone: ZoneInfo) -> Iterator[Shown]:
    """Yield for each of the last local days the number of files landed by state, latest day last."""
    first = now.astimezone(zone).date() - timedelta(days=DAYS - 1)
    days = [first + timedelta(days=number) for number in range(DAYS + 1)]
    counted = transfer_lists.landed_by_state(session, [datetime.combine(day, time(), zone) for day in days])
    for on, found in zip(days, counted, strict=False):
        yield {
            "on": on,
            "accepted": found.get("accepted", 0),
            "held": found.get("held", 0),
            "refused": found.get("refused", 0),
            "waiting": found.get("landed", 0),
        }


def _counted(identifier: str, name: str, count: int) -> Shown:
    """Return a count for the first page, with id and name; `more`: counted only up to MOST."""
    return {"id": identifier, "name": name, "count": min(count, MOST - 1), "more": count >= MOST}
