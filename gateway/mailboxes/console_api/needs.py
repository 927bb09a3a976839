"""The tasks that wait for a person, as on the first page: a sentence, since when, and the page."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from sqlmodel import Session

from gateway.acts.held_decisions import proposal
from gateway.mailboxes.console_api.context import Caller
from gateway.model import counted
from gateway.record import policy_proposals
from gateway.record.dual_control import name_of
from gateway.registry import hand_ons, hooks, letters, transfer_lists
from gateway.registry.transfer_lists import MOST, RecallAsked, ThingsWaiting
from gateway.zones.console_api import Shown

_EACH = 20
"""The most schools, recalls and proposals told one by one."""
_CHASED = 5
"""The most schools to chase told one by one, longest first."""


class WaitingTask(NamedTuple):
    """A task that waits for a person: a sentence, and the page where it is done.

    `since`: when the oldest of such things began to wait, or `due`: the day for missing data; None if
    unknown. `about`: the kinds of missing data. `of`: the file or school that the page is about. `letter`:
    the number of the last reminding letter, written at `written`.
    """

    said: str
    page: Literal[
        "held", "mine", "held-file", "recall", "chase", "school", "schools", "policies", "notices",
        "hand-ons", "hooks",
    ]  # fmt: skip
    about: tuple[str, ...] = ()
    since: datetime | None = None
    due: date | None = None
    of: str = ""
    letter: int | None = None
    written: datetime | None = None


def needs_of(
    session: Session, caller: Caller, now: datetime, *, held: ThingsWaiting,
    recalls: Sequence[RecallAsked] = (), behind: Sequence[WaitingTask] = (),
) -> Iterator[Shown]:  # fmt: skip
    """Yield the person's tasks, with the age in days; first tasks that other people wait for.

    `held` are the files waiting for a person, `recalls` the open requests for recall, and `behind` the
    schools with data due and missing, each as a task.
    """
    for one in _tasks(session, caller, now, held, recalls, behind):
        begun = one.since.date() if one.since else one.due
        yield one._asdict() | {"days": (now.date() - begun).days if begun else None}


def _tasks(  # noqa: PLR0917 - as `needs_of`
    session: Session, caller: Caller, now: datetime, held: ThingsWaiting, recalls: Sequence[RecallAsked],
    behind: Sequence[WaitingTask],
) -> Iterator[WaitingTask]:  # fmt: skip
    may = caller.may
    if "decide" in may:
        yield from _to_decide(session, caller, held)
    for asked in recalls[:_EACH] if "recall" in may else ():
        said = f"Take back {asked.reference}, as {asked.by} asks"
        yield WaitingTask(said=said, since=asked.at, page="recall", of=asked.reference)
    if "enrol" in may:
        yield from _to_administer(session, caller, now)
    if "protect" in may:
        unread = transfer_lists.unread_notices(session)
        if unread.number:
            yield WaitingTask(said=f"Read {_number(unread, 'notice')}", since=unread.since, page="notices")
    if "enrol" in may:
        yield from _to_chase(session, now, sorted(behind, key=lambda one: one.due or date.max))


def _to_decide(session: Session, caller: Caller, held: ThingsWaiting) -> Iterator[WaitingTask]:
    """Yield tasks to decide on held files: releases proposed by others, files assigned, then the rest."""
    for reference in transfer_lists.releases_proposed(session, caller.sight)[:_EACH]:
        first = proposal(session, reference)
        if first is not None and name_of(first.by) != caller.name:
            said = f"Say yes or no to the release of {reference}, as proposed by {first.by}"
            yield WaitingTask(said=said, since=first.at, page="held-file", of=reference)
    mine = transfer_lists.given(session, caller.sight, caller.name)
    if mine.number:
        said = f"{_number(mine, 'held file')} {'was' if mine.number == 1 else 'were'} given to you"
        yield WaitingTask(said=said, since=mine.since, page="mine")
    if held.number:
        yield WaitingTask(said=f"Decide on {_number(held, 'held file')}", since=held.since, page="held")


def _to_administer(session: Session, caller: Caller, now: datetime) -> Iterator[WaitingTask]:
    """Yield tasks about proposed policies, about keys to confirm, and about faults of other systems."""
    first = policy_proposals.proposal(session)
    if first is not None and first.approved_by is None and name_of(first.by) != caller.name:
        said = f"Approve or withdraw the change of policies that {first.by} proposed"
        yield WaitingTask(said=said, since=first.at, page="policies")
    for provider, name, since in transfer_lists.keys_pending(session, _EACH):
        yield WaitingTask(said=f"Ring {name} to confirm its keys", since=since, page="school", of=provider)
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
    """Yield a task for each school with the oldest overdue data, and one with the number of the rest."""
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
