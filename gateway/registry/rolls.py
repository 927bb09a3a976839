"""What providers' latest files said of each pupil, as keyed digests, and the rolls of held files.

These tables are indexes made from sealed files: the log does not vouch for their rows, and they may be
made again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from gateway.model import RollEntry
from gateway.registry.tables import FullRollRow, PupilRow, StagedRollRow

_AT_ONCE = 500


def stage(session: Session, transfer: int, roll: bytes) -> None:
    """Keep the packed roll of a held file, instead of what was kept of it before."""
    session.merge(StagedRollRow(transfer=transfer, roll=roll))
    session.flush()


def take_staged(session: Session, transfer: int) -> bytes | None:
    """The packed roll of a file that was held, which is then gone."""
    row = session.get(StagedRollRow, transfer)
    if row is None:
        return None
    session.delete(row)
    session.flush()
    return row.roll


def enter(
    session: Session, provider: str, entries: Iterable[RollEntry], *, at: datetime, transfer: int
) -> None:
    """Put down what a file said of its pupils, where nothing later is known of them."""
    values = [
        {
            "provider": provider,
            "pupil": entry.pupil,
            "on_roll": entry.on_roll,
            "at": at,
            "birth_date": entry.birth_date,
            "former": entry.former,
            "transfer": transfer,
            "record": entry.record,
        }
        for entry in entries
    ]
    if not values:
        return
    insert: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = insert(PupilRow)
    later = new.on_conflict_do_update(
        index_elements=[col(PupilRow.provider), col(PupilRow.pupil)],
        set_={
            name: new.excluded[name]
            for name in ("on_roll", "at", "birth_date", "former", "transfer", "record")
        },
        where=col(PupilRow.at) <= new.excluded.at,
    )
    session.connection().execute(later, values)


def note_full_roll(session: Session, provider: str, at: datetime) -> None:
    """A provider sent its complete roll at `at`."""
    row = session.get(FullRollRow, provider)
    if row is None:
        session.add(FullRollRow(provider=provider, at=at))
    elif row.at < at:
        row.at = at
        session.add(row)
    session.flush()


def full_rolls(session: Session, providers: Collection[str]) -> dict[str, datetime]:
    """When each of these providers last sent its complete roll, where it ever did."""
    query = select(FullRollRow).where(col(FullRollRow.provider).in_(list(providers)))
    return {row.provider: row.at for row in session.exec(query)}


def of_pupils(session: Session, pupils: Collection[bytes]) -> Iterator[PupilRow]:
    """What every provider says of these pupils."""
    for some in _batches(pupils):
        yield from session.exec(select(PupilRow).where(col(PupilRow.pupil).in_(some)))


def shared(session: Session, provider: str, pupils: Collection[bytes]) -> set[bytes]:
    """Those of the pupils of whom another provider says something too."""
    others = select(PupilRow.pupil).where(PupilRow.provider != provider)
    return {
        pupil
        for some in _batches(pupils)
        for pupil in session.exec(others.where(col(PupilRow.pupil).in_(some)))
    }


def renumbered_from(session: Session, pupils: Collection[bytes]) -> set[bytes]:
    """Those pupils of whom somebody says that they are another one now, and these others."""
    query = select(PupilRow.pupil, PupilRow.former)
    return {
        pupil
        for some in _batches(pupils)
        for pair in session.exec(query.where(col(PupilRow.former).in_(some)))
        for pupil in pair
        if pupil is not None
    }


def _batches(digests: Collection[bytes]) -> Iterator[list[bytes]]:
    wanted = sorted(digests)
    for start in range(0, len(wanted), _AT_ONCE):
        yield wanted[start : start + _AT_ONCE]
