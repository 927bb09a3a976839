"""Acts that list transfers and show one transfer with everything on record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Literal

from sqlmodel import Session

from gateway import reasons
from gateway.access import EVERYTHING, AccessRight
from gateway.acts import listing
from gateway.acts.act import ActContext, ActDetails, ActListing, ReadingAct
from gateway.acts.fields import FileReference, option
from gateway.errors import GatewayError, NotFoundError
from gateway.home import shown_name
from gateway.home.settings_file import nearest
from gateway.model import Classified, Transfer
from gateway.policy.catalogue_schema import Wording
from gateway.record.dual_control import ENDS_OF, Proposal, proposed
from gateway.registry import holds, log, providers, transfer_lists, transfers
from gateway.registry.tables import EventRow
from gateway.registry.transfer_lists import TransfersWanted


class TransferListing(listing.DatedListing, listing.ProviderListing, right=AccessRight.LOOK):
    """A list of transfers, filtered and paged by the database, for any number of transfers."""

    latest: ClassVar = True
    when: ClassVar = "landed_at"

    search: str | None = option(
        "Search for these words, such as parts of a reference, a school, a file name or a kind.",
        None,
        personal=True,
        max_length=200,
    )

    def wanted(self, context: ActContext) -> TransfersWanted:
        """Return the conditions by which the database filters the list, from the act's fields."""
        since, until = self.bounds(context)
        wanted = TransfersWanted(  # The session is limited to the person's sight.
            provider=self.provider, since=since, until=until, search=self.search, sight=EVERYTHING
        )
        if not self.search:
            return wanted
        catalogue = context.catalogue
        return replace(wanted, kinds={one: catalogue.wording.name(one) for one in catalogue.data_types()})

    def rows(self, context: ActContext) -> Iterator[listing.Row]:
        """Yield a row for each transfer, in the order of landing."""
        with context.reading() as session:
            self.check_provider(session)
            for page in transfer_lists.pages(session, self.wanted(context)):
                yield from self.listed(session, context, page)

    def has_text(self, row: listing.Row) -> bool:
        """Return True for every row, since the database has searched already, in names of schools also."""
        del row
        return True

    def listed(
        self, session: Session, context: ActContext, found: Sequence[Transfer]
    ) -> Iterator[dict[str, Any]]:
        """Yield a row for each transfer in `found`, with the name of the school and the outcome."""
        del context
        names = providers.names(session)
        for one in found:
            yield summary(one) | {
                "provider_name": names.get(one.upload.provider, one.upload.provider),
                "outcome": reasons.outcome_of(one.state, one.reasons),
                "why": "" if one.state == "accepted" else reasons.for_officers(one.reasons),
            }

    def value_in(self, row: listing.Row, column: str) -> object:
        """Return a row's value for filters and groups; in the column `why`, the alphabetically first code."""
        if column == "why":
            return min((one["code"] for one in row["reasons"]), default="")
        return super().value_in(row, column)

    def group_names(self, context: ActContext) -> Mapping[str, str]:
        """Return the names of the groups for people, by value, if the list is grouped by data type or reason;
        else {}.
        """
        if self.grouped_by() == "why":
            return {code: reasons.in_officers_words(code) for code in reasons.REASONS}
        catalogue = context.catalogue if self.grouped_by() == "data_type" else None
        return {one: catalogue.wording.name(one) for one in catalogue.data_types()} if catalogue else {}

    def page(self, context: ActContext, limit: int, after: str = "", *, counted: bool = False) -> ActListing:
        """Return a page of at most `limit` transfers after the cursor `after`, latest first unless sorted.
        NoPageError for an invalid cursor or, in a sorted list, if its transfer is no longer in sight.
        """
        asked = [(name, value) for name, _, value in (each.partition("=") for each in self.where)]
        if not transfer_lists.SOUGHT.issuperset(name for name, _ in asked):
            return super().page(context, limit, after)
        end, _, last = after.partition(".")
        before, sequence = (
            (listing.number_in_cursor(end), listing.number_in_cursor(last)) if after else (0, None)
        )
        with context.reading() as session:
            self.check_provider(session)
            wanted = self.wanted(context)
            group = self.grouped_by() or None
            wanted = replace(wanted, equal=(*wanted.equal, *asked), sort=self.sort, group=group)
            try:
                found = transfer_lists.page(session, wanted, sequence, limit + 1)
            except NotFoundError:
                raise listing.NoPageError from None
            further = len(found) > limit
            groups = transfer_lists.by_group(session, wanted) if group else {}
            total = sum(groups.values()) or (transfer_lists.count(session, wanted) if counted else None)
            rows = [*self.listed(session, context, found[:limit])]
        following = f"{before + limit}.{found[limit - 1].sequence}" if further else ""
        return self._listing(context, rows, total=total, following=following, first=before + 1, groups=groups)


class ListTransfers(TransferListing, command="transfers list"):
    """List the latest transfers, in the order of landing."""

    columns: ClassVar = ("reference", "provider", "name", "outcome", "data_type", "why", "landed_at")
    narrow: ClassVar = ("reference", "outcome", "why", "landed_at")
    personal_columns: ClassVar = ("name",)
    empty: ClassVar = "no transfers"
    heading: ClassVar = "Files"
    tabs: ClassVar = ("outcome", ("accepted", "held", "refused", reasons.SENT_BACK, reasons.UNDECIDED))

    state: Literal["landed", "accepted", "held", "refused"] | None = option("Only those in this state.", None)
    data_type: str | None = option("Only files that are this.", None, names="kind")
    team: str | None = option("Only what goes to this team.", None, names="team")
    why: str | None = option("Only with this reason: policy:embargo, or policy for any.", None)

    def wanted(self, context: ActContext) -> TransfersWanted:
        """Return the conditions by which the database filters the list, from the act's fields.
        GatewayError for a data type or team that neither the policies nor a file knows, or an unknown reason.
        """
        if self.data_type or self.team:
            catalogue = context.catalogue
            with context.reading() as session:
                _check(self.data_type, "data type", catalogue.entries, session)
                _check(self.team, "team", [team.id for team in catalogue.teams.team], session)
        _check(self.why, "reason", {*reasons.REASONS, *(code.partition(":")[0] for code in reasons.REASONS)})
        return replace(
            super().wanted(context),
            state=self.state, data_type=self.data_type, team=self.team, code=self.why,
        )  # fmt: skip


def _check(name: str | None, what: str, known: Collection[str], session: Session | None = None) -> None:
    """Raise GatewayError for an unknown `name`; with a `session`, accept one that a file on record has."""
    if not name or name in known:
        return
    if session is None or not transfer_lists.on_record(session, what.replace(" ", "_"), name):
        raise GatewayError(f"there is no {what} {name}{nearest(name, known)}")


_PROOF = (
    "Who has to prove something finds here what the receipt and the log say, by the names that programs use. "
    "Without a terminal: put the receipt, the file ending in {}.json, into Evidence, which says whether it "
    "is genuine and what is true now; a school does so on the page on which it sends. "
    "With one: gateway receipts verify, gateway log prove."
)
_ORDER = (
    "number: the entry in the log. Of two entries the lower came first, whatever the clocks said. "
    "at: when it was written, which may be later than the file arrived."
)


class ShowTransfer(ReadingAct, command="transfers show", right=AccessRight.LOOK):
    """Show what became of a file, and all that is on record of it."""

    beside: ClassVar = (
        "policy explain:reference", "report transfer:reference", "transfers withdraw:reference",
        "transfers redeliver:reference", "transfers confirm:reference", "transfers decline:reference",
        "legal-holds place:reference", "legal-holds lift:reference",
    )  # fmt: skip

    reference: FileReference

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return the file with the log entries, the earlier files replaced, and the later replacement."""
        from gateway.record.rulings import superseding_of  # noqa: PLC0415 - takes a while
        from gateway.reports.report import what_became  # noqa: PLC0415 - a listing needs none

        with context.reading() as session:
            transfer = transfers.get(session, self.reference)
            entries = log.events(session, self.reference)
            release, redelivery = (proposed(session, self.reference, kind) for kind in ENDS_OF)
            is_on_hold = any(one.reference == self.reference for one in holds.list_holds(session))
            logged = [*log.steps(entries)]
            provider = providers.get_provider(session, transfer.upload.provider)
            catalogue = context.catalogue
            replaces, superseded_by = superseding_of(session, transfer, provider, catalogue)
        row = summary(transfer) | _details(transfer)
        row |= {"replaces": replaces, "superseded_by": superseded_by}
        arrived, name_of = transfer.upload.landed_at, catalogue.wording.name
        steps = [one | {"team": one["team"] and name_of(one["team"])} for one in happened(entries, arrived)]
        events = [one._asdict() for one in logged]
        remarks = ((one.kind, "; ".join(filter(None, (one.reasons, one.why)))) for one in logged)
        return ActDetails(
            heading=what_became(transfer, provider.name, logged, catalogue),
            values=row | {"events": events},
            lines={
                "school": provider.name,
                "kind_of_data": name_of(transfer.data_type) if transfer.data_type else None,
                "about": transfer.period,
                "sent_as": row["name"],
                "arrived": arrived,
                "held_until": transfer.held_until,
                "pupils": row["pupils"],
                "replaces": replaces,
                "superseded_by": superseded_by,
            },
            paragraphs=tuple(
                proposal_in_words(first, catalogue.wording) for first in (release, redelivery) if first
            )
            + ("What the sender was told:",) * bool(transfer.reasons)
            + tuple(said for one in transfer.reasons for said in (one.sentence, one.next_step) if said),
            parts=(ActListing(steps, ("at", "what", "team", "by", "why"), "no events"),),
            unfit=_unfit(transfer, is_proposed=redelivery is not None, is_on_hold=is_on_hold),
            proof=ActDetails(
                heading=_PROOF.format(self.reference),
                values=None,
                lines={name: value for name, value in row.items() if name != "reasons"},
                paragraphs=tuple(f"[{one.code}, clause {one.clause}]" for one in transfer.reasons),
                parts=(ActListing(events, ("number", "at", "kind", "team", "by"), "no events"),),
                # Reasons of events, and persons' notes.
                closing=(_ORDER, *(f"{kind}: {said}" for kind, said in remarks if said)),
            ),
        )


def _unfit(transfer: Transfer, *, is_proposed: bool, is_on_hold: bool) -> frozenset[str]:
    """Return the acts beside a file that would be refused now. `is_proposed`: True of a proposed delivery."""
    passed_on = transfer.state == "accepted" and transfer.upload.folder == "in"
    fits = {
        "transfers withdraw": passed_on,
        "transfers redeliver": passed_on or any(why.code in reasons.WITHDRAWN for why in transfer.reasons),
        "transfers confirm": is_proposed or reasons.waits_for_second(transfer),
        "transfers decline": is_proposed,
        "legal-holds place": not is_on_hold,
        "legal-holds lift": is_on_hold,
    }
    return frozenset(command for command, fit in fits.items() if not fit)


def file_in_words(context: ActContext, reference: str) -> str:
    """Return a sentence that names a file's school and kind of data."""
    with context.reading() as session:
        transfer = transfers.get(session, reference)
        school = providers.names(session).get(transfer.upload.provider, transfer.upload.provider)
    wording = context.catalogue.wording
    kind = wording.name(transfer.data_type) if transfer.data_type else "of no known kind"
    return f"{reference} is from {school}, {kind}."


def proposal_in_words(one: Proposal, words: Wording) -> str:
    """Return a sentence with proposer, teams and reason, and the kind of data of a proposed release."""
    to = f"release it as {words.name(one.data_type)} to" if one.data_type else "put it into the mailboxes of"
    return f"{one.by} proposed to {to} {words.list_names(one.teams)}: {one.why}"


def happened(events: Sequence[EventRow], landed_at: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Yield a file's log entries in words; `landed_at`, if given, is the time shown for the landing."""
    for step in log.steps(events):
        yield {
            "at": landed_at or step.at if step.kind == "landed" else step.at,
            "what": reasons.step_in_words(step.kind, step.reasons),
            "by": step.by,
            "why": step.why,
            "team": step.team,
        }


def summary(transfer: Transfer) -> dict[str, Any]:
    """Return the facts of a transfer for a row of a list, by column."""
    upload = transfer.upload
    return {
        "reference": upload.reference,
        "provider": upload.provider,
        "name": shown_name(upload.name),
        "folder": upload.folder,
        "state": transfer.state,
        "flow": transfer.flow,
        "data_type": transfer.data_type,
        "period": transfer.period,
        "teams": list(transfer.teams),
        "sha256": upload.sha256,
        "size": upload.size,
        "landed_at": upload.landed_at,
        "decided_at": transfer.decided_at,
        "held_until": transfer.held_until,
        "reasons": listing.columns_of(transfer.reasons, "code", "clause", "sentence", "next_step"),
    }


def _details(transfer: Transfer) -> dict[str, Any]:
    content, signature = transfer.content, transfer.signature
    recognised = content if isinstance(content, Classified) else None
    return {
        "content_sha256": transfer.content_sha256,
        "content_size": transfer.content_size,
        "signer": signature.certificate if signature else None,
        "signing_key": signature.signing_key if signature else None,
        "signed_at": signature.created_at if signature else None,
        "sealed_to": transfer.opened_by,
        "engine": transfer.engine,
        "evidence": list(content.evidence) if content else [],
        "pupils": recognised.pupils if recognised else None,
        "findings": [f"{f.code} ({f.count})" for f in recognised.findings] if recognised else [],
        "items": list(recognised.items) if recognised else [],
        "other_items": list(recognised.other_items) if recognised else [],
        "schools": [reasons.school_in_words(one) for one in recognised.schools] if recognised else [],
        "unlisted": [reasons.unlisted_in_words(one) for one in recognised.unlisted] if recognised else [],
    }
