"""The act that lists held files: files waiting for a person or a date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from sqlmodel import Session

from gateway.access import EVERYTHING, AccessRight
from gateway.acts.act import ActContext
from gateway.acts.fields import option
from gateway.acts.listing import GroupedListing
from gateway.acts.transfers import TransferListing
from gateway.model import Transfer, counted
from gateway.reasons import for_officers
from gateway.record.dual_control import name_of
from gateway.registry import transfer_lists
from gateway.registry.transfer_lists import WAIT_FOR_WHOM, TransfersWanted, WaitsForWhom

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue


class ListHeldFiles(TransferListing, GroupedListing, command="held list", right=AccessRight.HELD):
    """List every held file with the reasons; sensitive files only for those allowed to look at them."""

    columns: ClassVar = (
        "reference", "provider_name", "data_type", "why", "waits_for", "owner", "days", "landed_at",
    )  # fmt: skip
    narrow: ClassVar = ("reference", "why", "waits_for", "days")
    personal_columns: ClassVar = ("owner",)
    empty: ClassVar = "nothing is held"
    tabs: ClassVar = ("waits_for", tuple(WaitsForWhom))
    groups: ClassVar = ("provider_name", "data_type", "why")
    heading: ClassVar = "Held"
    leads: ClassVar = {"reference": "held-file"}
    together: ClassVar = ("held return-many", "held release-many", "held ratify-many")

    mine: bool = option("Only files that are yours to decide.", default=False)

    def wanted(self, context: ActContext) -> TransfersWanted:
        """Return the database's conditions for the list. If `mine` is set, only files assigned to the person
        are listed.
        """
        whose = (("owner", name_of(context.person)),) if self.mine else ()
        return replace(super().wanted(context), state="held", equal=whose)

    def listed(
        self, session: Session, context: ActContext, found: Sequence[Transfer]
    ) -> Iterator[dict[str, Any]]:
        """Yield a row for each held file, with reasons, the person assigned, and days since landing."""
        now, owners = context.clock(), transfer_lists.owners_of_held_files(session, EVERYTHING)
        awaiting = frozenset(transfer_lists.awaiting_a_second(session, EVERYTHING))
        again = transfer_lists.sent_again(session, found)
        for transfer, row in zip(found, super().listed(session, context, found), strict=True):
            reference, often = row["reference"], ""
            if same := again.get(reference):
                newest = "this is the newest" if same[-1] == reference else f"the newest is {same[-1]}"
                often = f" (sent {len(same)} times: {newest})"
            yield row | {
                "why": for_officers(transfer.reasons) + often,
                "waits_for": WaitsForWhom.SECOND
                if reference in awaiting
                else WAIT_FOR_WHOM[transfer.waits_for or "person"],
                "owner": owners.get(reference),
                "days": max(0, (now - transfer.upload.landed_at).days),
            }

    def closing(self, context: ActContext) -> str:
        """Return a sentence with the number of sensitive files hidden from the person; "" if none are. The
        number ignores filters: otherwise a person could find out by filters who sent a hidden file, and its
        name.
        """
        wanted = type(self)().wanted(context)
        with context.open_registry() as registry, registry.read() as session:
            seen = replace(wanted, sight=context.sight(session))
            if seen.sight.few:
                return ""
            every = replace(wanted, sight=replace(seen.sight, few=True))
            more = transfer_lists.count(session, every) - transfer_lists.count(session, seen)
        if not more:
            return ""
        teams = names_of_lookers(context.catalogue)
        return f"{counted(more, 'more file')} for {teams} alone"


def names_of_lookers(catalogue: Catalogue) -> str:
    """Return the names of the teams that may see sensitive files, as a list in words."""
    return catalogue.wording.list_names(sorted(catalogue.looking_teams().sensitive))
