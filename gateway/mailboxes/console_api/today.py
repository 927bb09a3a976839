"""Answer what the console's first page shows: tasks, new and held files, keys ending, times to receipts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts import headings
from gateway.mailboxes.console_api.context import Caller, ConsoleContext
from gateway.mailboxes.console_api.logins import news_of
from gateway.model import counted
from gateway.policy.catalogue import Catalogue
from gateway.policy.timescale import FlowStatus
from gateway.record import dual_control, policy_proposals
from gateway.record.dual_control import PROPOSAL_LASTS, TwoPersonAct, name_of, proposed
from gateway.registry import hand_ons, hooks, keys, letters, log, providers, staff, transfer_lists, transfers
from gateway.registry.deliveries import DeliveriesWanted, count_delivered
from gateway.registry.tables import EventRow, StaffRow
from gateway.registry.transfer_lists import MOST, ThingsWaiting, TransfersWanted, WaitsForWhom
from gateway.zones.console_api import Given, Shown

DAYS = 14
_LATEST = 200
_ENDING = timedelta(days=60)
_EACH = 20
"""The most schools, recalls and proposals told one by one."""
_CHASED = 5
"""The most schools to chase told one by one, longest first."""
_AGAIN: Final = "redelivery-proposed"
_AWAITING_A_SECOND = {
    _AGAIN: ("recall", "Say yes or no to giving {reference} to teams, as proposed by {by}"),
    "release-proposed": ("decide", "Say yes or no to the release of {reference}, as proposed by {by}"),
    "withdrawn": (
        "recall", "Give {reference} back, or withdraw it for good: {by} took it out of every mailbox",
    ),
}  # fmt: skip
"""The right that a second person needs, and the task, by the act of the first person on a file."""
_TO_DO_AS_WELL: Mapping[str, tuple[AccessRight, str, str, tuple[str, ...]]] = {
    "add-program": (
        AccessRight.ENROL, "programs add", "Give the program {name} a credential, as proposed by {by}", (),
    ),
    "add-hook": (AccessRight.ENROL, "hooks add", "Add the web hook {name}, as proposed by {by}", ()),
    "invite": (AccessRight.ENROL, "staff invite", "Invite {name}, as proposed by {by}", ()),
    "put-in-teams": (
        AccessRight.ENROL, "staff set", "Put {name} into teams, as proposed by {by}", ("team",),
    ),
    "restore-key": (
        AccessRight.ENROL, "keys restore", "Restore a key of {name}, as proposed by {by}", ("fingerprint",),
    ),
    "grant-": (
        AccessRight.APPOINT, "roles grant", "Give {name} the role {role}, as proposed by {by}", ("account",),
    ),
    "take-": (AccessRight.APPOINT, "roles take", "Take the role {role} from {name}, as proposed by {by}", ()),
}  # fmt: skip
"""By the beginning of the code of an act that two persons do alike: the right to it, its command, the task,
and the fields besides the name that the note of the proposal has.
"""
_OWN_KEYS = {
    "rotate": "a new key of the gateway",
    "rotate-compromised": "a new key of the gateway for one that may be in wrong hands",
    "destroy": "the end of an old key of the gateway",
    "protect": "a passphrase for the gateway's secrets",
    "unprotect": "no passphrase for the gateway's secrets",
}
"""Changes of the gateway's own keys for two persons at the machine, in words, by the code of the act."""
_FOR_FEW: Shown = {
    "waiting": None, "late": None, "late_at": None, "recalls": (), "days": None, "expiring": (),
    "median_seconds": None, "slowest_seconds": None,
}  # fmt: skip
"""The parts of the page that are empty for a person who sees the own teams only."""


class WaitingTask(NamedTuple):
    """A task waiting for a person: a sentence (`said`), and the page for doing the task.
    `since`: when the oldest thing to do began to wait; None if unknown. `due`: for missing data, the earliest
    due day; None if unknown. `about`: the kinds of missing data. `of`: the file or school on the page.
    `letter`: the number of the last letter about missing data, sent at `written`. `act`: the command of an
    act to be done as somebody else did, its form filled in with `fields`.
    """

    said: str
    page: Literal[
        "held", "mine", "held-file", "recall", "chase", "school", "schools", "policies", "notices",
        "hand-ons", "hooks", "file", "act", "watch",
    ]  # fmt: skip
    about: tuple[str, ...] = ()
    since: datetime | None = None
    due: date | None = None
    of: str = ""
    letter: int | None = None
    written: datetime | None = None
    act: str = ""
    fields: Mapping[str, Given] = {}


def ask_today(console: ConsoleContext, caller: Caller) -> Shown:
    """Return the caller's first page: about the caller's teams and, if permitted, the whole gateway.
    `needs`: tasks for the caller; `news`: about the caller's own keys; `recalls`: open requests for a recall.
    `late`: the number of schools with data missing, as judged at `late_at`. `median_seconds` and
    `slowest_seconds`: from landing to receipt, over the latest 200 files.
    """
    now, catalogue, news = console.clock(), console.catalogue(), news_of(console, caller)
    with console.mailboxes.registry.read() as session:
        new = [
            _counted(
                team,
                catalogue.wording.name(team),
                count_delivered(session, team, DeliveriesWanted(new=True), person=caller.name, most=MOST),
            )
            for team in caller.teams
        ]
        held_ones = TransfersWanted(state="held", sight=caller.sight)
        whom = transfer_lists.by_whom(session, held_ones, MOST) if "held" in caller.may else {}
        steps = caller.person.confirmed and not session.get_one(StaffRow, caller.name).knows_pages
        # As the tabs of the list of held files are divided.
        held = [_counted(one, f"held for {one}", whom[one].number) for one in WaitsForWhom if one in whom]
        waits_for_person = whom.get(WaitsForWhom.PERSON, ThingsWaiting(0, None))
        seen = {"new": new, "news": news, "first_steps": steps, "held": held}
        if "look" not in caller.may:
            needs = _needs_of(session, caller, now, held=waits_for_person)
            return _FOR_FEW | seen | {"needs": _aged(needs, now.date())}
        zone = ZoneInfo(catalogue.calendar.timezone)
        waits = [each.total_seconds() for each in transfer_lists.times_to_decision(session, _LATEST)]
        ending = transfer_lists.keys_ending(session, now, now + _ENDING)
        judged_at, judged = console.judged()
        behind = _behind(session, catalogue, judged)
        recalls = transfer_lists.recalls_asked(session, now - PROPOSAL_LASTS)
        late = _counted("late", "schools from which something has not come", len(behind))
        needs = _needs_of(session, caller, now, held=waits_for_person, recalls=recalls, behind=behind)
        return seen | {
            "needs": _aged(needs, now.date()),
            "waiting": _counted("waiting", "not decided yet", transfer_lists.still_landed(session)),
            "late": late,
            "late_at": judged_at,
            "recalls": [
                {"reference": one.subject, "by": one.actor or "", "at": one.at, "why": one.note or ""}
                for one in recalls
            ],
            "days": [*_days(session, now, zone)],
            "median_seconds": median(waits) if waits else None,
            "slowest_seconds": max(waits, default=None),
            "expiring": [_counted("keys", "certificates of providers that end within 60 days", ending)],
        }


def _behind(
    session: Session, catalogue: Catalogue, judged: Mapping[str, Sequence[FlowStatus]]
) -> Sequence[WaitingTask]:
    """Return a task to chase each school with overdue data; `judged`: the flows of each school."""
    names, name_of = providers.names(session), catalogue.wording.name
    return [
        WaitingTask(
            said=f"Chase {names.get(school, school)}", page="chase", of=school,
            about=tuple(name_of(one.data_type) for one in late),
            due=min((one.due for one in late if one.due), default=None),
        )
        for school, flows in judged.items()
        if (late := [one for one in flows if one.to_chase])
    ]  # fmt: skip


def _days(session: Session, now: datetime, zone: ZoneInfo) -> Iterator[Shown]:
    """Yield the numbers of files landed, by state, for each of the last days in local time, latest last."""
    first = now.astimezone(zone).date() - timedelta(days=DAYS - 1)
    days = [first + timedelta(days=number) for number in range(DAYS + 1)]
    counted = transfer_lists.landed_by_state(session, [datetime.combine(day, time(), zone) for day in days])
    for on, found in zip(days, counted, strict=False):
        counts = {state: found.get(state, 0) for state in ("accepted", "held", "refused")}
        yield {"on": on, **counts, "waiting": found.get("landed", 0)}


def _counted(identifier: str, name: str, count: int) -> Shown:
    """Return a count for the first page, with id and name; `more`: True if there are MOST things or more."""
    return {"id": identifier, "name": name, "count": min(count, MOST - 1), "more": count >= MOST}


def _aged(tasks: Iterable[WaitingTask], today: date) -> list[Shown]:
    """Return tasks with `days`, the days since a task began to wait, or since missing data were due."""
    begun = [(one, one.since.date() if one.since else one.due) for one in tasks]
    return [one._asdict() | {"days": (today - since).days if since else None} for one, since in begun]


def _needs_of(
    session: Session, caller: Caller, now: datetime, *, held: ThingsWaiting,
    recalls: Sequence[EventRow] = (), behind: Sequence[WaitingTask] = (),
) -> Iterator[WaitingTask]:  # fmt: skip
    """Yield the person's tasks; tasks for which other people wait come first.
    `held`: the number of files waiting for a person, and since when. `recalls`: the open requests for a
    recall. `behind`: a task for each school with overdue data.
    """
    may = caller.may
    if "recall" in may:  # As everybody may who may decide.
        yield from _to_decide(session, caller, now, held)
    for asked in recalls[:_EACH] if "recall" in may else ():
        said = f"Take back {asked.subject}, as {asked.actor or ''} asks"
        yield WaitingTask(said=said, since=asked.at, page="recall", of=asked.subject)
    yield from _to_do_as_well(session, caller, now)
    if "enrol" in may:
        yield from _to_administer(session, caller, now)
    if "protect" in may:
        unread = transfer_lists.unread_notices(session)
        if unread.number:
            yield WaitingTask(said=f"Read {_number(unread, 'notice')}", since=unread.since, page="notices")
    if "enrol" in may:
        yield from _to_chase(session, now, sorted(behind, key=lambda one: one.due or date.max))


def _to_decide(session: Session, caller: Caller, now: datetime, held: ThingsWaiting) -> Iterator[WaitingTask]:
    """Yield tasks on files: as a second person, given to the caller alone, or waiting for anybody."""
    held_ones = transfer_lists.awaiting_a_second(session, caller.sight)
    again = transfer_lists.proposed_again(session, caller.sight)
    again = [one for one in again if proposed(session, one, _AGAIN)]
    for reference in [*dict.fromkeys((*held_ones, *again))][:_EACH]:
        kinds = _AWAITING_A_SECOND.keys() - (set() if reference in again else {_AGAIN})
        *_, first = (one for one in log.events(session, reference) if one.kind in kinds)
        right, said = _AWAITING_A_SECOND[first.kind]
        if right in caller.may and name_of(by := first.actor or "") != caller.name:
            said = said.format(reference=reference, by=by)
            task = WaitingTask(said=said, since=first.at, page="held-file", of=reference)
            yield task if reference in held_ones else task._replace(page="file")
    if "decide" not in caller.may:
        return
    for act, first in [*dual_control.proposals(session, {headings.SAY: AccessRight.DECIDE}, now)][:_EACH]:
        if name_of(first.actor or "") == caller.name:
            continue
        _, mark, key = act.about.rpartition(" = ")
        wanted = TransfersWanted(state="held", provider=act.subject, sight=caller.sight)
        for one in transfer_lists.latest(session, wanted, _EACH):
            file = transfers.get(session, reference := one.upload.reference)  # A list is without contents.
            asked = (replace(act, about=f"{one}{mark}{key}") for one in headings.unexplained(session, file))
            if file.waits_for != "approval" and act.noted in {one.noted for one in asked}:
                said = f"Say what a heading of {reference} means, as proposed by {first.actor}"
                yield WaitingTask(said=said, since=first.at, page="held-file", of=reference)
                break
    mine = transfer_lists.assigned_by_others(session, caller.sight, caller.name)
    if mine.number:
        said = f"{_number(mine, 'held file')} {'was' if mine.number == 1 else 'were'} given to you"
        yield WaitingTask(said=said, since=mine.since, page="mine")
    if held.number:
        yield WaitingTask(said=f"Decide on {_number(held, 'held file')}", since=held.since, page="held")


def _to_do_as_well(session: Session, caller: Caller, now: datetime) -> Iterator[WaitingTask]:
    """Yield a task for each act done first by another person, and waiting for the caller to do as well."""
    rights = {begins: right for begins, (right, *_) in _TO_DO_AS_WELL.items() if right in caller.may}
    if not rights:
        return
    people = staff.list_staff(session)
    for act, first in [*dual_control.proposals(session, rights, now)][:_EACH]:
        (begins,) = (one for one in rights if act.what.startswith(one))
        _, command, said, further = _TO_DO_AS_WELL[begins]
        name, *rest = act.about.split(" ")
        if caller.name in {name, name_of(first.actor or "")}:
            continue
        if begins == "put-in-teams" and name not in people:
            command = "staff add"
        role, values = act.what.removeprefix(begins), dict(zip(further, rest, strict=False))
        fields: dict[str, Given] = {"id": name, "staff": True} if begins == "restore-key" else {"name": name}
        fields |= {one: tuple(value.split(",")) if one == "team" else value for one, value in values.items()}
        fields |= {"role": role} if role else {}
        yield WaitingTask(
            said=said.format(name=name, role=role, by=first.actor), since=first.at, page="act", of=name,
            act=command, fields=fields,
        )  # fmt: skip


def _to_administer(session: Session, caller: Caller, now: datetime) -> Iterator[WaitingTask]:
    """Yield tasks about proposed policies, about keys to confirm, and about faults of other systems."""
    change = policy_proposals.proposal(session)
    if change is not None and change.approved_by is None and name_of(change.by) != caller.name:
        said = f"Approve or withdraw the change of policies that {change.by} proposed"
        yield WaitingTask(said=said, since=change.at, page="policies")
    begins = dict.fromkeys((one.partition("-")[0] for one in _OWN_KEYS), AccessRight.ENROL)
    for act, first in dual_control.proposals(session, begins, now):
        if name_of(first.actor or "") != caller.name:
            said = f"At the machine, agree to {_OWN_KEYS[act.what]}, as {first.actor} proposed, or not"
            yield WaitingTask(said=said, since=first.at, page="watch")
    for provider, name, since in transfer_lists.keys_pending(session, _EACH):
        yield WaitingTask(said=f"Ring {name} to confirm its keys", since=since, page="school", of=provider)
    for key, first in keys.suspended(session):
        of_staff, owner = key.owner_kind == "staff", key.owner
        if name_of(first.actor or "") == caller.name or (of_staff and owner == caller.name):
            continue
        name = owner if of_staff else providers.provider_row(session, owner).name
        said = f"Revoke a key of {name}, as {first.actor} did, or confirm it"
        task = WaitingTask(said=said, since=first.at, page="school", of=owner)
        soft = dual_control.proposal(session, TwoPersonAct("revoke-soft", key.fingerprint), now) is not None
        fields = dict[str, Given](id=owner, fingerprint=key.fingerprint, staff=True, superseded=soft)
        yield task._replace(page="act", act="keys revoke", fields=fields) if of_staff else task
    late = hand_ons.unacknowledged(session, now)
    if late:
        told = ThingsWaiting(len(late), late[0].sent_at)
        said = f"See to {_number(told, 'batch', 'batches')} that another system did not take in"
        yield WaitingTask(said=said, since=told.since, page="hand-ons")
    for hook in hooks.listed(session):
        if hooks.remark(hook):
            said = f"See why the web hook {hook.name} fails"
            yield WaitingTask(said=said, since=hook.lost_since, page="hooks")


def _to_chase(session: Session, now: datetime, behind: Sequence[WaitingTask]) -> Iterator[WaitingTask]:
    """Yield a task for each of the schools longest overdue, and one task for all further schools."""
    told, rest = behind[:_CHASED], behind[_CHASED:]
    chased = letters.chased(session, [one.of for one in told], now.date())
    for one in told:
        letter = chased.get(one.of)
        yield one._replace(letter=letter.number, written=letter.owed_at) if letter else one
    if rest:
        said = f"Chase {counted(len(rest), 'further school')} from which something has not come"
        yield WaitingTask(said=said, due=rest[0].due, page="schools")


def _number(waiting: ThingsWaiting, thing: str, things: str = "") -> str:
    shown = f"more than {MOST - 1}" if waiting.number >= MOST else str(waiting.number)
    return f"{shown} {thing if waiting.number == 1 else things or f'{thing}s'}"
