"""Answer questions about a person's mailboxes and held files; carry out the recall of a file."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from sqlmodel import Session

from gateway.access import AccessRight, LookingTeams, may_know, rights_of
from gateway.acts import headings, held_decisions
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import Reference, Why, argument
from gateway.acts.listing import columns_of
from gateway.acts.mailboxes import ListMailbox
from gateway.acts.recalls import WithdrawTransfer
from gateway.acts.transfers import happened
from gateway.classify.findings import FINDINGS, describe, is_of
from gateway.errors import GatewayError, NotFoundError
from gateway.home import shown_name
from gateway.mailboxes.console_api.context import (
    OR_DEFAULT,
    Before,
    Caller,
    ConsoleContext,
    DecliningError,
    team_named,
    type_named,
)
from gateway.mailboxes.names import HELD, file_name
from gateway.model import Basis, Classified, ContentRefused, Counting, Finding, Transfer, counted
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import left_out
from gateway.reasons import for_officers, waits_for_second
from gateway.record.dual_control import PROPOSAL_LASTS, name_of, proposed
from gateway.record.registrar import Rulebook
from gateway.registry import deliveries, log, providers, roles, staff, transfer_lists, transfers
from gateway.registry.deliveries import ALL, DeliveriesWanted, Delivery, find_delivered
from gateway.registry.sight import is_sensitive, sees
from gateway.registry.transfer_lists import MOST, TransfersWanted
from gateway.registry.transfers import contents_of
from gateway.ssh.answers import NO_SUCH_FILE, Declined
from gateway.zones.console_api import PAGE, Named, Shown

_UNLISTED = ("position", "header", "place", "filled", "kind", "topic")


def file_row(delivery: Delivery) -> Shown:
    """Convert a delivery to a list row, with ids for names. Only a file shown as sent has a `size`."""
    names = ("reference", "sequence", "provider", "data_type", "period", "landed_at")
    return columns_of([delivery], *names)[0] | {
        "size": delivery.content_size if delivery.whole else None,
        "new": not delivery.collected,
        "name": file_name(delivery),
    }


def file_seen(delivery: Delivery, catalogue: Catalogue, names: Mapping[str, str]) -> Shown:
    """Convert a delivery to a list row, with the names of school and kind of data."""
    return file_row(delivery) | {
        "provider": Named(id=delivery.provider, name=names.get(delivery.provider, delivery.provider)),
        "data_type": type_named(catalogue, delivery.data_type) if delivery.data_type else None,
    }


def findings_seen(
    content: Classified | ContentRefused | None, lacking: Collection[str] = ()
) -> tuple[Shown, ...]:
    """Return the findings about a file for a page, without findings whose code this version does not know.
    `lacking`: labels of items that the reader may not have. Findings about them are left out, because a
    finding names records that have a value of the item.
    """
    found: tuple[Finding, ...] = content.findings if isinstance(content, Classified) else ()
    return tuple(
        {"sentence": describe(each), "count": each.count, "rows": each.rows}
        for each in found
        if each.code in FINDINGS and not is_of(each, lacking)
    )


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
    """Return a page of a team's files that match the filters: the latest with sequences below `before`.
    `removed`: list instead the files that the team has dealt with and can still restore, without filters.
    Declined for a person outside the team.
    """
    mailboxes, catalogue = console.mailboxes, console.catalogue()
    wanted = DeliveriesWanted(new=new, data_type=data_type, provider=provider, period=period)
    if removed:  # All of them: the filters are of those that wait.
        wanted = mailboxes.removed
    found = mailboxes.chosen(caller.person, team, wanted, before, PAGE + 1)
    with mailboxes.registry.read() as session:
        number = deliveries.count_delivered(session, team, wanted, person=caller.name, most=MOST)
        names = providers.names(session)
        saved = staff.saved_filters(session, caller.name, ListMailbox.command)
    shown = found[:PAGE]
    kinds = [each.id for flow in catalogue.flows.flow for each in flow.data_type if team in each.teams]
    kinds += [data_type or "", *(each.data_type or "" for each in shown)]  # Earlier policies knew others.
    return {
        "team": team_named(catalogue, team),
        "files": [file_seen(each, catalogue, names) for each in shown],
        "providers": [Named(id=each, name=names[each]) for each in sorted(names, key=names.__getitem__)],
        "data_types": [type_named(catalogue, each) for each in dict.fromkeys(kinds) if each],
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


def ask_file(
    console: ConsoleContext,
    caller: Caller,
    *,
    team: str,
    reference: str,
    removed: Annotated[bool, OR_DEFAULT] = False,
) -> Shown:
    """Return the facts about a file that a person of the team may see, without opening the file.
    A team with counts alone gets no findings, items or number of pupils. If records of children are hidden
    from the person, or the team gets the records of some children only, the number of pupils and the findings
    are left out.
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
    some = isinstance(order.basis, Basis) and order.basis.where is not None
    every = known is not None and not order.apart and not some
    return {
        "file": file_seen(delivery, catalogue, names),
        "team": team,
        "removed": removed,
        "pupils": known.pupils if known and every else None,
        "findings": findings_seen(known, lacking) if every else (),
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
        """Return the latest `limit` files of a team that match `wanted`, with sequences below `before`.
        Declined for a person outside the team.
        """
        found = self.console.mailboxes.chosen(self.caller.person, team, wanted, before, limit)
        return [*map(file_row, found)]

    def have(self, reference: str) -> bool:
        """Return True if a file is in the mailbox of one of the caller's teams, or was dealt with there."""
        with self.console.mailboxes.registry.read() as session:
            return any(
                find_delivered(session, team, reference, person=self.caller.name, wanted=wanted)
                for team in self.caller.teams
                for wanted in (ALL, self.console.mailboxes.removed)
            )

    def deal_with(self, team: str, references: Sequence[str], *, undo: bool) -> str:
        """Mark a team's files as dealt with, or undo that; return a sentence. Each file is logged.
        Declined, with none marked, if one of the files is not there; a person is told which.
        """
        mailboxes, person, places = self.console.mailboxes, self.caller.person, []
        for one in dict.fromkeys(references):
            try:
                places.append(mailboxes.place(person, team, one, removed=undo))
            except Declined as error:
                if self.caller.program is not None or error.answer is not NO_SUCH_FILE:
                    raise
                why = f"as somebody {'put it back' if undo else 'dealt with it'} or took it back"
                raise DecliningError(f"{one} is not there any more, {why}: nothing was changed") from None
        (mailboxes.restore if undo else mailboxes.deal_with)(person, *places)
        files = counted(len(places), "file is", "files are")
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
            events = log.events(record.session, self.reference)
            answered = max((event.number for event in events if event.kind == "withdrawn"), default=-1)
            since = record.at - PROPOSAL_LASTS
            if any(
                event.kind == "act-proposed" and event.actor == record.by and event.at > since
                for event in events
                if event.number > answered
            ):
                raise GatewayError("You have asked for that already.")
            record.note("act-proposed", self.reference, {"what": "recall"}, self.why)
        return ActDone(f"That {self.reference} be recalled is asked for: whoever may do it sees it.")


def ask_held_file(console: ConsoleContext, caller: Caller, *, reference: str) -> Shown:
    """Return the details of a held file. DecliningError if not held or invisible to the caller.
    - `decides`: True if the caller may decide here. `owner`: the person assigned to the file.
    - `recalled`: True for a withdrawn file waiting for a second person; `own`: the caller withdrew it.
      `proposed`: the open proposal to release the file, or to deliver a withdrawn file again. `would`: the
      effect of a release now, in words. `others`: who may decide, if not the caller.
    - `asked`: headings for the caller to explain. `meanings`: the items to choose from. `said`: explanations
      waiting for a second person. `again`: references of all waiting files with equal content, newest last.
    """
    catalogue = console.catalogue()
    with console.mailboxes.registry.read() as session:
        if not transfer_lists.has(session, TransfersWanted(state="held", sight=caller.sight), reference):
            raise DecliningError("That file is not held, or it waits for others than you.")
        transfer, names = transfers.get(session, reference), providers.names(session)
        events = log.events(session, reference)
        recalled = waits_for_second(transfer)
        asked = proposed(session, reference, "redelivery-proposed" if recalled else "release-proposed")
        # A file held for a dropped key is decided elsewhere.
        right = AccessRight.RECALL if recalled else AccessRight.DECIDE
        decides = right in caller.may and transfer.waits_for != "approval"
        owner = transfer_lists.owners_of_held_files(session, caller.sight).get(reference)
        would = _would(console, session, reference) if decides and not recalled else ""
        others = [] if decides else _who_may(right, session, catalogue.looking_teams(), reference)
        taken_back_by = next((one.actor or "" for one in reversed(events) if one.kind == "withdrawn"), "")
        again = transfer_lists.sent_again(session, [transfer])
        open_headings = headings.unexplained(session, transfer) if decides else ()
        said = headings.waiting(session, transfer.upload.provider, console.clock()) if open_headings else ()
    content, in_force = transfer.content, console.home.policies_in_force
    meanings = headings.meanings(in_force, frozenset(catalogue.appendix_a)) if open_headings else {}
    known, told, upload = content if isinstance(content, Classified) else None, None, transfer.upload
    if asked is not None:
        kind, teams = catalogue.wording.name(asked.data_type), [*map(catalogue.wording.name, asked.teams)]
        own = name_of(asked.by) == caller.name
        told = columns_of([asked], "by", "at", "why")[0] | {"data_type": kind, "teams": teams, "own": own}
    return {
        "file": _held_file_seen(transfer, catalogue, names),
        "upload_name": shown_name(upload.name),
        "evidence": content.evidence if content is not None else (),
        "pupils": known.pupils if known else None,
        "findings": findings_seen(content),
        "items": known.items if known else (),
        "unlisted": columns_of(known.unlisted if known else (), *_UNLISTED),
        "asked": open_headings,
        "meanings": [Named(id=key, name=label) for key, label in meanings.items()],
        "said": [one for one in said if one["heading"] in open_headings],
        "events": [*happened(events, upload.landed_at)],
        "proposed": told,
        "decides": decides,
        "owner": owner,
        "would": would,
        "recalled": recalled,
        "own": recalled and caller.name == name_of(taken_back_by),
        "others": others,
        "again": again.get(reference, ()),
        "sent_on": _can_be_collected(console, caller, reference),
        "data_types": [type_named(catalogue, each) for each in catalogue.data_types()],
        "teams": [team_named(catalogue, team.id) for team in catalogue.teams.team],
    }


def _held_file_seen(transfer: Transfer, catalogue: Catalogue, names: Mapping[str, str]) -> Shown:
    upload = transfer.upload
    return {
        "reference": upload.reference,
        "why": for_officers(transfer.reasons),
        "provider": Named(id=upload.provider, name=names.get(upload.provider, upload.provider)),
        "data_type": type_named(catalogue, transfer.data_type) if transfer.data_type else None,
        "landed_at": upload.landed_at,
        "held_until": transfer.held_until,
        "reasons": columns_of(transfer.reasons, "code", "clause", "sentence", "next_step"),
        "sensitive": is_sensitive(transfer),
    }


def _who_may(right: AccessRight, session: Session, looking: LookingTeams, reference: str) -> list[str]:
    """Return the names of the people with a right and with a file in sight."""
    people = (roles.viewer(session, name) for name in staff.list_staff(session))
    return [
        one.name
        for one in people
        if right in rights_of(one, looking) and sees(session, may_know(one, looking), reference)
    ]


def _would(console: ConsoleContext, session: Session, reference: str) -> str:
    """Return, in words, the teams that get a file if released unchanged, or the reason against a release."""
    rules = Rulebook(console.home, console.catalogue())
    try:
        transfer = held_decisions.held(session, reference)
        asked = held_decisions.judged(rules, session, transfer, console.clock())
        return held_decisions.release_in_words(rules, session, transfer, asked, console.clock())
    except GatewayError as error:
        return f"{error}."


def _can_be_collected(console: ConsoleContext, caller: Caller, reference: str) -> bool:
    """Return True if the caller may open the file in the SFTP folder of held files."""
    try:
        console.mailboxes.place(caller.person, HELD, reference)
    except Declined:
        return False
    return True
