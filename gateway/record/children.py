"""Search for one child: files, openings, copies, rolls, markers. Every question is logged.

A child is named by UPN, or by name and date of birth. The log holds the question as a commitment alone.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from gateway.classify.identifiers import upn_fault
from gateway.errors import GatewayError
from gateway.examiner.persons import KEY, name_digests, number_digest
from gateway.home import Home
from gateway.log.leaf import commitment
from gateway.model import Transfer
from gateway.record.registrar import Registrar
from gateway.registry import copies, holds, log, markers, persons, recalls, transfers
from gateway.registry.holds import Hold
from gateway.registry.log import Entry
from gateway.registry.markers import Marker
from gateway.registry.recalls import FileOpening
from gateway.secrets import secret_files

SUBJECT = "pupils"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How somebody names a child: a UPN, or a name with a date of birth, or both."""

    upn: str | None = None
    surname: str | None = None
    forename: str | None = None
    born: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file with the child. `deleted_at` is the sealed file's deletion; the index remains.

    `copies` are the providers with a copy of their own.
    """

    transfer: Transfer
    openings: tuple[FileOpening, ...]
    copies: tuple[str, ...]
    deleted_at: datetime | None
    on_hold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRoll:
    """A provider's latest statement about the child's place on roll."""

    provider: str
    on_roll: bool
    at: datetime
    reference: str
    record: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBefore:
    """An earlier question about the same child."""

    at: datetime
    who: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChild:
    """The findings about a child. `unindexed` counts stored files missing from the index."""

    files: tuple[FoundFile, ...]
    rolls: tuple[OnRoll, ...]
    markers: tuple[Marker, ...]
    holds: tuple[Hold, ...]
    questions: tuple[AskedBefore, ...]
    unindexed: int


def digests_of(home: Home, asked: Asked) -> frozenset[bytes]:
    """Return the digests of a child. GatewayError, without the words given, for an incomplete name."""
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
    """Return the findings about a child to one person, after logging the question."""
    now, digests = registrar.clock(), digests_of(registrar.home, asked)
    with registrar.registry.write() as session:
        found = _found(session, digests, asked_as=_digests_ever(registrar.home, asked))
        log.append(session, _questions(digests, len(found.files), by=by, why=why, what=what), now)
        registrar.sign_head(session, now)
    return found


def _digests_ever(home: Home, asked: Asked) -> frozenset[bytes]:
    """Return the digests of a child under the pupils' key and each before it: the log keeps old questions."""
    key = secret_files.pupil_key(home)
    return frozenset().union(*(_digests(asked, key[:end]) for end in range(KEY, len(key) + 1, KEY)))


def mark(
    registrar: Registrar, kind: markers.Kind, asked: Asked, people: Collection[str], *, by: str, why: str
) -> tuple[Marker, int]:
    """Restrict a child's files, present and future, to named people or to nobody.

    Returns the marker and the number of stored files missing from the index, covered as soon as indexed.
    GatewayError for a child marked so already.
    """
    now, digests = registrar.clock(), digests_of(registrar.home, asked)
    with registrar.registry.write() as session:
        if any(marker.kind == kind for marker in markers.of_child(session, digests)):
            raise GatewayError("the child is marked so already: gateway pupils markers")
        files = persons.transfers_with(session, digests)
        number = markers.place(session, kind, digests, people=people, transfers=files, by=by, why=why, at=now)
        fields: dict[str, str | int] = {"number": number, "cause": kind, "count": len(files)}
        entry = Entry(kind="pupil-marked", subject=SUBJECT, fields=fields, actor=by, note=why)
        log.append(session, [entry], now)
        registrar.sign_head(session, now)
        placed = next(one for one in markers.list_markers(session) if one.number == number)
        return placed, len(persons.unindexed(session))


def unmark(registrar: Registrar, number: int, *, by: str, why: str) -> None:
    """Lift a marker. GatewayError where there is none of the number."""
    now = registrar.clock()
    with registrar.registry.write() as session:
        markers.lift(session, number, by=by, why=why, at=now)
        fields = {"number": number}
        entry = Entry(kind="pupil-unmarked", subject=SUBJECT, fields=fields, actor=by, note=why)
        log.append(session, [entry], now)
        registrar.sign_head(session, now)


def _found(session: Session, digests: frozenset[bytes], *, asked_as: frozenset[bytes]) -> FoundChild:
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
    return FoundChild(
        files=files,
        rolls=_rolls(session, digests),
        markers=tuple(markers.of_child(session, digests)),
        holds=tuple(holds.of_child(session, digests)),
        questions=tuple(_asked_before(session, asked_as)),
        unindexed=len(persons.unindexed(session)),
    )


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
    """Return the earlier questions about a child, as far as the salts are kept."""
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
