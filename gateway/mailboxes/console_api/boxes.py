"""The mailboxes of a person's teams, as shown by the console, and the recall of a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, Reference, Why, argument, columns_of
from gateway.acts.mailboxes import ListMailbox
from gateway.acts.recalls import WithdrawTransfer
from gateway.acts.transfers import happened
from gateway.errors import GatewayError, NotFoundError
from gateway.mailboxes.console_api.context import Caller, ConsoleContext, DecliningError
from gateway.mailboxes.console_api.showing_files import (
    OR_DEFAULT,
    Before,
    file_row,
    file_seen,
    findings_seen,
    team_named,
    type_named,
)
from gateway.mailboxes.mailbox_access import UNDO
from gateway.model import Basis, Classified, Counting, counted
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import left_out
from gateway.record.dual_control import COUNTS
from gateway.registry import deliveries, log, providers, staff
from gateway.registry.deliveries import DeliveriesWanted, find_delivered
from gateway.registry.transfer_lists import MOST
from gateway.registry.transfers import contents_of
from gateway.zones.console_api import Named, Shown

PAGE = 50


def ask_mailbox(
    console: ConsoleContext,
    caller: Caller,
    *,
    team: str,
    new: Annotated[bool, OR_DEFAULT] = False,
    provider: str | None = None,
    data_type: str | None = None,
    period: str | None = None,
    removed: Annotated[bool, OR_DEFAULT] = False,
    before: Before = None,
) -> Shown:
    """Return a page of a team's files below the sequence `before`, latest first, as far as the filters match.

    `removed`: files dealt with by the team, still restorable. Declined for a person outside the team.
    """
    mailboxes, catalogue = console.mailboxes, console.catalogue()
    wanted = DeliveriesWanted(new=new, data_type=data_type, provider=provider, period=period)
    if removed:  # All of them: the filters are of those that wait.
        wanted = DeliveriesWanted(removed_since=mailboxes.clock() - UNDO)
    found = mailboxes.chosen(caller.person, team, wanted, before, PAGE + 1)
    with mailboxes.registry.read() as session:
        number = deliveries.count_delivered(session, team, wanted, person=caller.name, most=MOST)
        names = providers.names(session)
        saved = staff.saved_filters(session, caller.name, ListMailbox.command)
    shown = found[:PAGE]
    return {
        "team": team_named(catalogue, team),
        "files": [file_seen(each, catalogue, names) for each in shown],
        "providers": [Named(id=each, name=names[each]) for each in sorted(names, key=names.__getitem__)],
        "data_types": [*_types_of(team, catalogue)],
        "asked": {
            "new": new,
            "removed": removed,
            "provider": provider,
            "data_type": data_type,
            "period": period,
        },
        "next": shown[-1].sequence if len(found) > PAGE else None,
        "total": min(number, MOST - 1),
        "more": number >= MOST,
        "saved": columns_of(
            (one for one in saved if f"team={team}" in one.query.split("&")), "name", "query"
        ),
    }


def _types_of(team: str, catalogue: Catalogue) -> Iterator[Named]:
    """Yield the data types that some flow routes to a team."""
    for flow in catalogue.flows.flow:
        for each in flow.data_type:
            if team in each.teams and (named := type_named(catalogue, each.id)):
                yield named


def ask_file(
    console: ConsoleContext,
    caller: Caller,
    *,
    team: str,
    reference: str,
    removed: Annotated[bool, OR_DEFAULT] = False,
) -> Shown:
    """Return the facts about a file that the team's view shows a person, without opening the file.

    A team with counts alone gets no count of the content. Where records of children are left out for the
    person, nothing about single records is shown.
    """
    mailboxes, catalogue = console.mailboxes, console.catalogue()
    place = mailboxes.place(caller.person, team, reference, removed=removed)
    order = mailboxes.order(caller.person, place)
    delivery = order.delivery
    with mailboxes.registry.read() as session:
        content = contents_of(session, [delivery.sequence]).get(delivery.sequence)
        about = mailboxes.showing.abouts(session, [delivery], caller.name).get(delivery.sequence, b"")
        names = providers.names(session)
        events = log.events(session, delivery.reference)
    known = content if isinstance(content, Classified) and not isinstance(order.basis, Counting) else None
    lacking = left_out(known, order.basis) if known and isinstance(order.basis, Basis) else ()
    every = known is not None and not order.apart
    return {
        "file": file_seen(delivery, catalogue, names),
        "team": team,
        "removed": removed,
        "pupils": known.pupils if known and every else None,
        "findings": findings_seen(known) if every else (),
        "findings_told": every,
        "items": [item for item in (known.items if known else ()) if item not in lacking],
        "left_out": about.decode(),
        "opened": [
            each for each in happened(events) if each["team"] == team and each["what"] == "downloaded"
        ],
    }


@dataclass(frozen=True, slots=True)
class OwnMailboxes:
    """The mailboxes of a caller's teams, for the acts on them."""

    console: ConsoleContext
    caller: Caller

    def files(
        self, team: str, wanted: DeliveriesWanted, limit: int, before: int | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return the latest `limit` files of a team by the filter. Declined for a person outside the team."""
        found = self.console.mailboxes.chosen(self.caller.person, team, wanted, before, limit)
        return [*map(file_row, found)]

    def have(self, reference: str) -> bool:
        """Return True if a file is in the mailbox of one of the caller's teams."""
        with self.console.mailboxes.registry.read() as session:
            return any(
                find_delivered(session, team, reference, person=self.caller.name)
                for team in self.caller.teams
            )

    def deal_with(self, team: str, references: Sequence[str], *, undo: bool) -> str:
        """Mark a team's files as dealt with, or undo that; return a sentence. Each file is logged."""
        mailboxes = self.console.mailboxes
        for reference in references:
            place = mailboxes.place(self.caller.person, team, reference, removed=undo)
            (mailboxes.restore if undo else mailboxes.deal_with)(self.caller.person, place)
        files = counted(len(references), "file is", "files are")
        return f"{files} {'back in the mailbox' if undo else 'marked as dealt with'}."


class RecallFile(Act, command="recall", right=AccessRight.PERSON):
    """Recall a file from every mailbox; a person without the right to recall asks those with the right."""

    of_any_file: ClassVar = True  # Whoever may not recall any file recalls one of the own mailboxes.

    reference: Reference = argument("The file, as its receipt names it.", metavar="REF")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Recall the file or, without the right to recall, record a request. GatewayError if asked already.

        DecliningError for a file in none of the person's mailboxes, unless the person may recall any.
        """
        if not isinstance(own := context.mailboxes, OwnMailboxes):
            raise NotFoundError("the mailboxes are not here")
        said = f"{self.reference} is out of every mailbox. A second person decides whether it comes back."
        if AccessRight.RECALL in own.caller.may:
            WithdrawTransfer(reference=self.reference, why=self.why).carry_out(context)
            return ActDone(said)
        if not own.have(self.reference):
            raise DecliningError("That file is in none of your mailboxes.")
        with context.recording() as record:
            asked = log.events(record.session, self.reference, kind="act-proposed")
            if any(event.at > record.at - COUNTS and event.actor == record.by for event in asked):
                raise GatewayError("You have asked for that already.")
            record.note("act-proposed", self.reference, {"what": "recall"}, self.why)
        return ActDone(f"That {self.reference} be recalled is asked for: whoever may do it sees it.")
