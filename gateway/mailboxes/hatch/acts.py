"""Acts of weight: each asks for the person's passkey, is theirs by name, and is done by `record`."""

from __future__ import annotations

from gateway.errors import GatewayError
from gateway.mailboxes.hatch.counter import Caller, Counter, MayNotError
from gateway.mailboxes.hatch.held_files import look_at
from gateway.mailboxes.hatch.logins import check_signed
from gateway.record import redeliveries, releases, withdrawals
from gateway.record.second_person import COUNTS
from gateway.registry import log
from gateway.registry.deliveries import find_delivered
from gateway.registry.log import Entry
from gateway.zones.hatch.answers import Done
from gateway.zones.hatch.questions import (
    ConfirmRelease,
    EndRecall,
    RecallFile,
    RefuseFile,
    ReleaseFile,
    ReturnFile,
)

WHY_LENGTH = 400


def release(counter: Counter, caller: Caller, act: ReleaseFile) -> Done:
    """Send a held file on, or propose to."""
    why = _checked(counter, caller, act.reference, act.why)
    check_signed(counter, caller, act)
    with counter.registrar() as registrar:
        asked = releases.release(
            registrar,
            act.reference,
            by=caller.name,
            why=why,
            data_type=act.data_type,
            teams=act.teams,
            override=act.override,
        )
    if asked.forbidden:
        return Done(sentence=f"{act.reference} waits for a second person, who confirms it here.")
    return Done(sentence=f"{act.reference} is released to {', '.join(asked.teams)}.")


def confirm_release(counter: Counter, caller: Caller, act: ConfirmRelease) -> Done:
    """Allow, as a second person, what a first one proposed."""
    why = _checked(counter, caller, act.reference, act.why)
    check_signed(counter, caller, act)
    with counter.registrar() as registrar:
        asked = releases.confirm(registrar, act.reference, by=caller.name, why=why)
    return Done(sentence=f"{act.reference} is released to {', '.join(asked.teams)}.")


def return_file(counter: Counter, caller: Caller, act: ReturnFile) -> Done:
    """Send a held file back with advice."""
    advice = _checked(counter, caller, act.reference, act.advice)
    check_signed(counter, caller, act)
    with counter.registrar() as registrar:
        releases.send_back(registrar, act.reference, by=caller.name, advice=advice)
    return Done(sentence=f"{act.reference} is returned to its sender, whose receipt has your advice.")


def refuse_file(counter: Counter, caller: Caller, act: RefuseFile) -> Done:
    """Refuse a held file for good."""
    why = _checked(counter, caller, act.reference, act.why)
    check_signed(counter, caller, act)
    with counter.registrar() as registrar:
        releases.refuse(registrar, act.reference, by=caller.name, why=why)
    return Done(sentence=f"{act.reference} is refused.")


def recall(counter: Counter, caller: Caller, act: RecallFile) -> Done:
    """Take a file out of every mailbox; or, without that right, ask those who have it."""
    why = reason(act.why)
    _check_is_theirs(counter, caller, act.reference)
    check_signed(counter, caller, act)
    if "recall" not in caller.may:
        _ask_for_recall(counter, caller, act.reference, why)
        return Done(sentence=f"That {act.reference} be recalled is asked for: whoever may do it sees it.")
    with counter.registrar() as registrar:
        withdrawals.withdraw(registrar, act.reference, by=caller.name, why=why)
    return Done(
        sentence=f"{act.reference} is out of every mailbox. A second person decides whether it comes back."
    )


def end_recall(counter: Counter, caller: Caller, act: EndRecall) -> Done:
    """Decide as a second person whether a file that was taken back stays so."""
    why = reason(act.why)
    with counter.desk.registry.read() as session:
        transfer = look_at(session, caller, act.reference)
        withdrawals.check_second(session, transfer, caller.name, counter.clock())
    check_signed(counter, caller, act)
    with counter.registrar() as registrar:
        if act.again:
            given = redeliveries.redeliver(registrar, act.reference, by=caller.name, why=why)
            return Done(sentence=f"{act.reference} is in the mailboxes of {', '.join(given.teams)} again.")
        withdrawals.withdraw_for_good(registrar, act.reference, by=caller.name, why=why)
    return Done(sentence=f"{act.reference} is withdrawn for good; its sender is told.")


def _checked(counter: Counter, caller: Caller, reference: str, why: str) -> str:
    """The reason, where the person may decide on that file."""
    with counter.desk.registry.read() as session:
        look_at(session, caller, reference)
    return reason(why)


def reason(why: str) -> str:
    """A reason as it goes on record: one line of text. GatewayError where it is none."""
    said = " ".join(why.split())
    if not said or len(said) > WHY_LENGTH or not said.isprintable():
        raise GatewayError(f"Say why, in one to {WHY_LENGTH} characters; name no child.")
    return said


def _check_is_theirs(counter: Counter, caller: Caller, reference: str) -> None:
    """MayNotError unless the file is in a mailbox of theirs, or they may recall any."""
    if "recall" in caller.may:
        return
    with counter.desk.registry.read() as session:
        found = any(find_delivered(session, team, reference, person=caller.name) for team in caller.teams)
    if not found:
        raise MayNotError("That file is in none of your mailboxes.")


def _ask_for_recall(counter: Counter, caller: Caller, reference: str, why: str) -> None:
    now = counter.clock()
    entry = Entry(
        kind="act-proposed", subject=reference, fields={"what": "recall"}, actor=caller.name, note=why
    )
    with counter.desk.registry.write() as session:
        before = [
            event
            for event in log.events(session, reference, kind="act-proposed")
            if event.at > now - COUNTS and event.actor == caller.name
        ]
        if before:
            raise GatewayError("You have asked for that already.")
        log.append(session, [entry], now)
        log.sign_head(session, counter.desk.log_key, counter.desk.log_origin, now)
