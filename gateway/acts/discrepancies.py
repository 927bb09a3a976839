"""Acts on discrepancies: cases of two rolls contradicting each other on one pupil (agreement, 7.3, 8.2)."""

from collections.abc import Sequence
from typing import ClassVar

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, ReadingAct
from gateway.acts.fields import Why, argument, option
from gateway.acts.listing import DatedListing, GroupedListing, ProviderListing, Row
from gateway.registry import discrepancies
from gateway.registry.tables import DiscrepancyRow


class ListDiscrepancies(
    GroupedListing, DatedListing, ProviderListing, command="discrepancies list", right=AccessRight.LOOK
):
    """List the open discrepancies."""

    columns: ClassVar = ("number", "meaning", "state", "providers", "records", "opened_at")
    empty: ClassVar = "nothing that does not fit"
    when: ClassVar = "opened_at"
    groups: ClassVar = ("meaning",)
    kinds: ClassVar = {"records": "texts"}

    all: bool = option("Those that have ended too.", default=False)

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each open discrepancy, oldest first; if `all` is set, for ended ones also."""
        with context.reading() as session:
            self.check_provider(session)
            providers = None if self.provider is None else [self.provider]
            found = discrepancies.of_providers(session, providers, None if self.all else ["open"])
            return _rows(session, found)


class ShowDiscrepancy(ReadingAct, command="discrepancies show", right=AccessRight.LOOK):
    """Show the file and number of each record of a discrepancy, and how the discrepancy ended."""

    beside: ClassVar = ("discrepancies resolve:number",)

    number: int = argument("The number of the discrepancy, as discrepancies list has it.", metavar="N", ge=1)

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return the contradictory records, each as file and number, and how the discrepancy ended."""
        with context.reading() as session:
            (row,) = _rows(session, [discrepancies.get(session, self.number)])
        closing = [f"resolved by {row['ended_by']}: {row['why']}"] if row["ended_by"] else []
        closing.append("To see a record, open the file in the mailbox of a team that may have it.")
        return ActDetails(
            heading=f"{self.number}: {row['meaning']} ({row['kind']}, {row['state']})",
            values=row,
            parts=(ActListing(row["parties"], ("provider", "reference", "record"), empty=""),),
            closing=tuple(closing),
        )


class ResolveDiscrepancy(Act, command="discrepancies resolve", right=AccessRight.ENROL, by_program=True):
    """Record that a discrepancy is dealt with, in your name. The same discrepancy is not raised again."""

    number: int = argument("The number of the discrepancy, as discrepancies list has it.", metavar="N", ge=1)
    why: Why

    def check(self, context: ActContext) -> None:
        """Raise NotFoundError if the discrepancy is unknown, or has a file outside the person's sight."""
        with context.reading() as session:
            discrepancies.get(session, self.number)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the discrepancy as resolved, with the person and the reason."""
        with context.recording() as record:
            known = discrepancies.resolve(
                record.session, self.number, by=record.by, why=self.why, at=record.at
            )
            fields: dict[str, str | int] = {"number": self.number, "cause": "resolved"}
            record.note("discrepancy-resolved", "discrepancies", fields, self.why)
        return ActDone(f"discrepancy {self.number} ({known.kind}) is resolved")


def _rows(session: Session, found: Sequence[DiscrepancyRow]) -> list[Row]:
    parties = discrepancies.parties(session, found)
    return [
        {
            **each.model_dump(exclude={"key"}),
            "meaning": discrepancies.MEANINGS[each.kind],
            "providers": sorted({party["provider"] for party in parties[each.number or 0]}),
            "records": [
                f"{party['reference']} record {party['record']}" for party in parties[each.number or 0]
            ],
            "parties": parties[each.number or 0],
        }
        for each in found
    ]
