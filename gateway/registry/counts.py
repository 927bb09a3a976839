"""Accepted files of a provider and kind, and the teams that got only counts of each."""

from collections.abc import Collection
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import and_, null, or_, tuple_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from gateway.registry import rolls
from gateway.registry.tables import DeliveryRow, TransferRow
from gateway.registry.vouched_rows import add_rows


class Earlier(NamedTuple):
    """An accepted file and one team given counts; one row for each such team.

    `team` is None where no team got counts; `collected_at` is None until a member opens the counts. `on_roll`
    is the number of pupils known on the provider's roll, where asked.
    """

    sequence: int
    provider: str
    data_type: str
    period: str | None
    reference: str
    landed_at: datetime
    content: str | None = None
    team: str | None = None
    collected_at: datetime | None = None
    on_roll: int | None = None


class Wanted(NamedTuple):
    """The files to be read by `accepted_files`: of the given senders and kinds, in one of the periods.

    Also read, for any period: the sequences in `counted`, and the files with counts for one of `teams`.
    `rolls` names the providers whose pupils on roll are counted.
    """

    senders: Collection[str]
    data_types: Collection[str]
    periods: Collection[str]
    teams: Collection[str] = ()
    counted: Collection[int] = ()
    rolls: Collection[str] = ()
    with_content: bool = False


def accepted_files(session: Session, wanted: Wanted) -> list[Earlier]:
    """Read accepted files in the order they landed."""
    sequence, provider = col(TransferRow.sequence), col(TransferRow.provider)
    columns = (
        *(col(getattr(TransferRow, name)) for name in Earlier._fields[:6]),
        col(TransferRow.content) if wanted.with_content else null(),
    )
    of_kind = (
        col(TransferRow.state) == "accepted",
        col(TransferRow.data_type).in_(wanted.data_types),
        provider.in_(wanted.senders),
    )
    of_period = col(TransferRow.period).in_(wanted.periods)
    if not wanted.teams:
        query = select_columns(*columns).where(*of_kind, of_period)
    else:
        roll = rolls.counted_on_rolls(wanted.rolls).subquery()
        given = and_(
            col(DeliveryRow.transfer) == sequence,
            col(DeliveryRow.counts).is_(True),
            col(DeliveryRow.team).in_(wanted.teams),
        )
        some = or_(of_period, sequence.in_(wanted.counted), col(DeliveryRow.id).is_not(None))
        query = (
            select_columns(*columns, col(DeliveryRow.team), col(DeliveryRow.collected_at), roll.c.pupils)
            .join(DeliveryRow, given, isouter=True)
            .join(roll, roll.c.provider == provider, isouter=True)
            .where(*of_kind, some)
        )
    # Sorted here: with ORDER BY, SQLite would scan the accepted files of all providers.
    return [Earlier(*row) for row in sorted(session.execute(query), key=itemgetter(0))]


def mark(session: Session, transfer: int, teams: Collection[str]) -> None:
    """Mark deliveries of a file: the teams are given counts alone."""
    query = select(DeliveryRow).where(DeliveryRow.transfer == transfer, col(DeliveryRow.team).in_(teams))
    for row in session.exec(query):
        row.counts = True
    session.flush()


def deliver(session: Session, given: Collection[tuple[int, str]], at: datetime) -> None:
    """Deliver counts of files to teams without an earlier delivery."""
    rest = dict.fromkeys(("dealt_with_at", "dealt_with_by", "collected_at", "whole"))
    rows = [{"transfer": transfer, "team": team, "delivered_at": at} for transfer, team in given]
    add_rows(session, DeliveryRow, [{**row, **rest, "counts": True} for row in rows])


def take_back(session: Session, given: Collection[tuple[int, str]]) -> None:
    """Delete teams' unopened counts of files, replaced by those of later files."""
    place = tuple_(col(DeliveryRow.transfer), col(DeliveryRow.team))
    rows = session.exec(select(DeliveryRow).where(place.in_(list(given)))).all()
    for row in rows:
        session.delete(row)
    session.flush()
