"""Findings of an audit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, select

R = TypeVar("R", bound=SQLModel)
_PAGE = 1000
_WATCH = "gateway audit watch"


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """Inconsistency: the place, and a sentence without names or contents."""

    where: str
    what: str


def watch(session: Session, looked_at: Callable[[int], None]) -> None:
    """Call `looked_at` with the number of further rows read during an audit in this session."""
    session.info[_WATCH] = looked_at


def paged(session: Session, table: type[R], order: Sequence[Any]) -> Iterator[R]:
    """Yield every row of a table in order, with one page in memory at a time: a session holds none itself."""
    looked_at, number = session.info.get(_WATCH), 0
    for row in session.exec(select(table).order_by(*order).execution_options(yield_per=_PAGE)):
        yield row
        number += 1
        if looked_at is not None and number % _PAGE == 0:
            looked_at(_PAGE)
    if looked_at is not None:
        looked_at(number % _PAGE)
