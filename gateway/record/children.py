"""Search for one child, and answer questions about children. Every question is logged.

A child is named by UPN, or by name and date of birth. The log holds the question as a commitment alone.
"""

import base64
import json
import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlmodel import Session

from gateway.classify.identifiers import upn_fault
from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import MALWARE, Examiner
from gateway.examiner.persons import KEY, name_digests, number_digest
from gateway.examiner.protocol import Read, Reading, Reopen
from gateway.examiner.pupil_index import persons_of
from gateway.home import Home
from gateway.log.leaf import commitment
from gateway.model import Classified, ContentRefused, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.discrepancies import Gone, gone
from gateway.record.registrar import Registrar
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
    transfers,
)
from gateway.registry.log import Entry
from gateway.registry.markers import Marker
from gateway.registry.recalls import FileOpening
from gateway.registry.tables import HoldRow
from gateway.reports.document import Document
from gateway.reports.retention import Retention, load_retention
from gateway.reports.subject_access import FileOfChild, subject_access_report
from gateway.secrets import secret_files

SUBJECT = "pupils"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A child's identity as a person gives it: a UPN, or a name with a date of birth, or both."""

    upn: str | None = None
    surname: str | None = None
    forename: str | None = None
    born: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A stored file with data of the child. `deleted_at`: when the sealed file was deleted; the index stays.

    `copies` are the providers that got a copy.
    """

    transfer: Transfer
    openings: tuple[FileOpening, ...]
    copies: tuple[str, ...]
    deleted_at: datetime | None
    on_hold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRoll:
    """A provider's latest statement about a child, on roll or not, with file and record number."""

    provider: str
    on_roll: bool
    at: datetime
    reference: str
    record: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBefore:
    """An earlier question about the same child: when, by whom, of which kind and why."""

    at: datetime
    who: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChild:
    """Everything found about a child. `unindexed` counts stored files missing from the index of children."""

    files: tuple[FoundFile, ...]
    rolls: tuple[OnRoll, ...]
    markers: tuple[Marker, ...]
    holds: tuple[HoldRow, ...]
    questions: tuple[AskedBefore, ...]
    unindexed: int


def digests_of(home: Home, asked: Asked) -> frozenset[bytes]:
    """Return a child's digests in the index. GatewayError, without the words given, for part of a name."""
    return _digests(asked, secret_files.pupil_key(home))


def _digests(asked: Asked, key: bytes) -> frozenset[bytes]:
    found: set[bytes] = set()
    if asked.upn is not None:
        upn = asked.upn.strip().upper()
        fault = upn_fault(upn)
        if fault == "upn:check-letter":
            raise GatewayError(
                "the first letter of that UPN does not fit what follows: look for a typing slip"
            )
        if fault is not None:
            raise GatewayError("that is no UPN: one letter, eleven digits, and a digit or a letter")
        found.add(number_digest(upn, key))
    named = [asked.surname, asked.forename, asked.born]
    if any(named):
        if asked.surname is None or asked.forename is None or asked.born is None:
            raise GatewayError("a name needs all three: surname, first forename and date of birth")
        found |= name_digests(asked.surname, asked.forename, asked.born, key)
    if not found:
        raise GatewayError("name the child: by UPN, or by surname, first forename and date of birth")
    return frozenset(found)


def find(registrar: Registrar, asked: Asked, *, by: str, why: str | None, what: str = "find") -> FoundChild:
    """Log a person's question about a child, then return everything found in the registry."""
    now, digests = registrar.clock(), digests_of(registrar.home, asked)
    with registrar.registry.write() as session:
        key = secret_files.pupil_key(registrar.home)
        asked_as = frozenset().union(*(_digests(asked, key[:end]) for end in range(KEY, len(key) + 1, KEY)))
        references = transfers.references(session, persons.transfers_with(session, digests))
        names = list(references.values())
        gone, held = persons.deleted(session, names), holds.on_hold(session, names)
        files = tuple(
            FoundFile(
                transfer=transfers.get(session, name),
                openings=tuple(recalls.openings(session, name)),
                copies=tuple(copy.provider for copy in copies.of_transfer(session, name)),
                deleted_at=gone.get(name),
                on_hold=name in held,
            )
            for name in names
        )
        found = FoundChild(
            files=files,
            rolls=_rolls(session, digests),
            markers=tuple(markers.of_child(session, digests)),
            holds=tuple(holds.of_child(session, digests)),
            questions=tuple(_asked_before(session, asked_as)),
            unindexed=len(persons.unindexed(session)),
        )
        log.append(session, _questions(digests, len(found.files), by=by, why=why, what=what), now)
        registrar.sign_head(session, now)
    return found


def mark(
    registrar: Registrar, kind: markers.Kind, asked: Asked, people: Collection[str], *, by: str, why: str
) -> tuple[Marker, int]:
    """Restrict a child's files, present and future, to named people or to nobody.

    Returns the marker and the number of stored files still missing from the index, covered once indexed.
    GatewayError for a child already restricted so.
    """
    now, digests = registrar.clock(), digests_of(registrar.home, asked)
    with registrar.registry.write() as session:
        if any(marker.kind == kind for marker in markers.of_child(session, digests)):
            raise GatewayError("the child is marked so already: gateway pupils markers")
        files = persons.transfers_with(session, digests)
        number = markers.place(session, kind, digests, people=people, transfers=files, by=by, why=why, at=now)
        hand_ons.make_anew(session, files)
        fields: dict[str, str | int] = {"number": number, "cause": kind, "count": len(files)}
        entry = Entry(kind="pupil-marked", subject=SUBJECT, fields=fields, actor=by, note=why)
        log.append(session, [entry], now)
        registrar.sign_head(session, now)
        placed = next(one for one in markers.list_markers(session) if one.number == number)
        return placed, len(persons.unindexed(session))


def unmark(registrar: Registrar, number: int, *, by: str, why: str) -> None:
    """Lift a marker. GatewayError for an unknown number."""
    now = registrar.clock()
    with registrar.registry.write() as session:
        markers.lift(session, number, by=by, why=why, at=now)
        fields = {"number": number}
        entry = Entry(kind="pupil-unmarked", subject=SUBJECT, fields=fields, actor=by, note=why)
        log.append(session, [entry], now)
        registrar.sign_head(session, now)


def _rolls(session: Session, digests: frozenset[bytes]) -> tuple[OnRoll, ...]:
    rows = persons.on_rolls(session, digests)
    references = transfers.references(session, {row.transfer for row in rows})
    return tuple(
        OnRoll(
            provider=row.provider,
            on_roll=row.on_roll,
            at=row.at,
            reference=references[row.transfer],
            record=row.record,
        )
        for row in rows
    )


def _questions(
    digests: Collection[bytes], count: int, *, by: str, why: str | None, what: str
) -> Sequence[Entry]:
    fields: dict[str, str | int] = {"what": what, "count": count}
    return [
        Entry(kind="pupils-asked", subject=SUBJECT, fields=fields, actor=by, note=why, content=digest.hex())
        for digest in sorted(digests)
    ]


def _asked_before(session: Session, digests: frozenset[bytes]) -> list[AskedBefore]:
    """Return earlier questions about a child, except where the salt of the log entry is erased."""
    found: dict[tuple[datetime, str, str], AskedBefore] = {}
    wanted = [digest.hex() for digest in digests]
    for event in log.events(session, SUBJECT):
        if event.kind != "pupils-asked" or event.salt is None:
            continue
        fields = json.loads(event.leaf)["fields"]
        salt = event.salt
        if fields.get("content_commitment") in {commitment(one, salt) for one in wanted}:
            asked = AskedBefore(
                at=event.at, who=event.actor or "", what=str(fields["what"]), why=event.note or ""
            )
            found[asked.at, asked.who, asked.what] = asked
    return list(found.values())


_OUTCOMES = {
    "landed": "not decided yet",
    "accepted": "passed on",
    "held": "waits: nobody was given it",
    "refused": "not taken",
}


def account(registrar: Registrar, found: FoundChild, *, names: bool) -> Document:
    """Return the report on a child; with `names`, the names of staff who opened files, not only teams."""
    rules = load_retention(registrar.home)
    with registrar.registry.read() as session:
        files = tuple(_file(registrar, session, rules, one, names=names) for one in found.files)
    return subject_access_report(
        files,
        organisation=registrar.settings.organisation,
        rolls=[
            f"{'on the roll' if one.on_roll else 'no longer, or not mainly, on the roll'} of {one.provider}, "
            f"by record {one.record} of {one.reference} ({one.at:%Y-%m-%d})"
            for one in found.rolls
        ],
        limits=[*_limits(found)],
        questions=tuple(
            f"{one.at:%Y-%m-%d %H:%M} UTC, {one.who if names else 'staff of the authority'}: {one.what}"
            + (f", {one.why}" if one.why else "")
            for one in found.questions
        ),
        unindexed=found.unindexed,
        made_at=registrar.clock(),
    )


def _file(
    registrar: Registrar, session: Session, rules: Retention, one: FoundFile, *, names: bool
) -> FileOfChild:
    transfer = one.transfer
    flow = registrar.catalogue.flow(transfer.flow) if transfer.flow else None
    content = transfer.content if isinstance(transfer.content, Classified) else None
    return FileOfChild(
        reference=transfer.upload.reference,
        provider_name=providers.provider_row(session, transfer.upload.provider).name,
        data_type=registrar.catalogue.wording.name(transfer.data_type or "not recognised"),
        purpose=flow.document.purpose if flow else "",
        arrived=transfer.upload.landed_at,
        outcome=_OUTCOMES[transfer.state],
        items=content.items if content else (),
        teams=tuple(_team(team, registrar.catalogue) for team in transfer.teams),
        opened=tuple(
            (each.at, ", ".join(filter(None, (each.who if names else None, opened_for))))
            for each in one.openings
            for opened_for in [
                "data protection" if each.team is None else _team(each.team, registrar.catalogue)
            ]
        ),
        kept=_kept(session, rules, one),
    )


def _team(team: str, catalogue: Catalogue) -> str:
    """Return a team's name, marked if the team gets counts instead of records."""
    found, name = catalogue.team(team), catalogue.wording.name(team)
    return f"{name} (counts alone)" if found is not None and not found.pupil_level else name


def _kept(session: Session, rules: Retention, one: FoundFile) -> str:
    if one.deleted_at is not None:
        return f"deleted on {one.deleted_at:%Y-%m-%d}; its digest, receipts and the log's entries are left"
    said = _until(session, rules, one.transfer)
    copies = f"; copies for {', '.join(one.copies)}" if one.copies else ""
    return f"{said}{', and on legal hold' if one.on_hold else ''}{copies}"


def _until(session: Session, rules: Retention, transfer: Transfer) -> str:
    (row,) = retention.kept(session, [transfer.upload.reference])
    days, _ = rules.sealed.of(row)
    if transfer.decided_at is None or transfer.state in {"landed", "held"}:
        return "kept until it is decided"
    if days == "for ever":
        return "kept for ever"
    return f"kept until {transfer.decided_at + timedelta(days=days):%Y-%m-%d}"


def _limits(found: FoundChild) -> Iterator[str]:
    for marker in found.markers:
        kind = "only named people may see it" if marker.kind == "named" else "restricted (Article 18)"
        yield f"marker {marker.number} since {marker.placed_at:%Y-%m-%d}: {kind}"
    for hold in found.holds:
        yield f"legal hold {hold.number} since {hold.placed_at:%Y-%m-%d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leavers:
    """Children who left a roll since a day. `hidden` counts further ones, kept from the person by markers."""

    children: tuple[Gone, ...]
    hidden: int


def left(registrar: Registrar, since: datetime, *, moved: bool, by: str, name: str) -> Leavers:
    """Return the children who left since a day: on no roll now or, with `moved`, on another roll.

    `name` is the member of staff asking. The question is logged before the answer is given.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        found, question = leavers(session, since, moved=moved, by=by, name=name)
        log.append(session, [question], now)
        registrar.sign_head(session, now)
        return found


def leavers(session: Session, since: datetime, *, moved: bool, by: str, name: str) -> tuple[Leavers, Entry]:
    """Return the leavers as `left` does, and the log entry of the question: append it before answering."""
    found = [one for one in _gone(session) if one.left_at >= since and (one.to is not None) == moved]
    hidden = markers.kept_from(session, name)
    shown = [one for one in found if bytes.fromhex(one.pupil) not in hidden]
    fields: dict[str, str | int] = {"what": "movers" if moved else "missing", "count": len(shown)}
    question = Entry(kind="pupils-asked", subject=SUBJECT, fields=fields, actor=by)
    return Leavers(children=_named(session, shown), hidden=len(found) - len(shown)), question


def _gone(session: Session) -> list[Gone]:
    enrolled = [provider.id for provider in providers.list_providers(session)]
    return gone(rolls.latest_of_everybody(session), rolls.full_rolls(session, enrolled))


def _named(session: Session, found: list[Gone]) -> tuple[Gone, ...]:
    """Return leavers with the files' references in place of the transfers' sequences."""
    references = transfers.references(session, {int(one.reference) for one in found})
    return tuple(replace(one, reference=references[int(one.reference)]) for one in found)


_log = logging.getLogger(__name__)


def reindex(
    registrar: Registrar, progress: Callable[[int, int], object] = lambda *_: None
) -> tuple[int, list[str]]:
    """Index the children in stored files missing from the index, by opening each in memory.

    Returns the number of files indexed, and the references of files impossible to open. `progress` is
    called with the files done and the total. An interrupted run can be started again.
    """
    with registrar.registry.read() as session:
        waiting = persons.unindexed(session)
    examiner, left = Examiner(registrar.home), []
    try:
        for number, reference in enumerate(waiting, 1):
            try:
                with registrar.registry.read() as session:
                    transfer = transfers.get(session, reference)
                found = b"" if _is_malware(transfer) else _persons(registrar, examiner, transfer)
                with registrar.registry.write() as session:
                    log.check_key(session, registrar.signing.vkey)  # The digests are of its key set.
                    persons.note(session, transfer.sequence, found)
                    if markers.on_transfer(session, transfer.sequence):
                        hand_ons.make_anew(session, [transfer.sequence])
            except Fault as fault:
                _log.error("%s: cannot be put into the index: %s", reference, fault)
                left.append(reference)
            progress(number, len(waiting))
    finally:
        examiner.close()
    return len(waiting) - len(left), left


def _is_malware(transfer: Transfer) -> bool:
    return isinstance(transfer.content, ContentRefused) and transfer.content.code == MALWARE


def _persons(registrar: Registrar, examiner: Examiner, transfer: Transfer) -> bytes:
    request = Reopen(reference=transfer.upload.reference, sha256=transfer.content_sha256 or "")
    content, _ = examiner.reopen(request)
    try:
        reading = Reading(
            reference=transfer.upload.reference, name=transfer.upload.name, today=registrar.clock().date()
        )
        read: Read = examiner.classify(content, reading)
    finally:
        os.close(content)
    return base64.b64decode(persons_of(read, registrar.home))
