"""Limit a session for reading, so queries find only the files in a person's sight.

A limited session answers as if no other files existed: every result lacks the rows that belong to a hidden
file, name its reference, or are log entries about it. So listings need no condition of their own. The doors
choose the sight of a session with `Registry.within`.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, event, exists, false, literal, not_, or_, union_all
from sqlalchemy import select as select_columns
from sqlalchemy.orm import LoaderCriteriaOption, ORMExecuteState, with_loader_criteria
from sqlalchemy.orm.interfaces import CriteriaOption
from sqlalchemy.sql.visitors import InternalTraversal
from sqlmodel import Session, SQLModel, col

from gateway.access import SENSITIVE_REASON_CODES, Sight
from gateway.errors import GatewayError
from gateway.home import REFERENCE
from gateway.model import Transfer
from gateway.registry import tables
from gateway.registry.tables import MarkedTransferRow, MarkerPersonRow, MarkerRow, ReasonRow, TransferRow
from gateway.registry.tables.row import portions

WHOLE = "gateway_whole"
"""The execution option of a statement that is never limited: for numbers, or a team's own files."""
_NAMING = ("reference", "subject")


def is_sensitive(transfer: Transfer) -> bool:
    """Return True if a transfer has a reason for which only few people may know of the file."""
    return not SENSITIVE_REASON_CODES.isdisjoint(why.code for why in transfer.reasons)


def is_few() -> ColumnElement[bool]:
    """Return the SQL condition for sensitive transfers, known to few people only."""
    return col(TransferRow.sequence).in_(_few())


def within(sight: Sight, sequence: ColumnElement[Any] | None = None) -> Iterator[ColumnElement[bool]]:
    """Yield the SQL conditions that a transfer is in a person's sight. `sequence`: the column with the
    sequence.
    """
    number = cast("ColumnElement[Any]", col(TransferRow.sequence)) if sequence is None else sequence
    if not sight.ordinary:
        yield number.in_(_few()) if sight.few else false()
    elif not sight.few:
        yield number.not_in(_few())
    if not sight.marked:
        yield number.not_in(_kept_from(sight.person))


def is_seen_by(person: str | None) -> ColumnElement[bool]:
    """Return the SQL condition that no marker hides a transfer from a person (None: from anybody)."""
    marked = table_of(MarkedTransferRow)  # Looked up for each file of a page, by its index.
    return ~_kept_from(person).where(marked.c.transfer == col(TransferRow.sequence)).exists()


def sees(session: Session, sight: Sight, reference: str) -> bool:
    """Return True if a person may know of the file with a reference, or if no file has the reference."""
    return sight.is_whole or not _unseen(session, sight, [reference])


def named_in(text: str) -> frozenset[str]:
    """Return the references of files that a text names."""
    return frozenset(REFERENCE.findall(text))


def sees_all(session: Session, sight: Sight, text: str) -> bool:
    """Return True if a person may know of every file that a text names."""
    return sight.is_whole or not _unseen(session, sight, sorted(named_in(text)))


def check_all_seen(session: Session, sight: Sight, text: str) -> None:
    """Raise GatewayError if a text names a file outside a person's sight."""
    if not sees_all(session, sight, text):
        raise GatewayError("it names files that are for few people: ask the role data-protection")


def unseen(session: Session, sight: Sight) -> frozenset[str]:
    """Return the references of all files outside a person's sight."""
    return frozenset(found for query in _references(sight) for found in session.execute(query).scalars())


def keep_to(session: Session, sight: Sight) -> None:
    """Limit every further query of a reading session to the files within a person's sight."""
    if sight.is_whole:
        return
    tables.load_all()
    only = _OnlyWithin(sight)

    @event.listens_for(session, "do_orm_execute")
    def keep(state: ORMExecuteState) -> None:
        if state.is_select and not state.execution_options.get(WHOLE):
            state.statement = state.statement.options(only)


class _OnlyWithin(CriteriaOption):
    """All SQL conditions of a sight in one option of a query: SQLAlchemy then caches a statement once for a
    sight. With an option for each condition, SQLAlchemy would compute forty cache keys for every statement,
    which would take longer than most statements.
    """

    __slots__ = ("sight",)
    _traverse_internals = [("sight", InternalTraversal.dp_plain_obj)]  # noqa: RUF012 - as in its parent
    propagate_to_loaders = True

    def __init__(self, sight: Sight) -> None:
        self.sight = sight

    def process_compile_state(self, compile_state: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        """Apply the sight's criteria while SQLAlchemy compiles a statement."""
        self.get_global_criteria(compile_state.global_attributes)

    def process_compile_state_replaced_entities(self, compile_state: Any, _: Any) -> None:  # noqa: ANN401
        """Apply the sight's criteria also to a statement whose columns SQLAlchemy has replaced."""
        self.get_global_criteria(compile_state.global_attributes)

    def get_global_criteria(self, attributes: dict[Any, Any]) -> None:
        """Add the sight's criteria to the statement's own."""
        for one in _criteria(self.sight):
            one.get_global_criteria(attributes)


@lru_cache(maxsize=64)
def _criteria(sight: Sight) -> tuple[LoaderCriteriaOption, ...]:
    """Return the criteria of a sight: one for each kind of row that belongs to a file or names one."""
    found: list[tuple[type[SQLModel], ColumnElement[bool]]] = []
    seen_transfers = and_(*within(sight))
    found.append((TransferRow, seen_transfers))
    for mapper in SQLModel._sa_registry.mappers:  # noqa: SLF001 - SQLModel has no other way to them
        for column in mapper.local_table.columns:
            attribute = getattr(mapper.class_, column.key)
            if any(key.target_fullname == "transfer.sequence" for key in column.foreign_keys):
                found.append((mapper.class_, and_(*within(sight, attribute))))
            elif column.key in _NAMING and mapper.class_ is not TransferRow:
                seen = (or_(attribute.is_(None), attribute.not_in(one)) for one in _references(sight))
                found.append((mapper.class_, and_(*seen)))
    party = table_of(tables.DiscrepancyPartyRow)
    hidden = select_columns(party.c.discrepancy).where(not_(and_(*within(sight, party.c.transfer))))
    found.append((tables.DiscrepancyRow, col(tables.DiscrepancyRow.number).not_in(hidden)))
    for one in _references(sight):  # The event of a letter about a file ends with the file's reference.
        told = one.where(col(tables.LetterRow.event).like(literal("%:") + table_of(TransferRow).c.reference))
        found.append((tables.LetterRow, ~exists(told.correlate(tables.LetterRow))))
    return tuple(with_loader_criteria(kind, condition, include_aliases=True) for kind, condition in found)


def _references(sight: Sight) -> list[Select[Any]]:
    """Return queries that together find the references of all files outside a person's sight."""
    table = table_of(TransferRow)
    # One for each condition, as `OR` would keep the database from its indexes.
    seen = within(sight, table.c.sequence)
    return [select_columns(table.c.reference).where(not_(condition)) for condition in seen]


def _few() -> Any:  # noqa: ANN401 - a compound query
    """Return the query for the sequences of sensitive files: the column `few` is set, or a reason is
    sensitive.
    """
    reason, transfer = table_of(ReasonRow), table_of(TransferRow)
    told = select_columns(reason.c.transfer).where(reason.c.code.in_(SENSITIVE_REASON_CODES))
    return union_all(told, select_columns(transfer.c.sequence).where(transfer.c.few.is_not(None)))


def _kept_from(person: str | None) -> Select[Any]:
    """Return the query for sequences of files with a child whom a marker hides from a person (None: from
    anybody).
    """
    marked, marker, named = table_of(MarkedTransferRow), table_of(MarkerRow), table_of(MarkerPersonRow)
    own = exists().where(named.c.marker == marker.c.number, named.c.staff == (person or ""))
    return (
        select_columns(marked.c.transfer)
        .join(marker, marker.c.number == marked.c.marker)
        .where(
            marker.c.lifted_at.is_(None),
            or_(marker.c.kind == "restricted", and_(marker.c.kind == "named", ~own)),
        )
    )


def _unseen(session: Session, sight: Sight, references: Sequence[str]) -> bool:
    table = table_of(TransferRow)
    hidden = not_(and_(*within(sight, table.c.sequence)))
    query = select_columns(table.c.sequence).where(hidden)
    queries = (query.where(table.c.reference.in_(some)) for some in portions(references))
    return any(session.execute(query.limit(1)).first() is not None for query in queries)


def table_of(row: type[SQLModel]) -> Any:  # noqa: ANN401 - SQLModel does not declare it
    """Return the table of a class of rows. A query on the table itself is not limited by a sight."""
    return row.__table__  # type: ignore[attr-defined]
