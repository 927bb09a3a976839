"""Acts on children: find and report one, place markers, list leavers.

A child is named by UPN, or by name and date of birth. Each question is logged, as a commitment alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import ClassVar

from sqlmodel import Session, col, or_, select

from gateway.access import AccessRight, Sight
from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, Recording
from gateway.acts.fields import Why, argument, option
from gateway.acts.listing import ListingAct, Row, columns_of
from gateway.classify.identifiers import upn_fault
from gateway.errors import GatewayError
from gateway.examiner.persons import KEY, name_digests, number_digest
from gateway.home import Home
from gateway.log.leaf import commitment
from gateway.model import Classified, Transfer, counted
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, moment
from gateway.policy.discrepancies import RollRow, gone
from gateway.reasons import is_withdrawn
from gateway.receipts.text import spoken
from gateway.record.dual_control import name_of
from gateway.registry import (
    copies,
    hand_ons,
    holds,
    log,
    markers,
    persons,
    providers,
    recalls,
    retention,
    rolls,
    staff,
    transfers,
)
from gateway.registry.log import Entry
from gateway.registry.markers import Marker
from gateway.registry.sight import is_few
from gateway.registry.tables import DeliveryRow, HoldRow, PupilRow, TransferRow
from gateway.reports.document import Block, Document, Paragraph, Points, Section, table_or
from gateway.reports.retention import Retention, load_retention
from gateway.secrets import secret_files

_SUBJECT = "pupils"
_SYSTEMS = (hand_ons.actor_of(""), "program ")
"""How the names of systems begin in the log."""


class NamesChild(Act):
    """An act on one child, given by UPN, or by name and date of birth. No answer repeats name or UPN."""

    upn: str | None = option(
        "UPN of the child; - asks for it, so that no history keeps it.",
        None, metavar="UPN", asked=True, personal=True, form="UPN of the child.",
    )  # fmt: skip
    surname: str | None = option("Surname, for a child without a UPN.", None, personal=True)
    forename: str | None = option("First forename, beside the surname.", None, personal=True)
    born: date | None = option("Date of birth, beside both.", None, personal=True)

    def digests(self, home: Home, length: int | None = None) -> frozenset[bytes]:
        """Return the digests by which the index of pupils knows the child: of the UPN, and of name and birth.
        `length`: use only so many bytes of the pupils' key, for digests of earlier keys; None for the whole
        key. GatewayError for a malformed UPN or an incomplete name.
        """
        key = secret_files.pupil_key(home)[:length]
        found: set[bytes] = set()
        if self.upn is not None:
            upn = self.upn.strip().upper()
            fault = upn_fault(upn)
            if fault == "upn:check-letter":
                raise GatewayError(
                    "the first letter of that UPN does not fit what follows: look for a typing slip"
                )
            if fault is not None:
                raise GatewayError("that is no UPN: one letter, eleven digits, and a digit or a letter")
            found.add(number_digest(upn, key))
        if self.surname or self.forename or self.born:
            if self.surname is None or self.forename is None or self.born is None:
                raise GatewayError("a name needs all three: surname, first forename and date of birth")
            found |= name_digests(self.surname, self.forename, self.born, key)
        if not found:
            raise GatewayError("name the child: by UPN, or by surname, first forename and date of birth")
        return frozenset(found)


class _AsksOfChild(NamesChild, right=AccessRight.PROTECT):
    why: Why | None = option("Why: for the record, without any pupil's data.", None)

    def _find(self, record: Recording, what: str) -> _FoundChild:
        """Return the registry's facts about the child, and log the question. `what`: the kind of question,
        "find" or "report".
        """
        session, home = record.session, record.registrar.home
        digests, lengths = self.digests(home), range(KEY, len(secret_files.pupil_key(home)) + 1, KEY)
        references = transfers.references(session, persons.transfers_with(session, digests))
        names = list(references.values())
        on_rolls = persons.on_rolls(session, digests)
        stated = transfers.references(session, {row.transfer for row in on_rolls})
        earlier = dict[tuple[datetime, str, str], str]()
        wanted = {digest.hex() for length in lengths for digest in self.digests(home, length)}
        for event in log.events(session, _SUBJECT, kind="pupils-asked"):
            said, salt = event.fields, event.salt
            # Questions with a destroyed salt cannot be found.
            if salt and said.get("content_commitment") in {commitment(one, salt) for one in wanted}:
                earlier.setdefault((event.at, event.actor or "", str(said["what"])), event.note or "")
        found = _FoundChild(
            files={name: transfers.get(session, name) for name in names},
            deleted=persons.deleted(session, names),
            rolls=tuple((row, stated[row.transfer]) for row in on_rolls),
            markers=tuple(markers.of_child(session, digests)),
            holds=tuple(holds.of_child(session, digests)),
            questions=tuple((*one, why) for one, why in earlier.items()),
            unindexed=len(persons.unindexed(session)),
        )
        fields: dict[str, str | int] = {"what": what, "count": len(names)}
        questions = [
            Entry(
                kind="pupils-asked", subject=_SUBJECT, fields=fields, actor=record.by, note=self.why,
                content=digest.hex(),
            )
            for digest in sorted(digests)
        ]  # fmt: skip
        log.append(session, questions, record.at)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _FoundChild:
    """The registry's facts about a child.

    - `files`: those with data of the child, by reference. `deleted`: when the sealed file was, by reference.
    - `rolls`: each provider's latest roll entry about the child, on roll or not, with the file's reference.
    - `questions`: earlier questions about the child: time, person, kind and reason.
    - `unindexed`: the number of stored files missing from the index, any of which may hold the child.
    """

    files: Mapping[str, Transfer]
    deleted: Mapping[str, datetime]
    rolls: tuple[tuple[PupilRow, str], ...]
    markers: tuple[Marker, ...]
    holds: tuple[HoldRow, ...]
    questions: tuple[tuple[datetime, str, str, str], ...]
    unindexed: int


class FindChild(_AsksOfChild, command="pupils find"):
    """Find the transfers with a child, who had them and when, and the parts still kept."""

    def carry_out(self, context: ActContext) -> ActDetails:
        """Record the question; return the files with the child, with openings and the parts still kept."""
        zone = context.catalogue.calendar.timezone
        with context.recording() as record:
            found = self._find(record, "find")
            held, rows = holds.on_hold(record.session, [*found.files]), []
            for reference, transfer in found.files.items():
                deleted_at = found.deleted.get(reference)
                openings = recalls.openings(record.session, reference)
                left = "the sealed file" if deleted_at is None else "deleted"
                row = {
                    "reference": reference,
                    "provider": transfer.upload.provider,
                    "data_type": transfer.data_type,
                    "period": transfer.period,
                    "state": transfer.state,
                    "landed_at": transfer.upload.landed_at,
                    "teams": list(transfer.teams),
                    "opened_by": [f"{each.by or ''} {local_day(each.at, zone)}" for each in openings],
                    "openings": [{"at": one.at, "who": one.by or "", "team": one.team} for one in openings],
                    "copies": _copies_of(record.session, reference),
                    "left": f"{left}, on hold" if reference in held else left,
                    "deleted_at": deleted_at,
                    "on_hold": reference in held,
                }
                rows.append(row)
        columns = ("reference", "provider", "data_type", "period", "state", "teams", "opened_by", "left")
        on_rolls = (
            f"{'on' if row.on_roll else 'not on'} the roll of {row.provider}: {reference} record {row.record}"
            for row, reference in found.rolls
        )
        marked = (f"marker {one.number}: {_said(one.kind, one.people)}" for one in found.markers)
        return ActDetails(
            heading="",
            values=rows,
            parts=(ActListing(rows, columns, empty="no file holds this child"),),
            closing=(*on_rolls, *marked, _unindexed(found.unindexed)),
        )


class ReportChild(_AsksOfChild, command="pupils report"):
    """Report all that is known of a child, to answer a subject access request.

    Your question and the reason are recorded; the child's name and number are not.
    """

    names: bool = option("Name the staff who opened a file, not their teams alone.", default=False)

    def carry_out(self, context: ActContext) -> Document:
        """Record the question, then return the report on the child."""
        with context.recording() as record:
            return self._report(record, self._find(record, "report"))

    def _report(self, record: Recording, found: _FoundChild) -> Document:
        """Return the report (UK GDPR Article 15(1)), without the child's name: the person asking knows it."""
        names = providers.names(record.session)
        senders = sorted({names[one.upload.provider] for one in found.files.values()})
        come_from = f", from: {'; '.join(senders)}." if senders else "."
        short: list[Block] = [Paragraph(f"Files with the child: {len(found.files)}{come_from}")]
        if lacks := found.unindexed:
            more = f"Kept files that are not in the index yet: {lacks}. The child may be in them, too."
            short.append(Paragraph(f"{more} gateway pupils index puts them into it.", important=True))
        rules, zone = load_retention(record.registrar.home), record.registrar.catalogue.calendar.timezone
        restricted = any(one.kind == "restricted" for one in found.markers)
        # A hold on another child in a file is told to nobody who asks about this one.
        on = [one for one in holds.list_holds(record.session) if one.persons is None or one in found.holds]
        held = holds.on_hold(record.session, [*found.files], on)
        kept = [
            (one, _kept(record, rules, found, one, on_hold=one in held, restricted=restricted))
            for one in found.files
        ]
        on_rolls = [
            f"{'on the roll' if row.on_roll else 'no longer, or not mainly, on the roll'} of "
            f"{names.get(row.provider, row.provider)}, "
            f"by record {row.record} of {reference} ({local_day(row.at, zone)})"
            for row, reference in found.rolls
        ]
        limits = [
            f"marker {one.number} since {local_day(one.placed_at, zone)}: "
            + ("only named people may see it" if one.kind == "named" else "restricted (Article 18)")
            for one in found.markers
        ]
        limits += [f"legal hold {one.number} since {local_day(one.placed_at, zone)}" for one in found.holds]
        questions = [
            f"{at:%Y-%m-%d %H:%M} UTC, {who if self.names else 'staff of the authority'}: {what}"
            + (f", {why}" if why else "")
            for at, who, what, why in found.questions
        ]
        return Document(
            "The data of one child",
            f"{record.registrar.settings.organisation}. Report made {spoken(record.at)}. For the authority's "
            "data protection officers, to answer a subject access request.",
            (
                Section("In short", tuple(short)),
                Section("Where the data came from, and what for", _origins(record, found)),
                Section("Who was given it", self._opened(record, found, names)),
                Section(
                    "What is left, and for how long",
                    table_or(("Reference", "The file as it was sent"), kept, "Nothing."),
                ),
                Section("On which rolls the child is", _listed(on_rolls, "On none that the gateway knows.")),
                Section("What limits its use", _listed(limits, "No marker and no legal hold.")),
                Section("Who asked for this child before", _listed(questions, "Nobody.")),
                Section("How to give a copy", (_COPY,)),
            ),
        )

    def _opened(self, record: Recording, found: _FoundChild, schools: Mapping[str, str]) -> tuple[Block, ...]:
        """Return a table of openings of the child's files, and what else was given to whom.
        Openings are by team, and with the field `names` by person; systems are always named, as recipients.
        `schools`: the providers' names.
        """
        rows, passed = [], []
        catalogue = record.registrar.catalogue
        for reference, transfer in found.files.items():
            openings = recalls.openings(record.session, reference)
            for each in openings:
                opened_for, by = each.team, each.by
                team = "data protection" if opened_for is None else _team(opened_for, catalogue)
                who = f"{by}, {team}" if by and (self.names or by.startswith(_SYSTEMS)) else team
                rows.append((reference, spoken(each.at), who))
            opened = {each.team for each in openings}
            if unopened := [team for team in transfer.teams if team not in opened]:
                named = ", ".join(_team(team, catalogue) for team in unopened)
                passed.append(f"{reference}: passed to {named}, where nobody opened it")
            if copied_to := recalls.copied_to(record.session, reference):
                named = ", ".join(schools.get(each, each) for each in copied_to)
                passed.append(
                    f"{reference}: a copy was given to {named}; of a file about several schools, each got "
                    "that of its own pupils"
                )
        table = table_or(("Reference", "Opened", "By"), rows, "Nobody opened any.")
        return (*table, Points(tuple(passed))) if passed else table


class _MarksChild(NamesChild, right=AccessRight.PROTECT):
    surname: str | None = option(
        "Surname, also beside a UPN: a file may lack the UPN, or have it mistyped.", None, personal=True
    )

    def check(self, context: ActContext) -> None:
        """Raise GatewayError for a child given without a name: the UPN in a file may be wrong or missing."""
        self.digests(context.home)
        if self.surname is None:
            raise GatewayError(
                "give --surname, --forename and --born, too: where a file has the UPN mistyped, or lacks it, "
                "the child is known by these alone"
            )


class ProtectChild(_MarksChild, command="pupils protect"):
    """Let named people alone see the records of a child, including future ones.

    Use it, for example, where a court order or a risk to the child limits who may know. The named people
    collect as before; nobody else is shown that the files exist.
    """

    person: tuple[str, ...] = option(
        "A member of staff who may see it; may be given again.", min_length=1, names="person"
    )
    why: Why

    def check(self, context: ActContext) -> None:
        """Raise GatewayError for a child given without a name, or for a named person who is not enrolled."""
        super().check(context)
        with context.reading() as session:
            for name in self.person:
                staff.get_staff(session, name)

    def carry_out(self, context: ActContext) -> ActDone:
        """Mark the child: only the named people see the records."""
        return _mark(self, context, "named", self.person, self.why)


class RestrictChild(_MarksChild, command="pupils restrict"):
    """Restrict the use of a child's data (UK GDPR Article 18): kept, and collected by nobody.

    Use it, for example, while somebody contests that the data are right, or objects to their use.
    """

    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Mark the child: nobody sees the records."""
        return _mark(self, context, "restricted", (), self.why)


def _mark(
    child: NamesChild, context: ActContext, kind: markers.Kind, people: Sequence[str], why: str
) -> ActDone:
    """Place a marker: the child's records, also future ones, are for `people` or, if restricted, for nobody.
    Stored files missing from the index of pupils are covered once they are indexed. GatewayError if a marker
    of this kind has the child's number and name already.
    """
    digests = child.digests(context.home)
    with context.recording(copies=True) as record:
        session = record.session
        known = markers.digests_of_each(session)
        if same := [
            one.number
            for one in markers.of_child(session, digests)
            if one.kind == kind and digests <= known[one.number]
        ]:
            said = f"the child is marked so already: gateway pupils markers, {same[0]}"
            if kind == "named":
                said += (
                    ". To name other people, with nobody shown the child meanwhile: gateway pupils restrict, "
                    f"gateway pupils unmark {same[0]}, gateway pupils protect, and take the restriction off"
                )
            raise GatewayError(said)
        files = persons.transfers_with(session, digests)
        number = markers.place(
            session, kind, digests, people=people, transfers=files, by=record.by, why=why, at=record.at
        )
        hand_ons.make_anew(session, files)
        fields: dict[str, str | int] = {"number": number, "cause": kind, "count": len(files)}
        record.note("pupil-marked", _SUBJECT, fields, why)
        unindexed = len(persons.unindexed(session))
    said = f"marker {number}, in {counted(len(files), 'file')} by now: {_said(kind, sorted(set(people)))}"
    return ActDone(f"{said}\n{_unindexed(unindexed)}".rstrip())


class ListMarkers(ListingAct, command="pupils markers", right=AccessRight.LOOK):
    """List the markers in force, to data protection and the people named; no child is named."""

    beside: ClassVar = ("pupils unmark:number",)
    columns: ClassVar = ("number", "kind", "people", "files", "placed_at", "placed_by", "why")
    personal_columns: ClassVar = ("people", "placed_by", "why")
    empty: ClassVar = "no child is marked"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each marker in force, by number."""
        with context.open_registry() as registry, registry.read() as session:
            sight, on = context.sight(session), markers.list_markers(session)
        seen = (one for one in on if sight.marked or sight.person in one.people)
        return [*columns_of(seen, *self.columns)]


class UnmarkChild(Act, command="pupils unmark", right=AccessRight.PROTECT):
    """Take a marker off, in your name."""

    number: int = argument("The number of the marker.", metavar="N")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Lift the marker. If it was the child's last, the answer names batches handed on without the child.
        GatewayError for an unknown marker.
        """
        with context.recording() as record:
            files = markers.lift(record.session, self.number, by=record.by, why=self.why, at=record.at)
            copies.make_anew(record.session, files)
            record.note("pupil-unmarked", _SUBJECT, {"number": self.number}, self.why)
            lacking = hand_ons.made_under(record.session, markers.lifted_with(record.session, self.number))
        told = [
            "batches that were made without the child's record: "
            + ", ".join(f"gateway handon retry {hand_on} {number}" for number in numbers)
            for hand_on, numbers in lacking.items()
        ]
        return ActDone("\n".join((f"marker {self.number} is off", *told)))


class _ListLeavers(Act, right=AccessRight.WELFARE, asks_passkey=False):
    """List children gone from a roll: with `moved`, to another roll; without, to no roll."""

    moved: ClassVar[bool]

    from_: date | None = option("Who left since; 90 days ago if not given.", None)

    def carry_out(self, context: ActContext) -> ActDetails:
        """Record the question; return the children, each as last school, file and record in the file."""
        begin = context.clock() - timedelta(days=90)
        if self.from_ is not None:
            begin = moment(self.from_, time(), context.catalogue.calendar.timezone)
        with context.recording() as record:
            sight, teams = context.sight(record.session), context.catalogue.looking_teams().welfare
            found, hidden, question = leavers(
                record.session, begin, moved=self.moved, by=record.by, sight=sight, teams=teams
            )
            log.append(record.session, [question], record.at)
        rows = [
            {"left": one.at, "provider": one.provider, "reference": one.reference, "record": one.record,
             "now_at": now_at}
            for one, now_at in found
        ]  # fmt: skip
        columns = ("left", "provider", "reference", "record", *(("now_at",) if self.moved else ()))
        few = "children whose data only named people may see are not in this list" if hidden else ""
        return ActDetails("", rows, (ActListing(rows, columns, empty="nobody"),), closing=(few,))


class ListMissing(_ListLeavers, command="pupils missing"):
    """List the children who left a roll and are on none now, with the last place seen."""

    moved: ClassVar = False


class ListMovers(_ListLeavers, command="pupils movers"):
    """List the children who left a roll and are on another one now."""

    moved: ClassVar = True


def leavers(
    session: Session, since: datetime, *, moved: bool, by: str, sight: Sight, teams: Collection[str]
) -> tuple[list[tuple[RollRow, str | None]], bool, Entry]:
    """Return the children who left a school since a time: those on no roll now, or with `moved` those on
    another. Each child comes as the last roll row at the former school, with the provider that has the child
    now, or None; a file for few people is named only within `sight`, or if delivered to one of `teams`.
    Second, return True if markers hide any children from the person `by`, even if none of them left. Third,
    return the log entry of the question, which the caller appends before answering.
    """
    enrolled = [provider.id for provider in providers.list_providers(session)]
    every = gone(rolls.latest_of_everybody(session), rolls.full_rolls(session, enrolled))
    found = [(one, to) for one, to in every if one.at >= since and (to is not None) == moved]
    hidden = markers.kept_from(session, name_of(by), marked=sight.marked)
    shown = [(one, to) for one, to in found if bytes.fromhex(one.pupil) not in hidden]
    fields: dict[str, str | int] = {"what": "movers" if moved else "missing", "count": len(shown)}
    question = Entry(kind="pupils-asked", subject=_SUBJECT, fields=fields, actor=by)
    # The files stand as sequences in the rolls.
    theirs = select(DeliveryRow.transfer).where(col(DeliveryRow.team).in_(teams))
    told = () if sight.few else (or_(~is_few(), col(TransferRow.sequence).in_(theirs)),)
    references = transfers.references(session, {int(one.reference) for one, _ in shown}, *told)
    files = (references.get(int(one.reference)) for one, _ in shown)
    named = [
        (replace(one, reference=file or "", record=one.record if file else None), to)
        for (one, to), file in zip(shown, files, strict=True)
    ]
    return named, bool(hidden), question


def _said(kind: str, people: Sequence[str]) -> str:
    if kind == "named":
        return f"only {', '.join(people)} may see the records of this child"
    return "nobody is shown the records of this child"


def _unindexed(count: int) -> str:
    said = f"files that may hold the child and are not in the index yet: {count}; gateway pupils index"
    return said if count else ""


_OUTCOMES = {
    "landed": "not decided yet",
    "accepted": "passed on",
    "held": "waits: nobody was given it",
    "refused": "not taken",
}
_COPY = Paragraph(
    "A copy of the data itself (Article 15(3)): gateway transfers open REF --why … opens each file as a "
    "whole. It holds other children, too: give the child's own record alone."
)


def _origins(record: Recording, found: _FoundChild) -> tuple[Block, ...]:
    catalogue, names = record.registrar.catalogue, providers.names(record.session)
    headings = (
        "Reference", "Sent by", "Kind of data", "Arrived", "Outcome", "What for", "Items in the file",
    )  # fmt: skip
    rows = []
    for transfer in found.files.values():
        upload, content = transfer.upload, transfer.content
        flow = catalogue.flow(transfer.flow) if transfer.flow else None
        rows.append((
            upload.reference,
            names[upload.provider],
            catalogue.wording.name(transfer.data_type or "not recognised"),
            spoken(upload.landed_at),
            "passed on, and taken back since" if is_withdrawn(transfer) else _OUTCOMES[transfer.state],
            flow.document.purpose if flow else "",
            ", ".join((*content.items, *content.other_items)) if isinstance(content, Classified) else "",
        ))  # fmt: skip
    return table_or(headings, rows, "No file.")


def _listed(said: Sequence[str], nothing: str) -> tuple[Block, ...]:
    return (Points(tuple(said)) if said else Paragraph(nothing),)


def _team(team: str, catalogue: Catalogue) -> str:
    """Return a team's name, with "(counts alone)" if the team gets counts instead of records."""
    found, name = catalogue.team(team), catalogue.wording.name(team)
    return f"{name} (counts alone)" if found is not None and not found.pupil_level else name


def _copies_of(session: Session, reference: str) -> list[str]:
    """Return the providers with a copy of a file in /out."""
    return [copy.provider for copy in copies.owed(session, made_too=True, of=reference, shown=True)]


def _kept(
    record: Recording,
    rules: Retention,
    found: _FoundChild,
    file: str,
    *,
    on_hold: bool,
    restricted: bool,
) -> str:
    """Return words on how long a file is kept under the retention rules, and on providers with a copy.
    `on_hold`: a legal hold is on the file, on its provider, or on the child asked about. `restricted`: a
    marker restricts the data of this child.
    """
    session, zone = record.session, record.registrar.catalogue.calendar.timezone
    transfer, deleted_at = found.files[file], found.deleted.get(file)
    if deleted_at is not None:
        gone = local_day(deleted_at, zone)
        return f"deleted on {gone}; its digest, receipts and the log's entries are left"
    (row,) = retention.kept(session, [file])
    days, _ = rules.days("sealed", row)
    if transfer.decided_at is None or transfer.state in {"landed", "held"}:
        said = "kept until it is decided"
    elif days == "for ever":
        said = "kept for ever"
    else:
        # The same words for every file: others would tell one family of another child's restriction.
        until = local_day(transfer.decided_at + timedelta(days=days), zone)
        said = f"kept until {until}, or longer if the authority must keep it"
    copied = _copies_of(session, file)
    if on_hold:
        said += ", and on legal hold"
    if restricted:
        said += ", and as long as the child's data is restricted"
    return said + (f"; copies for {', '.join(copied)}" if copied else "")
