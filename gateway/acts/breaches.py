"""Records of breaches of personal data: made, amended, listed and shown (agreement, section 10)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from gateway.access import AccessRight
from gateway.acts.act import (
    Act,
    ActContext,
    Area,
    FieldGroup,
    Moment,
    MomentAfter,
    ReadingAct,
    argument,
    option,
)
from gateway.acts.listing import DatedListing, Row
from gateway.errors import GatewayError
from gateway.record import breach_records
from gateway.registry import breaches
from gateway.registry.sight import check_all_seen
from gateway.reports.breach import NOTIFY_WITHIN, Nature

if TYPE_CHECKING:
    from gateway.reports.document import Document

AREA = Area.CHILDREN


class RecordBreach(Act, command="breach record", right=AccessRight.BREACH):
    """Record a breach for the ICO, with what the registry knows of it (UK GDPR Article 33).

    Times are local unless they name a zone; a day counts from its beginning, or as the end until its own.
    """

    annexed: ClassVar = True
    field_groups: ClassVar = (
        FieldGroup("When it was", ("aware_at", "from_", "to")),
        FieldGroup("The breach", ("what", "nature")),
        FieldGroup(
            "What it touches",
            ("transfer", "person", "key"),
            "Name what you know: the record says by itself which files and how many pupils that concerns.",
        ),
        FieldGroup("What was done about it", ("measure", "notified_at"), folded=True),
        FieldGroup("Who answers for it", ("contact", "governance"), folded=True),
        FieldGroup("A record that is made already, or a trial", ("amend", "dry_run"), folded=True),
    )

    aware_at: Moment | None = option(
        "When you became aware of it: the 72 hours begin.", None,
        form="When you became aware of it; the 72 hours begin then, and a new record needs it.",
    )  # fmt: skip
    amend: int | None = option(
        "Record this one once more: what is given anew counts; lists grow.", None, metavar="N", ge=1
    )
    transfer: tuple[str, ...] = option("Files concerned.", ())
    person: tuple[str, ...] = option("Members of staff concerned: all that they opened.", (), names="person")
    key: tuple[str, ...] = option("Keys concerned, by fingerprint: all that went over them.", ())
    from_: Moment | None = option("When it began.", None)
    to: MomentAfter | None = option("When it ended.", None)
    nature: tuple[Nature, ...] = option("What was breached.", ())
    what: str = option("What happened. No pupil's data.", "", max_length=4_000)
    measure: tuple[str, ...] = option("Measures taken. No pupil's data.", (), max_length=50)
    contact: str = option("Whom the ICO may ask.", "", max_length=400)
    governance: str = option("How to reach LA Information Governance.", "", max_length=400)
    notified_at: Moment | None = option("When the ICO was told.", None)
    dry_run: bool = option("Only show it; nothing is put on record.", default=False)

    def check(self, context: ActContext) -> None:  # noqa: ARG002 - as every act
        """Refuse a new record without the time when the authority became aware. GatewayError."""
        if self.amend is None and self.aware_at is None:
            raise GatewayError("say when you became aware of it, since the 72 hours begin then: --aware-at")

    def carry_out(self, context: ActContext) -> Document:
        """Return the record, completed from the registry; store the record too, unless on a dry run."""
        with context.recording(signs=not self.dry_run) as record:
            registrar, session = record.registrar, record.session
            given = self._given(ZoneInfo(registrar.catalogue.calendar.timezone))
            if self.amend is None:
                number, told = breaches.next_number(session), breach_records.Told(**given)
            else:
                number = self.amend
                told = breach_records.amended(breach_records.record(session, number), given)
            document = breach_records.drafted(
                session, told, registrar.catalogue,
                number=number, organisation=registrar.settings.organisation, now=record.at,
            )  # fmt: skip
            if not self.dry_run:
                breach_records.keep(session, number, told, document, by=record.by, at=record.at)
            check_all_seen(session, context.sight(session), str(document))
        return document

    def _given(self, zone: ZoneInfo) -> dict[str, Any]:
        """Return the statements given, by field of `Told`; times without a zone are the authority's."""
        said = {
            "aware_at": self.aware_at, "since": self.from_, "until": self.to, "notified_at": self.notified_at,
            "transfers": self.transfer, "staff": self.person, "keys": self.key, "natures": self.nature,
            "what": self.what, "measures": self.measure, "contact": self.contact,
            "governance": self.governance,
        }  # fmt: skip
        return {
            name: value.replace(tzinfo=zone) if isinstance(value, datetime) and not value.tzinfo else value
            for name, value in said.items()
            if value
        }


class ListBreaches(DatedListing, command="breach list", right=AccessRight.LOOK):
    """List every record: who made it, by when the ICO is to be told, and whether it was."""

    columns: ClassVar = (
        "number", "versions", "recorded_at", "by", "aware_at", "notify_by", "hours_left", "notified_at",
        "nature",
    )  # fmt: skip
    narrow: ClassVar = ("number", "aware_at", "notify_by", "hours_left", "notified_at")
    empty: ClassVar = "no breach is on record"
    when: ClassVar = "aware_at"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each record of a breach, by number."""
        rows: list[Row] = []
        with context.reading() as session:
            for one in breach_records.records(session):
                notify_by = one.told.aware_at + NOTIFY_WITHIN if one.told else None
                notified_at = one.told.notified_at if one.told else None
                owed = notify_by is not None and notified_at is None
                left = (notify_by - context.clock()).total_seconds() / 3600 if notify_by and owed else None
                rows.append({
                    "number": one.number,
                    "versions": one.versions,
                    "recorded_at": one.at,
                    "by": one.by,
                    "aware_at": one.told.aware_at if one.told else None,
                    "notify_by": notify_by,
                    "hours_left": None if left is None else round(left),
                    "notified_at": notified_at,
                    "nature": list(one.told.natures) if one.told else [],
                })  # fmt: skip
        return rows


class ShowBreach(ReadingAct, command="breach show", right=AccessRight.LOOK):
    """Show a record as it was put on record last: in short, or with its annex."""

    beside: ClassVar = ("breach record:amend",)
    named_by: ClassVar = "number"
    annexed: ClassVar = True

    number: int = argument("The number of the breach, as `breach list` has it.", metavar="N", ge=1)

    def carry_out(self, context: ActContext) -> Document:
        """Return the report of one breach."""
        with context.reading() as session:
            document = breach_records.record(session, self.number).document
            check_all_seen(session, context.sight(session), str(document))
        return document
