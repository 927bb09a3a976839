"""Store what providers last stated about pupils (on roll or not), the rolls of held files, and teams' counts.

Pupils are known by keyed digests. The tables are indexes made from sealed files: the log does not vouch for
the rows, and they can be made again.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, null, or_, true, tuple_, union
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from gateway.model import RollEntry
from gateway.policy.discrepancies import RollRow
from gateway.registry import tables
from gateway.registry.tables import DeliveryRow, EventRow, FullRollRow, PupilRow, StagedRollRow, TransferRow
from gateway.registry.tables.row import drop, portions, rows, values
from gateway.registry.transfers import is_stored
from gateway.registry.vouched_rows import add_rows, insert_rows, is_in, is_one_of

LASTING = ("open", "resolved")
"""The states of a discrepancy still visible."""
_AT_ONCE = 2000
_GIVEN_BACK = "person:redelivered"
_COUNTED_ON_ROLLS: Any = (  # An empty roll has no row in the result.
    select_columns(col(PupilRow.provider), func.count().label("pupils"))
    .join(FullRollRow, col(FullRollRow.provider) == col(PupilRow.provider), isouter=True)
    .where(
        is_in(col(PupilRow.provider), "rolls"),
        col(PupilRow.on_roll),
        or_(col(FullRollRow.at).is_(None), col(PupilRow.at) >= col(FullRollRow.at)),
    )
    .group_by(col(PupilRow.provider))
)
_TO_TAKE_BACK = select(DeliveryRow).where(
    is_in(tuple_(col(DeliveryRow.transfer), col(DeliveryRow.team)), "given")
)


class Roll(NamedTuple):
    """The pupils of one provider in a roll. `at`: the time of landing; `transfer`: the file's sequence."""

    provider: str
    at: datetime
    transfer: int
    entries: Sequence[RollEntry]


def take_staged(session: Session, transfers: Collection[int]) -> dict[int, bytes]:
    """Delete the rolls kept for held files; return the deleted rolls, packed as bytes, by file's sequence."""
    staged = rows(session, StagedRollRow, transfer=transfers)
    drop(session, *staged)
    return {row.transfer: row.roll for row in staged}


def enter(session: Session, rolls: Iterable[Roll]) -> None:
    """Store the entries of rolls, in place of the provider's earlier entries; later entries stay."""
    latest: dict[tuple[str, bytes], dict[str, Any]] = {}
    for provider, at, transfer, entries in sorted(rolls, key=lambda one: one.at):
        for pupil, on_roll, record, birth_date, former, _ in entries:
            values = provider, pupil, on_roll, at, birth_date, former, transfer, record
            latest[provider, pupil] = dict(zip(_SAID, values, strict=True))
    insert_rows(session, PupilRow, [latest[key] for key in sorted(latest)], _SAID[2:], "at")


def take_out(session: Session, transfer: int) -> dict[str, list[RollEntry]]:
    """Remove the roll entries made by a file; return the removed by provider, without school numbers."""
    found: defaultdict[str, list[RollEntry]] = defaultdict(list)
    for row in rows(session, PupilRow, transfer=transfer):
        found[row.provider].append(RollEntry(row.pupil, row.on_roll, row.record, row.birth_date, row.former))
    session.execute(delete(PupilRow).where(col(PupilRow.transfer) == transfer))
    return found


def note_full_rolls(session: Session, sent: Mapping[str, datetime]) -> None:
    """Record the time at which each provider sent a complete roll; a later time on record stays."""
    known = full_rolls(session, sent.keys())
    for provider, at in sent.items():
        if provider not in known or known[provider] < at:
            session.merge(FullRollRow(provider=provider, at=at))
    session.flush()


def accepted_rolls(
    session: Session, provider: str, data_types: Collection[str], *, but: int | None = None
) -> Sequence[TransferRow]:
    """Return the accepted files of some data types with pupils of a provider, latest first. `but`: a file to
    leave out.
    """
    sent, of = TransferRow, tables.SchoolOfTransferRow
    for_it = select(of.transfer).where(of.provider == provider)
    by_it = and_(col(sent.provider) == provider, ~col(sent.sequence).in_(select(of.transfer)))
    which = col(sent.sequence) != but, or_(by_it, col(sent.sequence).in_(for_it))
    return rows(session, sent, "-landed_at", where=which, state="accepted", data_type=data_types)


def to_read_again(session: Session, *, limit: int) -> Sequence[str]:
    """Return references of the `limit` oldest accepted files that must be read again for their rolls."""
    # By sequence, so that SQLite does not look through all accepted files.
    some = col(TransferRow.sequence).in_(select(StagedRollRow.transfer).where(StagedRollRow.roll == b""))
    which = some, col(TransferRow.state) + "" == "accepted", is_stored()
    return values(session, TransferRow.reference, "sequence", where=which, limit=limit)


def count_on_rolls(session: Session, providers: Collection[str]) -> dict[str, int]:
    """Count the pupils on each provider's roll, as of its last complete roll and of files since."""
    found = session.execute(_COUNTED_ON_ROLLS, {"rolls": list(providers)})
    return dict.fromkeys(providers, 0) | dict(found.all())


def full_rolls(session: Session, providers: Collection[str]) -> dict[str, datetime]:
    """Return when each provider last sent a complete roll; providers without one are left out."""
    return {row.provider: row.at for row in rows(session, FullRollRow, provider=providers)}


_SAID = ("provider", "pupil", "on_roll", "at", "birth_date", "former", "transfer", "record")


def _said(columns: Sequence[Any]) -> RollRow:
    """Make a RollRow from values in the order of `_SAID`. As `reference` it gets the file's sequence."""
    said = dict(zip(_SAID, columns, strict=True))
    reference = str(said.pop("transfer"))
    digests = {name: said[name].hex() if said[name] else None for name in ("pupil", "birth_date", "former")}
    return RollRow(**{**said, **digests}, reference=reference)


def latest_of_everybody(session: Session) -> Iterator[RollRow]:
    """Yield the latest roll entry of each provider for each pupil, in no order."""
    query = select_columns(*(getattr(PupilRow, name) for name in _SAID))
    for row in session.execute(query.execution_options(yield_per=1000)):
        yield _said(row)


def comparable(session: Session, entered: Sequence[Roll]) -> tuple[list[RollRow], dict[str, datetime], bool]:
    """Return three facts for comparing `entered`, the rolls just stored, with other providers' rolls. First
    come all providers' roll entries of those pupils who may show a discrepancy: pupils named by several
    providers, known under two numbers, or in a lasting discrepancy. Second comes the time at which each of
    these providers last sent a complete roll. Third comes True if a provider in `entered` has a discrepancy
    that is open, or that a person has resolved while the data still differ.
    """
    entries = [entry for roll in entered for entry in roll.entries]
    renumbered = {one for entry in entries if entry.former for one in (entry.pupil, entry.former)}
    query = _comparable(session.get_bind().dialect.name, bool(renumbered))
    given = {"providers": list({roll.provider for roll in entered}), "renumbered": list(renumbered)}
    found: set[RollRow] = set()
    full_rolls, lasts = dict[str, datetime](), False
    wanted = sorted({entry.pupil for entry in entries})
    for some in portions(wanted, _AT_ONCE):
        for has_some, *row, full_at in session.execute(query, {**given, "some": some}):
            lasts |= bool(has_some)
            if row[0] is not None:
                found.add(_said(row))
            if full_at is not None:
                full_rolls[row[0]] = full_at
    return sorted(found, key=lambda one: (one.provider, one.pupil)), full_rolls, lasts


@cache
def _comparable(dialect: str, renumbered: bool) -> Any:  # noqa: ANN401 - a query of such columns
    party, whole = tables.DiscrepancyPartyRow, tables.DiscrepancyRow
    pupil, former, number = col(PupilRow.pupil), col(PupilRow.former), col(party.discrepancy)
    last = select_columns(number).join(whole, col(whole.number) == number)
    lasting = last.where(col(whole.state).in_(LASTING), is_in(col(party.provider), "providers"))
    of_them = select_columns(col(party.pupil)).where(number.in_(lasting))
    flag = select_columns(lasting.exists().label("lasts")).subquery()
    several = select_columns(pupil).where(is_one_of(dialect, pupil, "some")).group_by(pupil)
    several = several.having(func.count() > 1)
    renamed = (select_columns(one).where(is_one_of(dialect, former, "some")) for one in (pupil, former))
    wanted: Any = union(several, *renamed, of_them)
    others = [is_in(pupil, "renumbered")] if renumbered else []
    rows = (
        select_columns(*(getattr(PupilRow, name) for name in _SAID), col(FullRollRow.at).label("full_at"))
        .join(FullRollRow, col(FullRollRow.provider) == col(PupilRow.provider), isouter=True)
        .where(or_(pupil.in_(wanted), *others))
        .subquery()
    )
    # The outer join gives one row at least, for the flag.
    return select_columns(flag.c.lasts, *rows.c).select_from(flag).join(rows, true(), isouter=True)


class Earlier(NamedTuple):
    """An accepted file, and one team that has counts of it; a file has a row for each such team.
    `team` is None if none of the teams asked for has counts of the file. `collected_at` is None until a
    member of the team opens the counts. `on_roll` is the number of pupils on the provider's roll, if asked
    for.
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


def accepted_files(
    session: Session,
    senders: Collection[str],
    data_types: Collection[str],
    periods: Collection[str],
    *,
    teams: Collection[str] = (),
    counted: Collection[int] = (),
    rolls: Collection[str] = (),
    with_content: bool = False,
) -> tuple[list[Earlier], list[Earlier]]:
    """Return accepted files of some senders, data types and periods, in the order of landing, with the teams
    that have counts of each. `counted`: sequences of files to return whatever their period. `teams`: return
    also every file of which one of these teams has counts. `rolls`: providers whose pupils on roll are
    counted. `with_content`: True to add the content of each file, as JSON. With `teams`, return also the
    openings of files withdrawn at some time, each with its team, and its time as `collected_at`.
    """
    wanted = {"senders": senders, "data_types": data_types, "periods": periods, "rolls": rolls}
    given = {name: list(values) for name, values in {**wanted, "teams": teams, "counted": counted}.items()}
    query = _accepted(with_content, bool(teams))
    # Sorted here: with ORDER BY, SQLite would scan the accepted files of all providers.
    found, opened = list[Earlier](), list[Earlier]()
    for *row, leaf in sorted(session.execute(query, given), key=itemgetter(0)):
        one = Earlier(*row)
        if leaf is None:
            found.append(one)
        else:
            opened.append(one._replace(team=json.loads(leaf)["fields"].get("team")))
    return found, opened


@cache
def _accepted(with_content: bool, with_teams: bool) -> Any:  # noqa: ANN401 - a query of such columns
    sequence, provider = col(TransferRow.sequence), col(TransferRow.provider)
    columns = (
        *(col(getattr(TransferRow, name)) for name in Earlier._fields[:6]),
        col(TransferRow.content) if with_content else null(),
    )
    accepted, data_type = col(TransferRow.state) == "accepted", col(TransferRow.data_type)
    of_kind = (accepted, is_in(data_type, "data_types"), is_in(provider, "senders"))
    of_period = is_in(col(TransferRow.period), "periods")
    if not with_teams:
        return select_columns(*columns, null()).where(*of_kind, of_period)
    roll, team = _COUNTED_ON_ROLLS.subquery(), col(DeliveryRow.team)
    counted = col(DeliveryRow.transfer) == sequence, col(DeliveryRow.counts).is_(True)
    given = and_(*counted, is_in(team, "teams"))
    some = or_(of_period, is_in(sequence, "counted"), col(DeliveryRow.id).is_not(None))
    opened = (
        select_columns(*columns[:6], null(), null(), col(EventRow.at), null(), col(EventRow.leaf))
        .join(EventRow, col(EventRow.subject) == col(TransferRow.reference))
        .where(*of_kind[1:])
        .where(col(EventRow.kind) + "" == "collected")  # Written so that SQLite finds events by subject.
    )
    taken_back = opened.where(col(TransferRow.state).in_(("held", "refused")))
    reason = tables.ReasonRow
    given_back = opened.join(reason, col(reason.transfer) == sequence).where(col(reason.code) == _GIVEN_BACK)
    return (
        select_columns(*columns, team, col(DeliveryRow.collected_at), roll.c.pupils, null())
        .join(DeliveryRow, given, isouter=True)
        .join(roll, roll.c.provider == provider, isouter=True)
        .where(*of_kind, some)
        .union_all(taken_back, given_back)
    )


def limit_to_counts(session: Session, transfer: int, teams: Collection[str]) -> None:
    """Limit the given teams, to whom a file has been delivered, to counts of the file."""
    for row in rows(session, DeliveryRow, transfer=transfer):
        row.counts = True if row.team in teams else row.counts


def deliver_counts(session: Session, given: Collection[tuple[int, str]], at: datetime) -> None:
    """Record deliveries of counts, each given as sequence and team. No team may have the file yet."""
    rest = dict.fromkeys(("dealt_with_at", "dealt_with_by", "collected_at", "whole"))
    new = [{"transfer": transfer, "team": team, "delivered_at": at} for transfer, team in given]
    add_rows(session, DeliveryRow, [{**row, **rest, "counts": True} for row in new])


def take_back_counts(session: Session, given: Collection[tuple[int, str]]) -> None:
    """Delete deliveries of counts, because counts of a later file replace them; each is given as sequence and
    team.
    """
    drop(session, *session.scalars(_TO_TAKE_BACK, {"given": list(given)}).all())
