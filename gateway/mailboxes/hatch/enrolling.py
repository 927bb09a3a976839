"""Many schools are enrolled or changed at once, from a list, as the command does it."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import GatewayError
from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.mailboxes.hatch.key_acts import enrolling
from gateway.mailboxes.hatch.logins import check_signed
from gateway.model import NewKey
from gateway.record.enroller import Enroller
from gateway.record.provider_list import AS_BEFORE, ListTakenIn, TriedError, take_in
from gateway.zones.hatch import school_acts as asked
from gateway.zones.hatch.answers import Done
from gateway.zones.hatch.school_answers import ListedSeen, ListTried


def try_import(counter: Counter, caller: Caller, question: asked.TryImport) -> ListTried:
    """What would come of a list. Nothing of it stays."""
    taken: ListTakenIn | None = None
    try:
        with enrolling(counter, caller) as (enroller, _):
            taken = _taken_in(counter, enroller, question.text)
            raise TriedError  # noqa: TRY301 - the transaction is given up by leaving it
    except TriedError:
        pass
    if taken is None:
        raise GatewayError("The list could not be tried.")
    return ListTried(
        lines=tuple(
            ListedSeen(
                line=one.listed.line,
                id=one.listed.id,
                name=one.listed.name,
                kind=one.listed.kind,
                dfe_number=one.listed.dfe_number,
                urn=one.listed.urn,
                role=one.listed.role,
                email=one.listed.email,
                telephone=one.listed.telephone,
                what=one.what,
            )
            for one in taken.lines
        ),
        passed_over=tuple(f"line {line}: {why}" for line, why in taken.read.passed_over),
        changes=sum(one.what != AS_BEFORE for one in taken.lines),
    )


def import_schools(counter: Counter, caller: Caller, act: asked.ImportSchools) -> Done:
    """Put a list on record, all of it or nothing."""
    check_signed(counter, caller, act)
    with enrolling(counter, caller) as (enroller, _):
        taken = _taken_in(counter, enroller, act.text)
    new = sum(one.what == "new" for one in taken.lines)
    same = sum(one.what == AS_BEFORE for one in taken.lines)
    changed = len(taken.lines) - new - same
    return Done(sentence=f"The list is taken in: {new} new, {changed} changed, {same} as they were.")


def _taken_in(counter: Counter, enroller: Enroller, text: str) -> ListTakenIn:
    return take_in(enroller, text.encode(), counter.catalogue().bodies, Path(), _no_key)


def _no_key(_: Path) -> NewKey:
    """A list from a browser names no files here."""
    raise GatewayError("it names a key file: leave that column out, and add keys on the school's own page")
