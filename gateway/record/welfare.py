"""Children on no roll, and movers, for the education welfare team. Every question is logged."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.policy.discrepancies import Gone, RollRow, gone
from gateway.record.children import SUBJECT
from gateway.record.registrar import Registrar
from gateway.registry import log, markers, persons, providers, rolls, transfers
from gateway.registry.log import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Leavers:
    """Children who left since a day. `hidden` counts further children whose data the person may not see."""

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
    """Return the leavers, and the question's log entry for the caller to record beforehand."""
    found = [one for one in _gone(session) if one.left_at >= since and (one.to is not None) == moved]
    hidden = markers.kept_from(session, name)
    shown = [one for one in found if bytes.fromhex(one.pupil) not in hidden]
    fields: dict[str, str | int] = {"what": "movers" if moved else "missing", "count": len(shown)}
    question = Entry(kind="pupils-asked", subject=SUBJECT, fields=fields, actor=by)
    return Leavers(children=_named(session, shown), hidden=len(found) - len(shown)), question


def _gone(session: Session) -> list[Gone]:
    rows = [
        RollRow(
            provider=row.provider,
            pupil=row.pupil.hex(),
            on_roll=row.on_roll,
            at=row.at,
            former=row.former.hex() if row.former else None,
            reference=str(row.transfer),
            record=row.record,
        )
        for row in persons.latest_of_everybody(session)
    ]
    enrolled = [provider.id for provider in providers.list_providers(session)]
    return gone(rows, rolls.full_rolls(session, enrolled))


def _named(session: Session, found: list[Gone]) -> tuple[Gone, ...]:
    """Replace sequences by the files' references."""
    references = transfers.references(session, {int(one.reference) for one in found})
    return tuple(
        Gone(
            pupil=one.pupil,
            provider=one.provider,
            reference=references[int(one.reference)],
            record=one.record,
            left_at=one.left_at,
            to=one.to,
        )
        for one in found
    )
