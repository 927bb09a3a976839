"""Pupils: files with a child, markers on children, and children on no roll. All is logged."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, Area, Why, argument, option
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError
from gateway.model import counted
from gateway.record import children
from gateway.record.dual_control import name_of
from gateway.registry import markers, staff

if TYPE_CHECKING:
    from gateway.record.children import Asked, FoundFile
    from gateway.reports.document import Document

AREA = Area.CHILDREN


class NamesChild(Act):
    """An act on one child, named by UPN, or by name and date of birth, never repeated in an answer."""

    upn: str | None = option(
        "UPN of the child; - asks for it, so that no history keeps it.",
        None, metavar="UPN", asked=True, personal=True, form="UPN of the child.",
    )  # fmt: skip
    surname: str | None = option("Surname, for a child without a UPN.", None, personal=True)
    forename: str | None = option("First forename, beside the surname.", None, personal=True)
    born: date | None = option("Date of birth, beside both.", None, personal=True)

    def asked(self) -> Asked:
        """Return the child's identity as given: UPN, or name and date of birth."""
        # The index of pupils loads the libraries of OpenPGP.
        return children.Asked(upn=self.upn, surname=self.surname, forename=self.forename, born=self.born)

    def check(self, context: ActContext) -> None:
        """Refuse incomplete details of a child. GatewayError."""
        children.digests_of(context.home, self.asked())


class FindChild(NamesChild, command="pupils find", right=AccessRight.PROTECT):
    """Find the transfers with a child, who had them and when, and the parts still kept."""

    why: Why | None = option("Why: for the record, without any pupil's data.", None)

    def carry_out(self, context: ActContext) -> ActDetails:
        """Record the question, then return the child's files, openings and parts kept."""
        with context.open_registrar() as registrar:
            found = children.find(registrar, self.asked(), by=context.person, why=self.why)
        rows = [_row(one) for one in found.files]
        columns = ("reference", "provider", "data_type", "period", "state", "teams", "opened_by", "left")
        rolls = (
            f"{'on' if roll.on_roll else 'not on'} the roll of {roll.provider}: "
            f"{roll.reference} record {roll.record}"
            for roll in found.rolls
        )
        marked = (f"marker {marker.number}: {_said(marker)}" for marker in found.markers)
        return ActDetails(
            heading="",
            values=rows,
            parts=(ActListing(rows, columns, empty="no file holds this child"),),
            closing=(*rolls, *marked, _unindexed(found.unindexed)),
        )


class ReportChild(NamesChild, command="pupils report", right=AccessRight.PROTECT):
    """Report all that is known of a child, to answer a subject access request.

    Your question and the reason are recorded; the child's name and number are not.
    """

    why: Why | None = option("Why: for the record, without any pupil's data.", None)
    names: bool = option("Name the staff who opened a file, not their teams alone.", default=False)

    def carry_out(self, context: ActContext) -> Document:
        """Record the question, then return the report on the child."""
        with context.open_registrar() as registrar:
            found = children.find(registrar, self.asked(), by=context.person, why=self.why, what="report")
            return children.account(registrar, found, names=self.names)


class _MarkChild(NamesChild, right=AccessRight.PROTECT):
    surname: str | None = option(
        "Surname, also beside a UPN: a file may lack the UPN, or have it mistyped.", None, personal=True
    )

    def check(self, context: ActContext) -> None:
        """Refuse a child without a name: a file may have the UPN mistyped, or lack it. GatewayError."""
        super().check(context)
        if self.surname is None:
            raise GatewayError(
                "give --surname, --forename and --born, too: where a file has the UPN mistyped, or lacks it, "
                "the child is known by these alone"
            )

    def _mark(self, context: ActContext, kind: markers.Kind, people: tuple[str, ...], why: str) -> ActDone:
        with context.open_registrar() as registrar:
            marker, unindexed = children.mark(
                registrar, kind, self.asked(), people, by=context.person, why=why
            )
        said = f"marker {marker.number}, in {counted(marker.files, 'file')} by now: {_said(marker)}"
        return ActDone(f"{said}\n{_unindexed(unindexed)}".rstrip())


class ProtectChild(_MarkChild, command="pupils protect"):
    """Let named people alone see the records of a child, including future ones.

    Such as where a court order or a risk to the child says who may know. Those people collect as before;
    nobody else is shown that there are such files.
    """

    person: tuple[str, ...] = option(
        "A member of staff who may see it; may be given again.", min_length=1, names="person"
    )
    why: Why

    def check(self, context: ActContext) -> None:
        """Refuse people who are not enrolled, before the confirmation."""
        super().check(context)
        with context.reading() as session:
            for name in self.person:
                staff.get_staff(session, name)

    def carry_out(self, context: ActContext) -> ActDone:
        """Mark the child, so that only the named people see its records."""
        return self._mark(context, "named", self.person, self.why)


class RestrictChild(_MarkChild, command="pupils restrict"):
    """Restrict the use of a child's data (UK GDPR Article 18): kept, and collected by nobody.

    Such as where somebody contests that the data are right, or objects to the use, until that is settled.
    """

    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Mark the child, so that nobody sees its records."""
        return self._mark(context, "restricted", (), self.why)


class ListMarkers(ListingAct, command="pupils markers", right=AccessRight.LOOK):
    """List the markers in force, to data protection and the people named; no child is named."""

    beside: ClassVar = ("pupils unmark:number",)
    columns: ClassVar = ("number", "kind", "people", "files", "placed_at", "placed_by", "why")
    empty: ClassVar = "no child is marked"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each marker in force, by number."""
        with context.open_registry() as registry, registry.read() as session:
            sight, on = context.sight(session), markers.list_markers(session)
        seen = (one for one in on if sight.marked or sight.person in one.people)
        return [{name: getattr(one, name) for name in self.columns} for one in seen]


class UnmarkChild(Act, command="pupils unmark", right=AccessRight.PROTECT):
    """Take a marker off, in your name."""

    number: int = argument("The number of the marker.", metavar="N")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Lift the marker."""
        with context.open_registrar() as registrar:
            children.unmark(registrar, self.number, by=context.person, why=self.why)
        return ActDone(f"marker {self.number} is off")


class _ListLeavers(Act, right=AccessRight.WELFARE):
    asks_passkey: ClassVar = False
    moved: ClassVar[bool]

    from_: date | None = option("Who left since; 90 days ago if not given.", None)

    def carry_out(self, context: ActContext) -> ActDetails:
        """Record the question, then return the children who left, with the last place seen."""
        begin = context.clock() - timedelta(days=90)
        if self.from_ is not None:
            begin = datetime.combine(self.from_, time(), UTC)
        by = context.person
        with context.open_registrar() as registrar:
            found = children.left(registrar, begin, moved=self.moved, by=by, name=name_of(by))
        rows = [
            {"left": one.left_at, "provider": one.provider, "reference": one.reference, "record": one.record,
             "now_at": one.to}
            for one in found.children
        ]  # fmt: skip
        columns = ("left", "provider", "reference", "record", *(("now_at",) if self.moved else ()))
        hidden = f"not shown, since only named people may see them: {found.hidden}" if found.hidden else ""
        return ActDetails("", rows, (ActListing(rows, columns, empty="nobody"),), closing=(hidden,))


class ListMissing(_ListLeavers, command="pupils missing"):
    """List the children who left a roll and are on none now, with the last place seen."""

    moved: ClassVar = False


class ListMovers(_ListLeavers, command="pupils movers"):
    """List the children who left a roll and are on another one now."""

    moved: ClassVar = True


def _said(marker: markers.Marker) -> str:
    if marker.kind == "named":
        return f"only {', '.join(marker.people)} may see the records of this child"
    return "nobody is shown the records of this child"


def _unindexed(count: int) -> str:
    said = f"files that may hold the child and are not in the index yet: {count}; gateway pupils index"
    return said if count else ""


def _row(one: FoundFile) -> dict[str, Any]:
    transfer = one.transfer
    gone = "deleted" if one.deleted_at is not None else "the sealed file"
    return {
        "reference": transfer.upload.reference,
        "provider": transfer.upload.provider,
        "data_type": transfer.data_type,
        "period": transfer.period,
        "state": transfer.state,
        "landed_at": transfer.upload.landed_at,
        "teams": list(transfer.teams),
        "opened_by": [f"{each.who} {each.at:%Y-%m-%d}" for each in one.openings],
        "openings": [{"at": each.at, "who": each.who, "team": each.team} for each in one.openings],
        "copies": list(one.copies),
        "left": f"{gone}, on hold" if one.on_hold else gone,
        "deleted_at": one.deleted_at,
        "on_hold": one.on_hold,
    }
