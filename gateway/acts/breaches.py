"""Acts on records of personal data breaches: record, amend, list and show (agreement, section 10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlmodel import Session, col, select

from gateway.access import EVERYTHING, AccessRight, Sight
from gateway.acts.act import Act, ActContext, FieldGroup, ReadingAct
from gateway.acts.fields import Moment, MomentAfter, Reference, argument, option
from gateway.acts.listing import DatedListing, Row
from gateway.acts.reports import account_of
from gateway.errors import GatewayError, NotFoundError
from gateway.home.settings import load_settings
from gateway.model import Transfer
from gateway.registry import keys, log, programs, recalls, transfers
from gateway.registry.keys import Key
from gateway.registry.sight import check_all_seen, unseen
from gateway.registry.tables import EventRow, StaffRow, TransferRow
from gateway.reports.breach import Breach, BreachStatement, Nature, breach_report
from gateway.reports.document import Document, Paragraph, Section

_ADDED = ("transfers", "staff", "keys", "measures")
"""The fields of a statement in which an amendment adds values; all others are replaced."""
_NARROW = (
    "This is of the files that you may know of. The record itself is of all files: whoever has the role "
    "data-protection sees it."
)


class RecordBreach(Act, command="breach record", right=AccessRight.BREACH):
    """Record a breach for the ICO, with what the registry knows of it (UK GDPR Article 33).

    A time without a zone is local. A day without a time means the beginning of the day or, as the end of the
    breach, the end of the day.
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
        "Amend this record: new values replace the earlier ones, and lists grow.", None, metavar="N", ge=1
    )
    transfer: tuple[Reference, ...] = option("Files concerned.", ())
    person: tuple[str, ...] = option(
        'Members of staff concerned, or programs, as "program case-files": all that they opened.',
        (), names="person", form="Members of staff concerned: all that they opened.",
    )  # fmt: skip
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
        """Raise GatewayError if a new record does not say when the authority learned of the breach."""
        if self.amend is None and self.aware_at is None:
            raise GatewayError("say when you became aware of it, since the 72 hours begin then: --aware-at")

    def carry_out(self, context: ActContext) -> Document:
        """Return the report, completed from the registry; store the record as well, except on a dry run.
        The record covers all files of the breach, the report only files within the person's sight.
        """
        with context.recording(signs=not self.dry_run) as record:
            registrar, session = record.registrar, record.session
            given = self._given(ZoneInfo(registrar.catalogue.calendar.timezone))
            if self.amend is None:
                number, told = max(_records(session), default=0) + 1, BreachStatement(**given)
            else:
                number, earlier = self.amend, _latest(session, self.amend).told
                if earlier is None:
                    raise GatewayError(
                        f"an earlier release made breach {number}: record it anew, and say so there"
                    )
                # Scope and measures are added, all other statements replaced.
                said = earlier.model_dump()
                for name in _ADDED:
                    given[name] = (
                        *said[name],
                        *(one for one in given.get(name, ()) if one not in said[name]),
                    )
                told = BreachStatement(**said | given)
            _check(told, record.at)
            sight = context.sight(session)
            named = select(TransferRow.reference).where(col(TransferRow.reference).in_(self.transfer))
            if not {*session.exec(named)}.difference(unseen(session, sight)).issuperset(self.transfer):
                raise NotFoundError("a transfer that you name is not on record")
            document = _report(context, session, number, told, record.at)
            if not self.dry_run:
                note = KeptBreach(told=told, document=document).model_dump_json()
                record.note("breach-recorded", "breach", {"number": number}, note)
            if not sight.is_whole:
                document = _report(context, session, number, told, record.at, sight=sight)
        return document

    def _given(self, zone: ZoneInfo) -> dict[str, Any]:
        """Return the person's statements, by field of BreachStatement. A time without a zone gets `zone`."""
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
    """List every record of a breach: who made it, by when the ICO is to be told, and if the ICO was told."""

    columns: ClassVar = (
        "number", "versions", "recorded_at", "by", "aware_at", "notify_by", "hours_left", "notified_at",
        "nature",
    )  # fmt: skip
    narrow: ClassVar = ("number", "aware_at", "notify_by", "hours_left", "notified_at")
    personal_columns: ClassVar = ("by",)
    empty: ClassVar = "no breach is on record"
    when: ClassVar = "aware_at"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each record of a breach, by number."""
        rows: list[Row] = []
        with context.reading() as session:
            for number, (versions, event, kept) in sorted(_records(session).items()):
                told, left = kept.told, None
                if told is not None and told.notified_at is None:
                    seconds = (told.notify_by - context.clock()).total_seconds()
                    left = int(seconds // 3600)  # As many as are whole: a deadline is never told too late.
                rows.append({
                    "number": number,
                    "versions": versions,
                    "recorded_at": event.at,
                    "by": event.actor,
                    "aware_at": told and told.aware_at,
                    "notify_by": told and told.notify_by,
                    "hours_left": left,
                    "notified_at": told and told.notified_at,
                    "nature": list(told.natures) if told else [],
                })  # fmt: skip
        return rows


class ShowBreach(ReadingAct, command="breach show", right=AccessRight.LOOK):
    """Show the latest version of a record of a breach: in short, or with its annex.

    For a person with a limited sight of files, a new report is made of the files within sight.
    """

    beside: ClassVar = ("breach record:amend",)
    named_by: ClassVar = "number"
    annexed: ClassVar = True

    number: int = argument("The number of the breach, as `breach list` has it.", metavar="N", ge=1)

    def carry_out(self, context: ActContext) -> Document:
        """Return the report of one breach."""
        with context.reading() as session:
            kept, sight = _latest(session, self.number), context.sight(session)
            if sight.is_whole or kept.told is None:
                check_all_seen(session, sight, str(kept.document))
                return kept.document
            return _report(context, session, self.number, kept.told, context.clock(), sight=sight)


class KeptBreach(BaseModel):
    """The stored form of a breach record.

    - `told`: the statements of the person who made the record; None for a record made by version 0.2.0 of the
      gateway, which stored only the text of the report.
    - `document`: the finished report.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    told: BreachStatement | None
    document: Document


def _records(session: Session) -> dict[int, tuple[int, EventRow, KeptBreach]]:
    """Return by number of each breach: the count of versions, the latest log entry, the latest version."""
    found: dict[int, tuple[int, EventRow, KeptBreach]] = {}
    for event in log.events(session, "breach", kind="breach-recorded"):
        number, note = event.fields["number"], event.note or ""
        try:
            kept = KeptBreach.model_validate_json(note)
        except ValidationError:
            lines = tuple(Paragraph(line) for line in note.splitlines() if line.strip())
            text = Section("As an earlier release recorded it", lines)
            kept = KeptBreach(told=None, document=Document(f"Personal data breach {number}", "", (text,)))
        versions = found[number][0] if number in found else 0
        found[number] = versions + 1, event, kept
    return found


def _latest(session: Session, number: int) -> KeptBreach:
    """Return the latest version of a breach record. NotFoundError for an unknown number."""
    if (found := _records(session).get(number)) is None:
        raise NotFoundError(f"there is no breach {number}")
    return found[2]


def _report(
    context: ActContext, session: Session, number: int, told: BreachStatement, at: datetime, *,
    sight: Sight = EVERYTHING,
) -> Document:  # fmt: skip
    """Return the report on a breach, limited to the files within a sight.
    A limited report says that files may be left out even if none is, so the sentence gives no hidden file
    away. GatewayError if the report names a file outside the sight.
    """
    organisation, catalogue = load_settings(context.home).organisation, context.catalogue
    touched, wording = _touched(session, told, sight), catalogue.wording
    breach = Breach(
        number=number,
        organisation=organisation,
        told=told,
        accounts=tuple(account_of(session, one, organisation, wording) for one in touched),
        keys=tuple(
            (f"{key.owner_kind} {key.owner}", key.kind, key.fingerprint, key.state)
            for key in (_named_key(session, one) for one in told.keys)
        ),
        zone=catalogue.calendar.timezone,
    )
    document = breach_report(breach, catalogue.breach, at)
    if sight.is_whole:
        return document
    check_all_seen(session, sight, str(document))
    return replace(document, sections=(Section("What this shows", (Paragraph(_NARROW),)), *document.sections))


def _touched(session: Session, told: BreachStatement, sight: Sight) -> list[Transfer]:
    """Return the transfers of a breach within a sight, in order of landing.
    The breach statement `told` may name files, members of staff, programs and keys. Then these transfers
    count: the files named; files opened by a member of staff, a program or the owner of a staff key; files
    sent or signed with a provider's key; files opened with a key of the gateway. If `told` names none of
    these, all files with an event in the time of the breach count. NotFoundError for a file, person or key
    not on record.
    """
    references = set(told.transfers)
    known = {programs.actor_of(one) for one in programs.listed(session)}
    for name in told.staff:
        if name not in known and session.get(StaffRow, name) is None:  # Neither now nor once.
            raise NotFoundError(f"there is no member of staff {name}")
        references |= recalls.stepped_between(session, told.since, told.until, opened_by=name)
    for fingerprint in told.keys:
        key = _named_key(session, fingerprint)
        if key.owner_kind == "staff":
            references |= recalls.stepped_between(session, told.since, told.until, opened_by=key.owner)
        else:
            used = ("opened_by",) if key.owner_kind == "gateway" else recalls.SENT_WITH
            references |= recalls.landed_with(session, key.fingerprint, told.since, told.until, used)
    if not (told.transfers or told.staff or told.keys):
        references |= recalls.stepped_between(session, told.since, told.until)
    found = [transfers.get(session, reference) for reference in references - unseen(session, sight)]
    return sorted(found, key=lambda transfer: transfer.sequence)


def _named_key(session: Session, fingerprint: str) -> Key:
    """Return the key whose fingerprint begins with `fingerprint`. NotFoundError unless just one key fits."""
    wanted = fingerprint.replace(" ", "").lower()
    found = [key for key in keys.list_keys(session) if key.fingerprint.lower().startswith(wanted)]
    if not wanted or len(found) != 1:
        raise NotFoundError(f"there is no single key {fingerprint}")
    return found[0]


def _check(told: BreachStatement, now: datetime) -> None:
    if not (told.transfers or told.staff or told.keys or told.since or told.until):
        raise GatewayError("say which files, members of staff or keys are concerned, or which days")
    # A time until the end of today is allowed.
    last = told.until - timedelta(days=1) if told.until else None
    past = (
        ("when you became aware", told.aware_at),
        ("when it began", told.since),
        ("when it ended", last),
        ("when you notified", told.notified_at),
    )
    for what, moment in past:
        if moment is not None and moment > now:
            raise GatewayError(f"{what} is still to come: the record tells of what has happened")
    if told.since and told.until and told.until <= told.since:
        raise GatewayError("it ended before it began")
    if told.since and told.since > told.aware_at:
        raise GatewayError("you became aware before it began: nobody is aware of a breach before it happens")
    if told.notified_at and told.notified_at < told.aware_at:
        raise GatewayError("you notified before you became aware")
