"""Acts on the deletion of data when its time is over: plan deletions, print their certificates, and keep data
from deletion by legal holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import ActContext, ActDetails, ActDone, ActListing, FieldGroup, ReadingAct
from gateway.acts.fields import Reference, Why, argument, option
from gateway.acts.listing import DatedListing, Row
from gateway.acts.pupils import NamesChild
from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.model import counted
from gateway.registry import holds, markers, persons, retention
from gateway.registry.sight import check_all_seen
from gateway.reports.retention import Due, load_retention


class PlanDeletions(ReadingAct, command="retention plan", right=AccessRight.LOOK):
    """Show the deletions due, files on legal hold, and files waiting for a decision. Deletes nothing."""

    on: date | None = option("As at the end of this day; now if not given.", None)

    def known_by(self, context: ActContext) -> str:
        """Return the numbers of holds and markers in force: a cached plan is made again once one changes."""
        with context.reading() as session:
            on = holds.list_holds(session), markers.list_markers(session)
            return ";".join(",".join(str(each.number) for each in some) for some in on)

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return the deletions due on the given day, by what is on record now."""
        moment = datetime.combine(self.on, time.max, UTC) if self.on else context.clock()
        with context.reading() as session:
            found, on_hold = retention.plan_at(session, load_retention(context.home), moment)
            undecided = retention.undecided(session)
        due = [_row(one) for one in found]
        closing = []
        if on_hold:
            closing.append(f"would be due, and kept by a legal hold or a restriction: {len(on_hold)} more")
        if undecided:
            closing.append(f"not decided, and so kept: {counted(len(undecided), 'transfer')}")
        columns = ("reference", "what", "data_type", "rule", "due_since")
        return ActDetails(
            heading="",
            values={
                "due": due,
                "on_hold": [_row(one) for one in on_hold],
                "undecided": sorted(undecided),
            },
            parts=(ActListing(due, columns, empty="nothing is due"),),
            closing=tuple(closing),
        )


class ShowCertificate(ReadingAct, command="retention certificate", right=AccessRight.LOOK):
    """Print a signed certificate of deletion."""

    number: int | None = argument("Which one; the latest if not given.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Return the certificate. GatewayError if it names a file outside the person's sight."""
        with context.reading() as session:
            text = retention.certificate(session, self.number)
            check_all_seen(session, context.sight(session), text)
        return ActDone(document=text)


def _row(due: Due) -> dict[str, Any]:
    row = asdict(due)
    return row | {"due_since": row.pop("since")}


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
        """Place or lift the hold by the function `change`; log the `kind` of event; return the subject.
        GatewayError unless exactly one subject is given.
        """
        names_child = any((self.upn, self.surname, self.forename, self.born))
        if sum((self.reference is not None, self.provider is not None, names_child)) != 1:
            raise GatewayError(
                "say one thing: a reference, a provider, or a child by UPN or by name and birth"
            )
        subject: dict[str, Any] = {"reference": self.reference} if self.reference is not None else {}
        if self.provider is not None:
            subject = {"provider": self.provider}
        elif names_child:
            subject = {"persons": b"".join(sorted(self.digests(context.home)))}
        with context.recording() as record:
            number = change(record.session, record.by, self.why, record.at, **subject)
            record.note(kind, self.reference or self.provider or "pupils", {"number": number}, self.why)
        return self.reference or self.provider or "the child"


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
