"""Record changes of policy: proposed by one person, approved by another, in force from a date.

The log records proposer and approver. The home's policies/ is a draft: an edit decides nothing before
proposal and approval.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.errors import GatewayError
from gateway.log.leaf import Kind, rfc3339
from gateway.policy.dates import local_day, moment
from gateway.record.dual_control import check_two, may_still
from gateway.registry import log
from gateway.registry.log import Entry

SUBJECT = "policies"
_ENDS = ("policy-withdrawn", "policy-loaded")
_LATE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProposal:
    """A proposal that the policies with a digest come into force at the moment `begins`.

    `by` proposed this at the time `at`. `approved_by`: None until another person has approved the proposal.
    """

    digest: str
    begins: datetime
    by: str
    at: datetime
    why: str | None
    approved_by: str | None = None

    def is_late(self, now: datetime) -> bool:
        """Return True if the policies are approved, and should have come into force minutes ago."""
        return self.approved_by is not None and self.begins + _LATE < now


def proposal(session: Session) -> PolicyProposal | None:
    """Return the open proposal of policies, approved or not; None if there is none.
    A proposal ends when withdrawn, or when policies come into force.
    """
    found: PolicyProposal | None = None
    for event in log.events(session, SUBJECT):
        if event.kind == "policy-proposed":
            fields = event.fields
            found = PolicyProposal(
                digest=str(fields["sha256"]),
                begins=datetime.fromisoformat(str(fields["begins"])),
                by=event.actor or "",
                at=event.at,
                why=event.note,
            )
        elif event.kind == "policy-approved" and found is not None:
            found = replace(found, approved_by=event.actor)
        elif event.kind in _ENDS:
            found = None
    return found


def loaded(session: Session) -> list[str]:
    """Return the digests of all policies ever in force, in order; the last is in force now."""
    events = log.events(session, SUBJECT, kind="policy-loaded")
    return [str(event.fields["sha256"]) for event in events]


def last_loaded(session: Session, kind: Kind = "policy-loaded") -> str | None:
    """Return the digest in the log's last entry of a `kind`, by default of the policies in force.
    Return None if the log has no such entry.
    """
    event = log.latest(session, kind)
    return None if event is None else str(event.fields["sha256"])


def last_step(session: Session, digest: str) -> int:
    """Return the number of the log's last entry on a proposal or withdrawal of policies; 0 if there is none.
    If `digest` is that of the policies in force, only entries from before they came into force count.
    """
    events = [*log.events(session, SUBJECT)]
    if loaded(session)[-1:] == [digest]:
        while events.pop().kind != "policy-loaded":
            pass
    steps = (each.number for each in reversed(events) if each.kind in {"policy-proposed", "policy-withdrawn"})
    return next(steps, 0)


def beginning(on: date | None, now: datetime, zone: str) -> datetime:
    """Return when policies come into force: `now`, or at the start of a later day `on` in the zone `zone`."""
    return now if on is None or on <= local_day(now, zone) else moment(on, time(), zone)


def propose(
    session: Session, digest: str, begins: datetime, *, by: str, why: str | None, at: datetime
) -> None:
    """Record a proposal of policies, which replaces a proposal not approved yet.
    Raises GatewayError if the policies are in force already, or while an approved proposal waits for its day.
    """
    if last_loaded(session) == digest:
        raise GatewayError("these policies are in force already: nothing differs")
    known = proposal(session)
    if known is not None and known.approved_by is not None:
        raise GatewayError(
            f"other policies are approved from {rfc3339(known.begins)} on: gateway policy withdraw"
        )
    _note(session, "policy-proposed", {"sha256": digest, "begins": rfc3339(begins)}, by, why, at)


def approve(session: Session, *, by: str, at: datetime, digest: str | None = None) -> PolicyProposal:
    """Record the approval of the proposed policies by a second person; return the proposal.
    GatewayError if the person may not approve, or no such proposal waits (`to_approve`).
    """
    known = to_approve(session, by=by, at=at, digest=digest)
    _note(session, "policy-approved", {"sha256": known.digest}, by, None, at)
    return known


def to_approve(session: Session, *, by: str, at: datetime, digest: str | None = None) -> PolicyProposal:
    """Return the unapproved proposal of policies, if the person `by` may approve the proposal.
    Raises GatewayError if no proposal waits, if the digest of the policies proposed does not begin with
    `digest`, if `by` may be the proposer, and if the proposer may not change policies any more.
    """
    known = proposal(session)
    if known is None or known.approved_by is not None:
        raise GatewayError("nothing is proposed that waits for an approval: gateway policy propose DIR")
    if digest is not None and not known.digest.startswith(digest):
        raise GatewayError(f"what is proposed is {known.digest}, not {digest}")
    said = f"{known.by} proposed it: somebody else must approve it"
    check_two(session, known.by, by, since=known.at, at=at, said=said)
    if not may_still(session, known.by, AccessRight.ENROL, since=known.at):
        raise GatewayError(f"{known.by} proposed it, and changes no policies any more: propose it anew")
    return known


def withdraw(session: Session, *, by: str, why: str | None, at: datetime) -> PolicyProposal:
    """Withdraw the proposal of policies, approved or not. Raise GatewayError if there is none."""
    known = proposal(session)
    if known is None:
        raise GatewayError("nothing is proposed")
    _note(session, "policy-withdrawn", {"sha256": known.digest}, by, why, at)
    return known


def before(session: Session) -> str:
    """Return the digest of the policies in force before the present policies.
    Raises GatewayError if no others were in force before.
    """
    past = loaded(session)
    earlier = [digest for digest in past if digest != past[-1]]
    if not earlier:
        raise GatewayError("no other policies were in force before: there is nothing to go back to")
    return earlier[-1]


def _note(  # noqa: PLR0917 - what an entry is made of
    session: Session, kind: Kind, fields: dict[str, str | int], by: str, why: str | None, at: datetime
) -> None:
    entry = Entry(kind=kind, subject=SUBJECT, fields=fields, actor=by, note=why)
    log.append(session, [entry], at)
