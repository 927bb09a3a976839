"""The first page: new files, waiting files, approaching ends, and response times of receipts."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.mailboxes.console_api.context import Caller, ConsoleContext
from gateway.mailboxes.console_api.held_files import wanted
from gateway.mailboxes.console_api.judged import JudgedFlows
from gateway.mailboxes.console_api.logins import news_of
from gateway.mailboxes.console_api.needs import Behind, needs_of
from gateway.mailboxes.console_api.showing_files import team_named
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.record.dual_control import COUNTS
from gateway.registry import providers, staff, transfer_lists
from gateway.registry.transfer_lists import MOST, ThingsWaiting, WaitsForWhom, recalls_asked
from gateway.zones.console_api.answers import Counted, DaySeen, RecallSeen, TodaySeen
from gateway.zones.console_api.questions import AskToday

DAYS = 14
_LATEST = 200
_ENDING = timedelta(days=60)


def ask_today(console: ConsoleContext, caller: Caller, _: AskToday) -> TodaySeen:
    """Return the caller's first page: own teams, and the whole gateway if permitted."""
    now, catalogue, news = console.clock(), console.catalogue(), news_of(console, caller)
    with console.mailboxes.registry.read() as session:
        new = tuple(
            _counted(
                team, team_named(catalogue, team).name, transfer_lists.new_files(session, team, caller.name)
            )
            for team in caller.teams
        )
        whom = transfer_lists.by_whom(session, wanted(caller), MOST) if "held" in caller.may else {}
        steps = caller.confirmed and not staff.knows_pages(session, caller.name)
        # As the tabs of the list of held files are divided.
        held = tuple(
            _counted(one, f"held for {one}", whom[one].number) for one in WaitsForWhom if one in whom
        )
        waits_for_person = whom.get(WaitsForWhom.PERSON, ThingsWaiting(0, None))
        if "look" not in caller.may:
            needs = tuple(needs_of(session, caller, now, held=waits_for_person))
            return TodaySeen(new=new, news=news, first_steps=steps, needs=needs, held=held)
        zone = ZoneInfo(catalogue.calendar.timezone)
        waits = [each.total_seconds() for each in transfer_lists.waits(session, _LATEST)]
        ending = transfer_lists.keys_ending(session, now, now + _ENDING)
        judged = judged_on(console)
        behind, recalls = _behind(session, catalogue, judged), recalls_asked(session, now - COUNTS)
        late = _counted("late", "schools from which something has not come", len(behind))
        return TodaySeen(
            new=new,
            news=news,
            first_steps=steps,
            needs=tuple(
                needs_of(session, caller, now, held=waits_for_person, recalls=recalls, behind=behind)
            ),
            held=held,
            waiting=_counted("waiting", "not decided yet", transfer_lists.still_landed(session)),
            late=late,
            late_at=judged.at,
            recalls=tuple(map(RecallSeen.model_validate, recalls)),
            days=tuple(_days(session, now, zone)),
            median_seconds=median(waits) if waits else None,
            slowest_seconds=max(waits, default=None),
            expiring=(_counted("keys", "certificates of providers that end within 60 days", ending),),
        )


def judged_on(console: ConsoleContext, day: date | None = None) -> JudgedFlows:
    """Return the flows of all schools as judged on a day, or today, within the last minutes."""
    catalogue = console.catalogue()
    on = day or local_day(console.clock(), catalogue.calendar.timezone)
    with console.mailboxes.registry.read() as session:
        enrolled = providers.added(session)
    return console.judged.flows(console.mailboxes, catalogue, on, enrolled)


def _behind(session: Session, catalogue: Catalogue, judged: JudgedFlows) -> Sequence[Behind]:
    """Return the schools with data due and missing."""
    names, name_of = providers.names(session), catalogue.wording.name
    return [
        Behind(
            school, names.get(school, school), tuple(name_of(one.data_type) for one in late),
            min((one.due for one in late if one.due), default=None),
        )
        for school, flows in judged.of.items()
        if (late := [one for one in flows if one.to_chase])
    ]  # fmt: skip


def _days(session: Session, now: datetime, zone: ZoneInfo) -> Iterator[DaySeen]:
    """Yield each of the last days by the local authority's clock, latest last."""
    first = now.astimezone(zone).date() - timedelta(days=DAYS - 1)
    days = [first + timedelta(days=number) for number in range(DAYS + 1)]
    counted = transfer_lists.landed_by_state(session, [datetime.combine(day, time(), zone) for day in days])
    for on, found in zip(days, counted, strict=False):
        yield DaySeen(
            on=on,
            accepted=found.get("accepted", 0),
            held=found.get("held", 0),
            refused=found.get("refused", 0),
            waiting=found.get("landed", 0),
        )


def _counted(identifier: str, name: str, count: int) -> Counted:
    return Counted(id=identifier, name=name, count=min(count, MOST - 1), more=count >= MOST)
