"""Policies: differences between versions, their consequences, and approval by a second person."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from gateway.errors import NotFoundError
from gateway.mailboxes.console_api.acts import reason
from gateway.mailboxes.console_api.context import Caller, ConsoleContext
from gateway.mailboxes.console_api.logins import check_signed
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import local_day
from gateway.policy.edits import edits
from gateway.policy.explain import diff as outcomes
from gateway.policy.lawful import names_today
from gateway.record import policy_proposals as proposals
from gateway.record.dual_control import why_not_two
from gateway.record.simulation import simulate
from gateway.zones.console_api import evidence_questions as asked
from gateway.zones.console_api.answers import Done
from gateway.zones.console_api.evidence_answers import (
    ChangeSeen,
    EditSeen,
    NameSeen,
    PoliciesSeen,
    ProposedSeen,
    SimulationSeen,
)


def ask_policies(console: ConsoleContext, caller: Caller, question: asked.AskPolicies) -> PoliciesSeen:
    """Return the versions, the proposal, and the differences; by default those of the proposal."""
    catalogue = console.catalogue()
    names = names_today(catalogue, local_day(console.clock(), catalogue.calendar.timezone))
    with console.mailboxes.registry.read() as session:
        past, found = proposals.loaded(session), proposals.proposal(session)
        known = {*past, *([found.digest] if found else [])}
        before = question.before or (past[-1] if past else None)
        after = question.after or (found.digest if found else None)
        if not {before, after} <= {*known, None}:
            raise NotFoundError("there is no such version")
        comparable = before is not None and after is not None and before != after
        old, new = (_folder(console, digest) for digest in (before, after)) if comparable else (None, None)
        return PoliciesSeen(
            versions=tuple(dict.fromkeys(past)),
            proposed=None if found is None else _proposed(session, found, caller, console.clock()),
            before=before,
            after=after,
            edits=tuple(_differences(console, old, new)) if old and new else (),
            simulation=_simulated(session, console, old, new, question.days) if old and new else None,
            names=tuple(NameSeen(cited=one.cited, today=one.today) for one in names),
        )


def approve(console: ConsoleContext, caller: Caller, act: asked.ApprovePolicies) -> Done:
    """Approve another person's proposal, unless replaced meanwhile."""
    with console.mailboxes.registry.read() as session:
        proposals.to_approve(session, by=caller.name, at=console.clock(), digest=act.digest)
    check_signed(console, caller, act)
    now = console.clock()
    with console.registrar() as registrar, registrar.registry.write() as session:
        approved = proposals.approve(session, by=caller.name, at=now, digest=act.digest)
        registrar.sign_head(session, now)
    when = "within a minute" if approved.begins <= now else f"from {approved.begins:%d %b %Y, %H:%M} UTC on"
    return Done(sentence=f"The policies {approved.digest[:16]}… are approved, and decide {when}.")


def withdraw(console: ConsoleContext, caller: Caller, act: asked.WithdrawPolicies) -> Done:
    """Withdraw a proposal, or an approval for a future day."""
    why = reason(act.why)
    check_signed(console, caller, act)
    now = console.clock()
    with console.registrar() as registrar, registrar.registry.write() as session:
        taken_back = proposals.withdraw(session, by=caller.name, why=why, at=now)
        registrar.sign_head(session, now)
    return Done(sentence=f"The policies {taken_back.digest[:16]}… are withdrawn.")


def _folder(console: ConsoleContext, digest: str | None) -> Path:
    folder = console.home.version(digest or "")
    if not folder.is_dir():
        raise NotFoundError("that version is no longer kept here")
    return folder


def _proposed(
    session: Session, found: proposals.PolicyProposal, caller: Caller, at: datetime
) -> ProposedSeen:
    may = "enrol" in caller.may and found.approved_by is None
    may = may and why_not_two(session, found.by, caller.name, since=found.at, at=at) is None
    return ProposedSeen(
        digest=found.digest,
        by=found.by,
        at=found.at,
        why=found.why,
        begins=found.begins,
        approved_by=found.approved_by,
        may_approve=may,
    )


def _differences(console: ConsoleContext, old: Path, new: Path) -> Iterator[EditSeen]:
    """Yield differing settings, loss of protection first, then differing outcomes."""
    for one in edits(old, new):
        yield EditSeen(
            weight=one.weight,
            place=f"{one.file}, {one.entry}",
            does=one.does,
            before=one.before,
            after=one.after,
        )
    for each in outcomes(load_catalogue(old), load_catalogue(new), console.clock()):
        yield EditSeen(
            weight="outcome",
            place=f"{each.data_type} of a {each.provider_kind}",
            does=f"for {each.team}" if each.team else "",
            before=each.before,
            after=each.after,
        )


def _simulated(
    session: Session, console: ConsoleContext, old: Path, new: Path, days: int | None
) -> SimulationSeen | None:
    if days is None:
        return None
    since = console.clock() - timedelta(days=days)
    found = simulate(session, load_catalogue(old), load_catalogue(new), since)
    return SimulationSeen(
        days=days,
        files=found.files,
        same=found.same,
        changes=tuple(
            ChangeSeen(files=count, before=was.told, after=becomes.told, such_as=some)
            for was, becomes, count, some in found.changes
        ),
    )
