"""Answer questions about the policies, and let one person propose an edit and a second person approve it."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field
from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import Why, option
from gateway.acts.listing import columns_of
from gateway.errors import GatewayError, NotFoundError
from gateway.mailboxes.console_api.context import OR_DEFAULT, Caller, ConsoleContext
from gateway.policy.catalogue import load_catalogue, policy_digest, policy_files
from gateway.policy.dates import local_day
from gateway.policy.edits import edits
from gateway.policy.explain import diff as outcomes
from gateway.policy.timescale import renamed_references
from gateway.record import policy_proposals as proposals
from gateway.record.dual_control import why_not_two
from gateway.record.policies_in_force import edited, folder_of, loses_protection, put_draft
from gateway.record.policy_check import check, simulate
from gateway.registry.tables import PolicyDraftRow
from gateway.zones.console_api import Shown

_NOT_KEPT = (
    "These policies are kept within a minute, and can be approved here then. Those that lose protection are "
    "approved on the machine of the gateway alone."
)
_LOSES = "These policies lose protection, and are approved with gateway policy approve alone."


_TRIED_DAYS = 180
"""The past days whose files an edit of the policies is tried on."""


def ask_policies(
    console: ConsoleContext,
    caller: Caller,
    *,
    before: str | None = None,
    after: str | None = None,
    days: Annotated[int | None, Field(ge=1, le=3_660), OR_DEFAULT] = None,
) -> Shown:
    """Return the versions once in force, latest last, the proposal, and the differences between two versions.
    `before` and `after`: the digests of the two versions, by default the newest version and the proposal.
    `days`: if given, the answer has the outcomes of the past `days` that the version `after` would change. In
    the answer, `names` are documents that the agreement cites by an old name, each with the present name.
    """
    catalogue = console.catalogue()
    names = renamed_references(catalogue, local_day(console.clock(), catalogue.calendar.timezone))
    with console.mailboxes.registry.read() as session:
        past, found = proposals.loaded(session), proposals.proposal(session)
        known = {*past, *([found.digest] if found else [])}
        before = before or (past[-1] if past else None)
        after = after or (found.digest if found else None)
        if not {before, after} <= {*known, None}:
            raise NotFoundError("there is no such version")
        seen = {
            "versions": [*dict.fromkeys(past)],
            "proposed": None if found is None else _proposed(session, found, caller, console.clock()),
            "before": before,
            "after": after,
            "edits": (),
            "simulation": None,
            "names": columns_of(names, "cited", "today"),
        }
        if before is None or after is None or before == after:
            return seen
        with folder_of(session, console.home, before) as old, folder_of(session, console.home, after) as new:
            if old is None or new is None:
                raise NotFoundError("that version is no longer kept here")
            return seen | _compared(session, console, old, new, days)


def ask_edit(
    console: ConsoleContext, _caller: Caller, *, file: str = "", content: str | None = None
) -> Shown:
    """Return a policy file in force; by default the first.
    `content`: a new text of the file. If given, `tried` is True in the answer, which has the faults of the
    text or, without faults, the differences and consequences.
    """
    in_force = console.home.policies_in_force
    names = [path.name for path in policy_files(in_force)]
    file = file or names[0]
    if file not in names:
        raise NotFoundError(f"the policies have no file {file}")
    now = (in_force / file).read_text("utf-8")
    seen: Shown = {"files": names, "file": file, "content": now if content is None else content}
    seen |= {"tried": content is not None, "faults": (), "edits": (), "simulation": None}
    if content is None:
        return seen
    with edited(in_force, file, content) as other:
        if faults := check(other):
            return seen | {"faults": [*map(str, faults)]}
        with console.mailboxes.registry.read() as session:
            return seen | _compared(session, console, in_force, other, _TRIED_DAYS)


class ProposeEdit(Act, command="policies propose", right=AccessRight.ENROL):
    """Propose the policies in force with one file edited."""

    file: str = option("The file of the policies.")
    content: str = option("What is to stand in it.")
    on: date | None = option("From this day on; once it is approved, if not given.", None)
    why: Why

    tried: ClassVar = False  # The check writes a temporary copy of the policies.

    def effect(self, context: ActContext) -> str:
        """Return a sentence on the edit's effect, and on the approval needed. GatewayError for faults."""
        return self._checked(context.home.policies_in_force)[2]

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the proposal of the edited policies. GatewayError for faults in them."""
        in_force = context.home.policies_in_force
        digest, zone, effect = self._checked(in_force)
        with context.recording() as record:
            begins = proposals.beginning(self.on, record.at, zone)
            proposals.propose(record.session, digest, begins, by=record.by, why=self.why, at=record.at)
            draft = PolicyDraftRow(digest=digest, base=in_force.name, file=self.file, content=self.content)
            put_draft(record.session, draft)
        return ActDone(f"The policies {digest[:16]}… are proposed. {effect}")

    def _checked(self, in_force: Path) -> tuple[str, str, str]:
        """Return the digest, time zone and effect (in words) of edited policies. GatewayError for faults."""
        with edited(in_force, self.file, self.content) as other:
            if faults := check(other):
                raise GatewayError("; ".join(map(str, faults)))
            loses = loses_protection(in_force, other)
            digest, zone = policy_digest(other), load_catalogue(other).calendar.timezone
        where = "on the machine of the gateway, since protection is lost" if loses else "here"
        effect = f"{self.file} is changed. A second person approves it, {where}; nothing changes before."
        return digest, zone, effect


class ApproveProposal(Act, command="policies approve", right=AccessRight.ENROL):
    """Approve another person's proposal."""

    digest: str = option("The proposed policies, which none made meanwhile replaced.")

    def carry_out(self, context: ActContext) -> ActDone:
        """Approve the proposal as a second person.
        GatewayError if the proposal is another by now, or protects data less than the policies in force.
        """
        with context.recording() as record:
            approved = proposals.approve(record.session, by=record.by, at=record.at, digest=self.digest)
            version = context.home.version(approved.digest)
            if not version.is_dir():
                raise GatewayError(_NOT_KEPT)
            if faults := check(version):  # An earlier version of the gateway took them.
                raise GatewayError("; ".join(map(str, faults)))
            if loses_protection(context.home.policies_in_force, version):
                raise GatewayError(_LOSES)
        is_now = approved.begins <= record.at
        when = "within a minute" if is_now else f"from {approved.begins:%d %b %Y, %H:%M} UTC on"
        return ActDone(f"The policies {approved.digest[:16]}… are approved, and decide {when}.")


class WithdrawProposal(Act, command="policies withdraw", right=AccessRight.ENROL):
    """Withdraw a proposal, or an approval for a future day."""

    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Withdraw the proposal in the person's name."""
        with context.recording() as record:
            withdrawn = proposals.withdraw(record.session, by=record.by, why=self.why, at=record.at)
        return ActDone(f"The policies {withdrawn.digest[:16]}… are withdrawn.")


def _proposed(session: Session, found: proposals.PolicyProposal, caller: Caller, at: datetime) -> Shown:
    """Return a proposal of policies as a mapping; `may_approve` is True if the caller may approve it."""
    may = "enrol" in caller.may and found.approved_by is None
    may = may and why_not_two(session, found.by, caller.name, since=found.at, at=at) is None
    (seen,) = columns_of([found], "digest", "begins", "by", "at", "why", "approved_by")
    return seen | {"may_approve": may}


def _compared(session: Session, console: ConsoleContext, old: Path, new: Path, days: int | None) -> Shown:
    """Return the differences of two versions of the policies: edits, losses of protection first, and
    outcomes. `days`: if given, `simulation` in the answer has the outcomes of the past `days` that the
    version `new` would change; else it is None.
    """
    before, after = load_catalogue(old), load_catalogue(new)
    shown = [
        columns_of([one], "weight", "does", "before", "after")[0] | {"place": f"{one.file}, {one.entry}"}
        for one in edits(old, new)
    ]
    shown += [
        {
            "weight": "outcome",
            "place": f"{each.data_type} of a {each.provider_kind}",
            "does": f"for {each.team}" if each.team else "",
            "before": each.before,
            "after": each.after,
        }
        for each in outcomes(before, after, console.clock())
    ]
    if days is None:
        return {"edits": shown, "simulation": None}
    found = simulate(session, before, after, console.clock() - timedelta(days=days))
    return {"edits": shown, "simulation": {"days": days} | found}
