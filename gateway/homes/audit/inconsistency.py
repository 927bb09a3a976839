"""What an audit finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, select

R = TypeVar("R", bound=SQLModel)
_PAGE = 1000
_WATCH = "gateway audit watch"


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """Something that does not fit: where it lies, and a sentence without names or contents."""

    where: str
    what: str


def watch(session: Session, looked_at: Callable[[int], None]) -> None:
    """Let `looked_at` hear, during an audit in this session, how many more rows were looked at."""
    session.info[_WATCH] = looked_at


def paged(session: Session, table: type[R], order: Sequence[Any]) -> Iterator[R]:
    """Every row of a table in order, a page in memory at a time."""
    looked_at, number = session.info.get(_WATCH), 0
    for row in session.exec(select(table).order_by(*order).execution_options(yield_per=_PAGE)):
        yield row
        session.expunge(row)
        number += 1
        if looked_at is not None and number % _PAGE == 0:
            looked_at(_PAGE)
    if looked_at is not None:
        looked_at(number % _PAGE)


def first(inconsistencies: Iterable[Inconsistency]) -> Inconsistency | None:
    """The first thing that does not fit, if anything does not."""
    return next(iter(inconsistencies), None)
