"""The mailboxes of a person's teams, as shown by the console."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from gateway.acts.mailboxes import ListMailbox
from gateway.mailboxes.console_api.context import Caller, ConsoleContext
from gateway.mailboxes.console_api.showing_files import (
    file_seen,
    findings_seen,
    happened,
    team_named,
    type_named,
)
from gateway.mailboxes.mailbox_access import UNDO, MailboxAccess
from gateway.mailboxes.names import file_name
from gateway.model import Basis, Classified, Counting, counted
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import left_out
from gateway.registry import log, providers, saved_filters
from gateway.registry.deliveries import DeliveriesWanted, Delivery, count_delivered, count_removed, removed
from gateway.registry.transfer_lists import MOST
from gateway.registry.transfers import contents_of
from gateway.zones.console_api.answers import Done, FileTold, MailboxSeen, Named, SavedTold
from gateway.zones.console_api.questions import AskFile, AskMailbox, DealWith

PAGE = 50


def ask_mailbox(console: ConsoleContext, caller: Caller, question: AskMailbox) -> MailboxSeen:
    """Return a page of a team's files. Declined for a person outside the team."""
    mailboxes, catalogue = console.mailboxes, console.catalogue()
    found = _files(mailboxes, caller, question)
    shown = found[:PAGE]
    with mailboxes.registry.read() as session:
        names, number = providers.names(session), _number(session, mailboxes, caller, question)
        saved = saved_filters.of_person(session, caller.name, ListMailbox.command)
    return MailboxSeen(
        team=team_named(catalogue, question.team),
        files=tuple(file_seen(each, catalogue, names) for each in shown),
        providers=tuple(Named(id=each, name=names[each]) for each in sorted(names, key=names.__getitem__)),
        data_types=tuple(_types_of(question.team, catalogue)),
        next=shown[-1].sequence if len(found) > PAGE else None,
        total=min(number, MOST - 1),
        more=number >= MOST,
        saved=tuple(
            SavedTold.model_validate(one) for one in saved if f"team={question.team}" in one.query.split("&")
        ),
    )


def _types_of(team: str, catalogue: Catalogue) -> Iterator[Named]:
    """Yield the data types a team gets by some flow."""
    for flow in catalogue.flows.flow:
        for each in flow.data_type:
            if team in each.teams and (named := type_named(catalogue, each.id)):
                yield named


def _number(session: Session, mailboxes: MailboxAccess, caller: Caller, question: AskMailbox) -> int:
    """Count the files of all pages, at most MOST."""
    if question.removed:
        since = mailboxes.clock() - UNDO
        return count_removed(session, question.team, since, person=caller.name, most=MOST)
    return count_delivered(session, question.team, _wanted(question), person=caller.name, most=MOST)


def _wanted(question: AskMailbox) -> DeliveriesWanted:
    return DeliveriesWanted(
        new=question.new, data_type=question.data_type, provider=question.provider, period=question.period
    )


def _files(mailboxes: MailboxAccess, caller: Caller, question: AskMailbox) -> list[Delivery]:
    """Return one file more than a page, to show if another page follows."""
    # Removed files come from another query; this call still checks the team.
    limit = 1 if question.removed else PAGE + 1
    found = mailboxes.chosen(caller.person, question.team, _wanted(question), question.before, limit)
    if not question.removed:
        return list(found)
    since = mailboxes.clock() - UNDO
    with mailboxes.registry.read() as session:
        return list(
            removed(session, question.team, since, person=caller.name, before=question.before, limit=PAGE + 1)
        )


def ask_file(console: ConsoleContext, caller: Caller, question: AskFile) -> FileTold:
    """Return the facts about a file without opening it, limited to the team's view for this person.

    A team with counts alone learns no count of the content; with records of children left out for the person,
    nothing about single records is shown.
    """
    mailboxes, catalogue = console.mailboxes, console.catalogue()
    place = mailboxes.place(caller.person, question.team, question.reference, removed=question.removed)
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
    return FileTold(
        file=file_seen(delivery, catalogue, names),
        pupils=known.pupils if known and every else None,
        findings=findings_seen(known) if every else (),
        findings_told=every,
        items=tuple(item for item in (known.items if known else ()) if item not in lacking),
        left_out=about.decode(),
        opened=tuple(
            each for each in happened(events) if each.team == question.team and each.what == "downloaded"
        ),
    )


def deal_with(console: ConsoleContext, caller: Caller, question: DealWith) -> Done:
    """Mark files as dealt with, or put them back."""
    own = OwnMailboxes(console, caller)
    return Done(sentence=own.deal_with(question.team, question.references, undo=question.undo))


@dataclass(frozen=True, slots=True)
class OwnMailboxes:
    """The mailboxes of a caller's teams, for acts."""

    console: ConsoleContext
    caller: Caller

    def files(
        self,
        team: str,
        limit: int,
        before: int | None,
        *,
        new: bool,
        data_type: str | None,
        provider: str | None,
        period: str | None,
    ) -> Sequence[Mapping[str, Any]]:
        """Return at most `limit` files, latest first. Declined for a person outside the team."""
        wanted = DeliveriesWanted(new=new, data_type=data_type, provider=provider, period=period)
        return [
            {
                "reference": each.reference,
                "sequence": each.sequence,
                "provider": each.provider,
                "data_type": each.data_type,
                "period": each.period,
                "landed_at": each.landed_at,
                "size": each.content_size if each.whole else None,
                "new": not each.collected,
                "name": file_name(each),
            }
            for each in self.console.mailboxes.chosen(self.caller.person, team, wanted, before, limit)
        ]

    def deal_with(self, team: str, references: Sequence[str], *, undo: bool) -> str:
        """Mark files as dealt with, or put them back; each file is logged separately."""
        mailboxes = self.console.mailboxes
        for reference in references:
            place = mailboxes.place(self.caller.person, team, reference, removed=undo)
            (mailboxes.restore if undo else mailboxes.deal_with)(self.caller.person, place)
        files = counted(len(references), "file is", "files are")
        return f"{files} {'back in the mailbox' if undo else 'marked as dealt with'}."
