"""Records of breaches of personal data: made, amended and read, with an entry in the log for each.

An amended record is stored again under the same number; every version stays.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlmodel import Session

from gateway.errors import GatewayError, NotFoundError
from gateway.policy.catalogue import Catalogue
from gateway.record.accounts import account_of
from gateway.registry import breaches, keys, log, transfers
from gateway.registry.keys import Key
from gateway.registry.log import Entry
from gateway.reports.breach import Breach, Nature, breach_report
from gateway.reports.document import Document, Paragraph, Section
from gateway.reports.report import TransferAccount

_ADDED = ("transfers", "staff", "keys", "measures")


class Told(BaseModel):
    """A person's statements about a breach. Times are aware; texts name no pupil.

    `staff` are names, `keys` fingerprints or unique beginnings. `since` and `until` (excluded) limit the
    search by staff and keys; without staff, keys and transfers, all files of that time are concerned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aware_at: datetime
    transfers: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    natures: tuple[str, ...] = ()
    what: str = ""
    measures: tuple[str, ...] = ()
    contact: str = ""
    governance: str = ""
    notified_at: datetime | None = None


class _Kept(BaseModel):
    """The stored form of a breach record: a person's statements and the finished document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    told: Told
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachRecord:
    """The latest version of a breach record. `told` is None for a record made by an earlier release."""

    number: int
    versions: int
    at: datetime
    by: str | None
    told: Told | None
    document: Document


def drafted(
    session: Session, told: Told, catalogue: Catalogue, *, number: int, organisation: str, now: datetime
) -> Document:
    """Draft a record, completed from the registry, without storing the draft.

    GatewayError for a time in the future or an empty scope; NotFoundError for an unknown transfer, person or
    key.
    """
    _check(told, now)
    breach = Breach(
        number=number,
        organisation=organisation,
        became_aware_at=told.aware_at,
        happened_from=told.since,
        happened_until=told.until,
        nature=cast("tuple[Nature, ...]", told.natures),
        what_happened=told.what,
        accounts=tuple(_touched(session, told, organisation)),
        keys=tuple(
            (f"{key.owner_kind} {key.owner}", key.kind, key.fingerprint, key.state)
            for key in (_named_key(session, one) for one in told.keys)
        ),
        staff=told.staff,
        measures=told.measures,
        contact=told.contact,
        governance=told.governance,
        ico_notified_at=told.notified_at,
        zone=catalogue.calendar.timezone,
    )
    return breach_report(breach, catalogue.breach, now)


def _touched(session: Session, told: Told, organisation: str) -> list[TransferAccount]:
    """Return accounts of the transfers concerned in a breach, by landing. NotFoundError if one is unknown.

    For staff: the files opened, since the log records every opening beforehand. For a key: files sent over,
    signed with or opened with the key; for the gateway's own, the files sealed to the key.
    """
    references = set(told.transfers)
    for name in told.staff:
        if not breaches.is_staff(session, name):
            raise NotFoundError(f"there is no member of staff {name}")
        references |= breaches.collected_by(session, name, told.since, told.until)
    for fingerprint in told.keys:
        references |= _touched_by_key(session, _named_key(session, fingerprint), told)
    if not (told.transfers or told.staff or told.keys):
        references |= breaches.stepped_between(session, told.since, told.until)
    found = [transfers.get(session, reference) for reference in references]
    found.sort(key=lambda transfer: transfer.sequence)
    return [account_of(session, transfer, organisation) for transfer in found]


def _named_key(session: Session, fingerprint: str) -> Key:
    """Find the key, of any owner, by its fingerprint or a unique beginning."""
    wanted = fingerprint.replace(" ", "").lower()
    found = [key for key in keys.list_keys(session) if key.fingerprint.lower().startswith(wanted)]
    if not wanted or len(found) != 1:
        raise NotFoundError(f"there is no single key {fingerprint}")
    return found[0]


def _touched_by_key(session: Session, key: Key, told: Told) -> set[str]:
    if key.owner_kind == "staff":
        return breaches.collected_by(session, key.owner, told.since, told.until)
    asked = breaches.sealed_to if key.owner_kind == "gateway" else breaches.sent_with
    return asked(session, key.fingerprint, told.since, told.until)


def amended(known: BreachRecord, given: Mapping[str, Any]) -> Told:
    """Return a breach's statements, amended by `given`: scope and measures are added, others replaced.

    GatewayError for a record of an earlier release, stored as text alone.
    """
    if known.told is None:
        raise GatewayError(f"an earlier release made breach {known.number}: record it anew, and say so there")
    said = known.told.model_dump()
    added = {
        name: (*said[name], *(one for one in given.get(name, ()) if one not in said[name])) for name in _ADDED
    }
    return Told(**{**said, **given, **added})


def keep(session: Session, number: int, told: Told, document: Document, *, by: str, at: datetime) -> None:
    """Append a breach record, first or amended, to the log. The caller signs the log's head."""
    fields: dict[str, str | int] = {"number": number}
    note = _Kept(told=told, document=document).model_dump_json()
    entry = Entry(kind="breach-recorded", subject="breach", fields=fields, actor=by, note=note)
    log.append(session, [entry], at)


def records(session: Session) -> list[BreachRecord]:
    """Return every breach record in the latest version, by number."""
    found: dict[int, BreachRecord] = {}
    for event in log.events(session, "breach", kind="breach-recorded"):
        number = json.loads(event.leaf)["fields"]["number"]
        told, document = _read(number, event.note or "")
        versions = found[number].versions + 1 if number in found else 1
        found[number] = BreachRecord(
            number=number, versions=versions, at=event.at, by=event.actor, told=told, document=document
        )
    return [found[number] for number in sorted(found)]


def record(session: Session, number: int) -> BreachRecord:
    """Return a breach record. NotFoundError for an unknown number."""
    for one in records(session):
        if one.number == number:
            return one
    raise NotFoundError(f"there is no breach {number}")


def _read(number: int, note: str) -> tuple[Told | None, Document]:
    """Return statements and document of a breach record; an earlier release stored no statements."""
    try:
        kept = _Kept.model_validate_json(note)
    except ValidationError:
        lines: Sequence[str] = [line for line in note.splitlines() if line.strip()]
        text = Section("As an earlier release recorded it", tuple(Paragraph(line) for line in lines))
        return None, Document(f"Personal data breach {number}", "", (text,))
    return kept.told, kept.document


def _check(told: Told, now: datetime) -> None:
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
