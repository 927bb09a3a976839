"""Declarations: transfers that went, or will go, another way than through this gateway."""

from dataclasses import asdict
from typing import Any, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import ActContext, ActDetails, Area, ReadingAct, Reference, argument
from gateway.acts.listing import DatedListing, ProviderListing, Row
from gateway.registry import declarations
from gateway.registry.declarations import Recorded

AREA = Area.SCHOOLS


class ListDeclarations(DatedListing, ProviderListing):
    """List every declaration, in the order they were made."""

    command: ClassVar = "declarations list"
    right: ClassVar = AccessRight.LOOK
    columns: ClassVar = ("reference", "provider", "method", "data", "state", "goes_at", "declared_by")
    empty: ClassVar = "nothing was declared"
    latest: ClassVar = True
    when: ClassVar = "goes_at"

    def rows(self, context: ActContext) -> list[Row]:
        """Read the declarations of one provider or of all."""
        with context.reading() as session:
            self.check_provider(session)
            return [_row(each) for each in declarations.find(session, provider=self.provider)]


class ShowDeclaration(ReadingAct):
    """Show a declaration: what was confirmed, and what was decided."""

    command: ClassVar = "declarations show"
    right: ClassVar = AccessRight.LOOK

    reference: Reference = argument("The declaration, as it was recorded.", metavar="REF")

    def carry_out(self, context: ActContext) -> ActDetails:
        """Read one declaration."""
        with context.reading() as session:
            row = _row(declarations.get(session, self.reference))
        return ActDetails(
            heading="",
            values=row,
            lines={name: value for name, value in row.items() if name != "reasons"},
            paragraphs=tuple(
                f"[{one['code']}, clause {one['clause']}]\n{one['sentence']}" for one in row["reasons"]
            ),
        )


def _row(recorded: Recorded) -> dict[str, Any]:
    row = asdict(recorded)
    row["safeguards"], row["circumstances"] = list(recorded.safeguards), list(recorded.circumstances)
    row["reasons"] = [asdict(reason) for reason in recorded.reasons]
    return row
