"""Take a file back from mailboxes, or ask those who may."""

from gateway.errors import GatewayError
from gateway.mailboxes.console_api.context import Caller, ConsoleContext, MayNotError
from gateway.mailboxes.console_api.logins import check_signed
from gateway.record import delivered
from gateway.record.dual_control import COUNTS
from gateway.registry import log
from gateway.registry.deliveries import find_delivered
from gateway.registry.log import Entry
from gateway.zones.console_api.answers import Done
from gateway.zones.console_api.questions import RecallFile

WHY_LENGTH = 400


def recall(console: ConsoleContext, caller: Caller, act: RecallFile) -> Done:
    """Recall a file from every mailbox; a caller without the right to recall asks those with the right."""
    why = reason(act.why)
    _check_is_theirs(console, caller, act.reference)
    check_signed(console, caller, act)
    if "recall" not in caller.may:
        now = console.clock()
        entry = Entry(
            kind="act-proposed", subject=act.reference, fields={"what": "recall"}, actor=caller.name, note=why
        )
        with console.mailboxes.registry.write() as session:
            before = [
                event
                for event in log.events(session, act.reference, kind="act-proposed")
                if event.at > now - COUNTS and event.actor == caller.name
            ]
            if before:
                raise GatewayError("You have asked for that already.")
            log.append(session, [entry], now)
            log.sign_head(session, console.mailboxes.log_key, console.mailboxes.log_origin, now)
        return Done(sentence=f"That {act.reference} be recalled is asked for: whoever may do it sees it.")
    with console.registrar() as registrar:
        delivered.withdraw(registrar, act.reference, by=caller.name, why=why)
    return Done(
        sentence=f"{act.reference} is out of every mailbox. A second person decides whether it comes back."
    )


def reason(why: str) -> str:
    """Return a reason as recorded: one line of text. GatewayError if empty, too long or not printable."""
    said = " ".join(why.split())
    if not said or len(said) > WHY_LENGTH or not said.isprintable():
        raise GatewayError(f"Say why, in one to {WHY_LENGTH} characters; name no child.")
    return said


def _check_is_theirs(console: ConsoleContext, caller: Caller, reference: str) -> None:
    """Raise MayNotError unless the file is in one of the caller's mailboxes, or the caller may recall any."""
    if "recall" in caller.may:
        return
    with console.mailboxes.registry.read() as session:
        found = any(find_delivered(session, team, reference, person=caller.name) for team in caller.teams)
    if not found:
        raise MayNotError("That file is in none of your mailboxes.")
