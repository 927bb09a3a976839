"""Acts on legal holds: orders to delete nothing of a transfer, a provider, or every file with a child."""

from collections.abc import Callable
from typing import Any, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import ActContext, ActDone, FieldGroup
from gateway.acts.fields import Reference, Why, argument, option
from gateway.acts.listing import DatedListing, Row
from gateway.acts.pupils import NamesChild
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.log.leaf import Kind
from gateway.registry import holds, persons


class ListLegalHolds(DatedListing, command="legal-holds list", right=AccessRight.LOOK):
    """List the legal holds in force, without naming a child."""

    columns: ClassVar = ("number", "reference", "provider", "child", "placed_at", "placed_by", "why")
    personal_columns: ClassVar = ("placed_by", "why")
    empty: ClassVar = "nothing is on hold"
    when: ClassVar = "placed_at"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each legal hold in force, by number."""
        with context.reading() as session:
            return [
                row.model_dump(include={*self.columns})
                | {"reference": row.reference or None, "child": row.persons is not None}
                for row in holds.list_holds(session)
            ]


class _LegalHold(NamesChild, right=AccessRight.PROTECT):
    """An act on the legal hold of one transfer, one provider or one child."""

    field_groups: ClassVar = (
        FieldGroup("What is concerned: one of these", ("reference", "provider")),
        FieldGroup("Or every file with one child", ("upn", "surname", "forename", "born"), folded=True),
        FieldGroup("The reason", ("why",)),
    )

    reference: Reference | None = argument("A transfer, a notice or a declaration.", None, metavar="[REF]")
    provider: str | None = option("All that this provider sent, sends, or is told.", None, names="school")
    why: Why

    def _change(self, context: ActContext, change: Callable[..., int], kind: Kind) -> str:
        """Place or lift the hold by the function `change`; log the `kind` of event; return the subject."""
        subject = self._subject(context.home)
        with context.recording() as record:
            number = change(record.session, record.by, self.why, record.at, **subject)
            record.note(kind, self.reference or self.provider or "pupils", {"number": number}, self.why)
        return self.reference or self.provider or "the child"

    def _subject(self, home: Home) -> dict[str, Any]:
        """Return the subject of the hold, by the name of a column. GatewayError unless exactly one subject is
        given.
        """
        names_child = any((self.upn, self.surname, self.forename, self.born))
        if sum((self.reference is not None, self.provider is not None, names_child)) != 1:
            raise GatewayError(
                "say one thing: a reference, a provider, or a child by UPN or by name and birth"
            )
        if self.reference is not None:
            return {"reference": self.reference}
        if self.provider is not None:
            return {"provider": self.provider}
        return {"persons": b"".join(sorted(self.digests(home)))}


class PlaceLegalHold(_LegalHold, command="legal-holds place", short="Place a hold"):
    """Keep from deletion one transfer with all its parts, all of a provider, or all files with a child."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Place the hold. For a child, the answer warns of stored files that the index of pupils lacks."""
        on = self._change(context, holds.place, "hold-placed")
        said = f"{on} is on hold: nothing of it is deleted"
        if not (self.reference or self.provider):
            with context.reading() as session:
                missing = len(persons.unindexed(session))
            if missing:
                said += (
                    f"\nkept files that are not in the index yet, and may hold the child: {missing};"
                    " gateway pupils index"
                )
        return ActDone(said)


class LiftLegalHold(_LegalHold, command="legal-holds lift", short="Lift a hold"):
    """Lift a legal hold, in your name: deletions due are carried out with the next run."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Lift the legal hold."""
        return ActDone(f"the hold on {self._change(context, holds.lift, 'hold-lifted')} is lifted")
