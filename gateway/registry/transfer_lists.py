"""List transfers by criteria, in pages, and count what the console's first page shows."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, exists, literal_column, or_, select
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import Session, col, func

from gateway.access import Sight
from gateway.errors import NotFoundError
from gateway.log.leaf import Kind
from gateway.model import Folder, Reason, State, Transfer, WaitsFor
from gateway.reasons import RETURNED, SENT_BACK, UNDECIDED, WITHDRAWN_BY_ONE
from gateway.registry import tables
from gateway.registry.recalls import OPENED
from gateway.registry.sight import table_of, within
from gateway.registry.tables import DeliveryRow, EventRow, KeyRow, ProviderRow, ReasonRow, TransferRow
from gateway.registry.tables.row import AT_ONCE, rows
from gateway.registry.transfers import transfers_of

MOST = 1000
"""The number at which counting stops: a page says "more than 999"."""


def landed_by_state(session: Session, midnights: Sequence[datetime]) -> list[dict[str, int]]:
    """Count the files landed on each day, by their present state. `midnights` are the limits of the days."""
    landed = col(TransferRow.landed_at)
    day = case(*((landed < end, place) for place, end in enumerate(midnights[1:])))
    query = select(day, col(TransferRow.state), func.count()).group_by(day, col(TransferRow.state))
    found: list[dict[str, int]] = [{} for _ in midnights[1:]]
    for place, state, number in session.execute(query.where(landed >= midnights[0], landed < midnights[-1])):
        found[place][str(state)] = int(number)
    return found


def times_to_decision(session: Session, latest: int) -> list[timedelta]:
    """Return the time from landing to the first decision of each decided file of the last `latest` transfers.
    Only the first decision counts: it made the receipt, while a person may decide on a held file days later.
    """
    of_it = col(EventRow.subject) == col(TransferRow.reference), col(EventRow.kind) + "" == "decided"
    first = select(func.min(col(EventRow.at))).where(*of_it).scalar_subquery()
    query = select(col(TransferRow.landed_at), first)
    rows = session.execute(query.order_by(col(TransferRow.sequence).desc()).limit(latest))
    return [decided - landed for landed, decided in rows if decided is not None]


def still_landed(session: Session) -> int:
    """Count the files waiting for a decision, at most MOST."""
    return _count(session, select(col(TransferRow.sequence)).where(col(TransferRow.state) == "landed"), MOST)


def keys_ending(session: Session, now: datetime, before: datetime) -> int:
    """Count providers' certificates in use that expire between `now` and `before`; stop counting at MOST."""
    query = select(col(KeyRow.fingerprint)).where(
        col(KeyRow.owner_kind) == "provider",
        col(KeyRow.state).in_(("active", "retiring")),
        col(KeyRow.expires_at) > now,
        col(KeyRow.expires_at) < before,
    )
    return _count(session, query, MOST)


class ThingsWaiting(NamedTuple):
    """How many things of a kind wait for a person, at most MOST, and since when the oldest has waited."""

    number: int
    since: datetime | None


def unread_notices(session: Session) -> ThingsWaiting:
    """Count the notices to data protection that nobody has read."""
    notice = tables.AuthorityNoticeRow
    return _waiting(session, col(notice.created_at), col(notice.read_at).is_(None))


PROPOSAL_ENDS = frozenset({"release-declined", "decided", "released", "refused", "withdrawn"})
"""The kinds of event that end the proposal of a release."""


def awaiting_a_second(session: Session, sight: Sight) -> list[str]:
    """Return references of held files in a sight on which a second person has to decide, latest first."""
    wanted = TransfersWanted(state="held", sight=sight, equal=(("waits_for", WaitsForWhom.SECOND),))
    query = select(col(TransferRow.reference)).where(*_conditions(wanted))
    return [*session.scalars(query.order_by(col(TransferRow.sequence).desc()).limit(MOST))]


def proposed_again(session: Session, sight: Sight) -> list[str]:
    """Return references of files in a sight whose delivery was proposed, whatever became of the proposal."""
    of_it, kind = col(TransferRow.reference) == col(EventRow.subject), col(EventRow.kind)
    query = select(col(TransferRow.reference)).join(EventRow, of_it).distinct()
    return [*session.scalars(query.where(kind == "redelivery-proposed", *within(sight)))]


def owners_of_held_files(session: Session, sight: Sight) -> dict[str, str]:
    """Return the assigned person of each held file in a sight, by reference."""
    query = _of_held("assigned", sight, col(EventRow.subject), col(EventRow.note))
    last = {row[0]: row[1] for row in session.execute(query.order_by(col(EventRow.number)))}
    return {reference: name for reference, name in last.items() if name}


def _of_held(kind: Kind, sight: Sight, *columns: Any) -> Select[Any]:  # noqa: ANN401 - of whatever type
    """Return the query for log entries of one kind about held files in a sight. `columns`: the columns to
    select.
    """
    query = select(*columns).join(TransferRow, col(TransferRow.reference) == col(EventRow.subject))
    return query.where(col(EventRow.kind) == kind, col(TransferRow.state) == "held", *within(sight))


def assigned_by_others(session: Session, sight: Sight, name: str) -> ThingsWaiting:
    """Count the held files in a sight that somebody else has assigned to the person `name`."""
    last = _of_held("assigned", sight, func.max(col(EventRow.number))).group_by(col(EventRow.subject))
    by_others = col(EventRow.actor) != name, ~col(EventRow.actor).startswith(f"{name} (", autoescape=True)
    return _waiting(
        session, col(EventRow.at), col(EventRow.number).in_(last), col(EventRow.note) == name, *by_others
    )


def keys_pending(session: Session, most: int) -> Iterator[tuple[str, str, datetime]]:
    """Yield `most` providers with keys waiting for approval: id, name, and time of the oldest key.
    The oldest keys come first. Read all results while the session is open.
    """
    first = func.min(col(KeyRow.added_at))
    # An expression, so that the database uses the index of subjects.
    suspends = col(EventRow.subject) == col(KeyRow.fingerprint), col(EventRow.kind) + "" == "key-suspended"
    pending = col(KeyRow.owner_kind) == "provider", col(KeyRow.state) == "pending"
    query = (
        select(col(ProviderRow.id), col(ProviderRow.name), first)
        .join(KeyRow, col(KeyRow.owner) == col(ProviderRow.id))
        .where(*pending, ~exists().where(*suspends))
        .group_by(col(ProviderRow.id), col(ProviderRow.name))
        .order_by(first)
        .limit(most)
    )
    yield from session.execute(query)


def _waiting(session: Session, since: Mapped[datetime], *which: ColumnElement[bool]) -> ThingsWaiting:
    some = select(since.label("since")).where(*which).order_by(since).limit(MOST).subquery()
    return ThingsWaiting(*session.execute(select(func.count(), func.min(some.c.since))).one())


def recalls_asked(session: Session, since: datetime) -> list[EventRow]:
    """Return the proposals, made after `since`, to recall files from mailboxes that nobody has answered,
    oldest first. A withdrawal of the file answers a proposal, even if the file was given back later.
    """
    query = (
        select(EventRow, col(TransferRow.state))
        .join(TransferRow, col(TransferRow.reference) == col(EventRow.subject))
        .where(col(EventRow.kind).in_(("act-proposed", "withdrawn")), col(EventRow.at) > since)
        .order_by(col(EventRow.number).desc())
        .limit(MOST)
    )
    latest: dict[str, EventRow | None] = {}
    for row, state in session.execute(query):
        if row.kind == "withdrawn" or b'"what":"recall"' in row.leaf:
            latest.setdefault(row.subject, row if row.kind != "withdrawn" and state == "accepted" else None)
    return [one for one in reversed(latest.values()) if one is not None]


def openings(session: Session, before: int | None, limit: int) -> Sequence[EventRow]:
    """Return the `limit` latest log entries about openings of files, numbered below `before` (None: any)."""
    below = [] if before is None else [col(EventRow.number) < before]
    # One query a kind follows the index; both at once would sort.
    some = (rows(session, EventRow, "-number", where=below, limit=limit, kind=kind) for kind in OPENED)
    return sorted(chain.from_iterable(some), key=lambda row: row.number, reverse=True)[:limit]


def count_openings(session: Session) -> int:
    """Count the log entries about openings of files, at most MOST."""
    return _count(session, select(col(EventRow.number)).where(col(EventRow.kind).in_(OPENED)), MOST)


class WaitsForWhom(StrEnum):
    """The person or event awaited by a held file."""

    PERSON = "a person"
    SECOND = "a second person"
    ADMINISTRATOR = "an administrator"
    SCHOOL = "the school"
    DATE = "a date"


WAIT_FOR_WHOM: Mapping[WaitsFor, WaitsForWhom] = {
    "person": WaitsForWhom.PERSON,
    "approval": WaitsForWhom.ADMINISTRATOR,
    "key": WaitsForWhom.SCHOOL,
    "ratification": WaitsForWhom.SCHOOL,
    "date": WaitsForWhom.DATE,
}
"""For whom a held file waits, by its `waits_for`, unless a second person was asked to decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransfersWanted:
    """Criteria for transfers; a transfer must meet all those given.
    - `since`, `until`: limits of the landing time, `until` excluded. `before`: sequences below this one.
    - `code`: a reason's code, or only its stage, such as "policy". `equal`: names of `SOUGHT`, each with a
      value.
    - `search`: words, each a part, in any case, of the reference, the file's name, the data type, the data
      type's name in `kinds`, or the provider's name.
    - `sort`: one of `SORTED`, with a hyphen before for descending order; None for the order of landing.
    - `group`: the column by which the list is ordered first. `sight`: the files of which the person may know.
    """

    sight: Sight
    state: str | None = None
    provider: str | None = None
    data_type: str | None = None
    team: str | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    search: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    equal: Sequence[tuple[str, str]] = ()
    sort: str | None = None
    group: str | None = None


SOUGHT = frozenset(
    {"reference", "provider", "provider_name", "state", "outcome", "data_type", "waits_for", "owner", "why"}
)
"""Columns by which the database narrows a listing; `why` by the first code of the reasons."""
SORTED = SOUGHT | {"name", "landed_at", "days"}
"""Columns by which the database sorts a listing."""


def count(session: Session, wanted: TransfersWanted, most: int | None = None) -> int:
    """Count the transfers that meet the criteria; stop counting at `most`."""
    return _count(session, select(col(TransferRow.sequence)).where(*_conditions(wanted)), most)


def on_record(session: Session, field: str, value: str) -> bool:
    """Return True if a transfer that the session shows has a `value` in a field, "data_type" or "team"."""
    column = col(DeliveryRow.team if field == "team" else TransferRow.data_type)
    return session.scalars(select(column).where(column == value).limit(1)).first() is not None


def _count(session: Session, query: Select[Any], most: int | None) -> int:
    counted = select(func.count()).select_from(query.limit(most).subquery())
    return int(session.execute(counted).scalar_one())


def by_group(session: Session, wanted: TransfersWanted) -> dict[str, int]:
    """Count the transfers matching the criteria, by each value of the column `group`."""
    key = _column(wanted.group or "").label("key")
    some = select(key).where(*_conditions(wanted)).subquery()
    grouped = select(some.c.key, func.count()).group_by(some.c.key).order_by(some.c.key)
    return {value: int(number) for value, number in session.execute(grouped)}


def by_whom(session: Session, wanted: TransfersWanted, most: int) -> dict[WaitsForWhom, ThingsWaiting]:
    """Count, by person or event waited for, the `most` oldest transfers that meet the criteria."""
    landed = col(TransferRow.landed_at)
    whom = _column("waits_for").label("whom")
    query = select(whom, landed.label("since")).where(*_conditions(wanted)).order_by(landed)
    some = query.limit(most).subquery()
    grouped = select(some.c.whom, func.count(), func.min(some.c.since)).group_by(some.c.whom)
    return {WaitsForWhom(name): ThingsWaiting(*found) for name, *found in session.execute(grouped)}


def latest(session: Session, wanted: TransfersWanted, most: int) -> list[Transfer]:
    """Return the latest `most` transfers matching the criteria, latest first, without contents."""
    query = select(TransferRow).where(*_conditions(wanted)).order_by(col(TransferRow.sequence).desc())
    return transfers_of(session, session.scalars(query.limit(most)).all(), with_content=False)


def page(session: Session, wanted: TransfersWanted, after: int | None, most: int) -> list[Transfer]:
    """Return the next `most` transfers meeting the criteria, in the order wanted.
    `after`: the sequence of the last transfer of the page before; None for the first page. NotFoundError if
    the list is sorted by values, and that transfer is outside the session's sight.
    """
    if wanted.sort is None and wanted.group is None:
        return latest(session, replace(wanted, before=after), most)
    order = [(_column(wanted.group), False)] if wanted.group else []
    down = wanted.sort is None or wanted.sort.startswith("-") != (wanted.sort.lstrip("-") == "days")
    if wanted.sort:
        order.append((_column(wanted.sort.removeprefix("-")), down))
    order.append((col(TransferRow.sequence), down))
    # Only sequences are sorted and limited here: sorting the long rows themselves would be slow.
    query = select(col(TransferRow.sequence)).where(*_conditions(wanted))
    if after is not None:
        keys = select(*(key for key, _ in order)).where(col(TransferRow.sequence) == after)
        if (last := session.execute(keys).one_or_none()) is None:
            raise NotFoundError(f"there is no transfer with the sequence {after}")
        # A condition on the first key alone lets the database begin within an index.
        query = query.where(order[0][0] <= last[0] if order[0][1] else order[0][0] >= last[0])
        query = query.where(_beyond(order, last))
    query = query.order_by(*(key.desc() if down else key for key, down in order)).limit(most)
    numbers = [*session.scalars(query)]
    found = session.scalars(select(TransferRow).where(col(TransferRow.sequence).in_(numbers)))
    rows = {row.sequence: row for row in found}
    return transfers_of(session, [rows[one] for one in numbers], with_content=False)


def _beyond(order: Sequence[tuple[Any, bool]], last: Sequence[Any]) -> ColumnElement[bool]:
    """Return the SQL condition for rows that come after given key values in an order.
    `last`: the key values. `order`: each key as SQL, and True if the order is descending.
    """
    (key, down), *rest = order
    further: ColumnElement[bool] = key < last[0] if down else key > last[0]
    return or_(further, and_(key == last[0], _beyond(rest, last[1:]))) if rest else further


def _column(name: str) -> Any:  # noqa: ANN401 - a column or an expression of whatever type
    """Return SQL for the column `name` of a list, to sort, group and compare by; empty values come first.
    Subqueries read plain tables, which no sight limits: the sight limits the transfers themselves.
    """
    row, sequence = TransferRow, col(TransferRow.sequence)
    reason, event, transfer = table_of(ReasonRow), table_of(EventRow), table_of(TransferRow).alias()
    match name:
        case "provider_name":
            school = select(col(ProviderRow.name)).where(col(ProviderRow.id) == col(row.provider))
            found: Any = func.coalesce(school.scalar_subquery(), col(row.provider))
        case "owner":
            of_it = event.c.subject == col(row.reference), event.c.kind == "assigned"
            last = select(event.c.note).where(*of_it).order_by(event.c.number.desc()).limit(1)
            found = func.coalesce(last.scalar_subquery(), "")
        case "waits_for":
            # Subqueries that do not depend on the file, so each is run once: few files wait so.
            withdrawn = select(reason.c.transfer).where(reason.c.code == WITHDRAWN_BY_ONE)
            later = event.alias()
            ends = exists().where(
                later.c.subject == event.c.subject, later.c.number > event.c.number,
                later.c.kind.in_(PROPOSAL_ENDS),
            )  # fmt: skip
            proposed = (
                select(transfer.c.sequence)
                .join(event, event.c.subject == transfer.c.reference)
                .where(event.c.kind == "release-proposed", ~ends)
            )
            whom = ((col(row.waits_for) == what, whom.value) for what, whom in WAIT_FOR_WHOM.items())
            second = or_(sequence.in_(withdrawn), sequence.in_(proposed)), WaitsForWhom.SECOND.value
            found = case(second, *whom, else_=WaitsForWhom.PERSON.value)
        case "outcome":
            advised = exists().where(reason.c.transfer == sequence, reason.c.code == RETURNED)
            returned = col(row.state) == "refused", advised
            undecided = col(row.state) == "landed"
            found = case((and_(*returned), SENT_BACK), (undecided, UNDECIDED), else_=col(row.state))
        case "why":
            code = select(func.min(reason.c.code)).where(reason.c.transfer == sequence)
            found = func.coalesce(code.scalar_subquery(), "")
        case "data_type":
            found = func.coalesce(col(row.data_type), "")
        case _:
            found = col(row.landed_at if name == "days" else getattr(row, name))
    return found


class InShort(NamedTuple):
    """The few columns of a transfer that a long list shows, and the reasons for which it is held."""

    reference: str
    data_type: str | None
    state: State
    landed_at: datetime
    name: str = ""
    folder: Folder = "in"
    few: bool | None = None
    reasons: tuple[Reason, ...] = ()


_IN_SHORT = [col(getattr(TransferRow, name)) for name in InShort._fields[:-1]]


def lately_in_short(
    session: Session, since: datetime, provider: str | None = None, most: int | None = None
) -> Mapping[str, Sequence[InShort]]:
    """Return by provider the transfers landed from `since` on, latest first.
    `provider`: if given, only this provider's transfers are returned, at most `most`.
    """
    found: defaultdict[str, list[InShort]] = defaultdict(list)
    landed, latest_first = col(TransferRow.landed_at), col(TransferRow.sequence).desc()
    query = select(col(TransferRow.provider), *_IN_SHORT).where(landed >= since)
    if provider is not None:
        query = query.where(col(TransferRow.provider) == provider).order_by(latest_first).limit(most)
    else:
        # The index of landings gives this order. For the order of sequences all files would be read.
        query = query.order_by(landed.desc(), latest_first)
    for of, *rest in session.execute(query):
        found[of].append(InShort(*rest))
    return found


def sent_again(session: Session, found: Collection[Transfer]) -> dict[str, list[str]]:
    """Return the held files among `found` that their provider has sent several times, with the same content.
    Each comes, by reference, with the references of all held files with that content, oldest first.
    """
    sent, twin = TransferRow, aliased(TransferRow)
    numbered = cast(col(twin.sequence), Text) + " " + col(twin.reference)
    same = select(func.aggregate_strings(numbered, ",")).where(
        col(twin.content_sha256) == col(sent.content_sha256),
        col(twin.provider) == col(sent.provider),
        col(twin.state) == literal_column("'held'"),  # A bound parameter would miss the partial index.
    )
    query = select(col(sent.reference), same.scalar_subquery())
    told = session.execute(query.where(col(sent.sequence).in_([one.sequence for one in found])))
    numbers = {of: [one.split(" ") for one in every.split(",")] for of, every in told if "," in (every or "")}
    return {
        of: [reference for _, reference in sorted(every, key=lambda one: int(one[0]))]
        for of, every in numbers.items()
    }


def whose_files_wait(session: Session) -> frozenset[str]:
    """Return the ids of the providers with a held file."""
    query = select(col(TransferRow.provider)).where(col(TransferRow.state) == "held").distinct()
    return frozenset(session.execute(query).scalars())


def held_in_short(session: Session, most: int, provider: str | None = None) -> dict[str, list[InShort]]:
    """Return by provider, of all or of one, the `most` held files landed last, in the order of landing."""
    row, why = TransferRow, ReasonRow
    held = [col(row.state) == "held", *([] if provider is None else [col(row.provider) == provider])]
    latest_first = col(row.sequence).desc()
    if provider is not None:
        some = select(col(row.sequence)).where(*held).order_by(latest_first).limit(most)
        held.append(col(row.sequence).in_(some))
    told = col(why.code), col(why.clause), col(why.sentence), col(why.next_step)
    query = select(col(row.provider), *_IN_SHORT, *told).join(why, col(why.transfer) == col(row.sequence))
    found: defaultdict[str, dict[InShort, list[Reason]]] = defaultdict(dict)
    for of, *rest, code, clause, sentence, step in session.execute(
        query.where(*held).order_by(latest_first, col(why.ordinal))
    ):
        if (one := InShort._make([*rest, ()])) in found[of] or len(found[of]) < most:
            reason = Reason(code=code, clause=clause, sentence=sentence, next_step=step)
            found[of].setdefault(one, []).append(reason)
    return {
        of: [one._replace(reasons=tuple(why)) for one, why in reversed(files.items())]
        for of, files in found.items()
    }


def has(session: Session, wanted: TransfersWanted, reference: str) -> bool:
    """Return True if a transfer, by reference, matches the criteria."""
    return bool(count(session, replace(wanted, equal=(*wanted.equal, ("reference", reference))), 1))


def pages(session: Session, wanted: TransfersWanted) -> Iterator[list[Transfer]]:
    """Yield all transfers matching the criteria in order of landing, in pages, without contents."""
    after = 0
    while True:
        query = select(TransferRow).where(*_conditions(wanted), col(TransferRow.sequence) > after)
        rows = session.scalars(query.order_by(col(TransferRow.sequence)).limit(AT_ONCE)).all()
        if not rows:
            return
        after = rows[-1].sequence or after
        yield transfers_of(session, rows, with_content=False)
        session.expunge_all()  # Listed rows need no memory.


def _conditions(wanted: TransfersWanted) -> Iterator[ColumnElement[bool]]:
    for name in ("state", "provider", "data_type"):
        if (value := getattr(wanted, name)) is not None:
            yield col(getattr(TransferRow, name)) == value
    for name, value in wanted.equal:
        yield _column(name) == value
        if name == "outcome":  # The state is in an index.
            yield col(TransferRow.state) == {SENT_BACK: "refused", UNDECIDED: "landed"}.get(value, value)
    if wanted.since is not None:
        yield col(TransferRow.landed_at) >= wanted.since
    if wanted.until is not None:
        yield col(TransferRow.landed_at) < wanted.until
    if wanted.before is not None:
        yield col(TransferRow.sequence) < wanted.before
    yield from (_has_word(wanted, word) for word in (wanted.search or "").split())
    yield from within(wanted.sight)
    if wanted.team is not None:
        of_it = col(DeliveryRow.transfer) == col(TransferRow.sequence)
        yield exists().where(of_it, col(DeliveryRow.team) == wanted.team)
    if wanted.code is not None:
        code, of_stage = col(ReasonRow.code), f"{wanted.code}:"
        fits = code == wanted.code if ":" in wanted.code else code.startswith(of_stage, autoescape=True)
        yield exists().where(col(ReasonRow.transfer) == col(TransferRow.sequence), fits)


def _has_word(wanted: TransfersWanted, word: str) -> ColumnElement[bool]:
    # SQLite folds ASCII alone, and PostgreSQL as its locale does.
    spelled = {word} if word.isascii() else {word, word.lower(), word.upper(), word.title()}

    def within_one_of(row: type[ProviderRow | TransferRow], *names: str) -> list[ColumnElement[bool]]:
        columns = [col(getattr(row, name)) for name in names]
        return [column.icontains(one, autoescape=True) for column in columns for one in sorted(spelled)]

    named = select(col(ProviderRow.id)).where(or_(*within_one_of(ProviderRow, "name", "id")))
    kinds = [one for one, name in wanted.kinds.items() if word.casefold() in name.casefold()]
    of_it = within_one_of(TransferRow, "reference", "name", "data_type")
    return or_(col(TransferRow.provider).in_(named), col(TransferRow.data_type).in_(kinds), *of_it)
