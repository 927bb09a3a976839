"""What an audit finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, select

R = TypeVar("R", bound=SQLModel)
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """Something that does not fit: where it lies, and a sentence without names or contents."""

    where: str
    what: str


def paged(session: Session, table: type[R], order: Sequence[Any]) -> Iterator[R]:
    """Every row of a table in order, a page in memory at a time."""
    for row in session.exec(select(table).order_by(*order).execution_options(yield_per=_PAGE)):
        yield row
        session.expunge(row)


def first(inconsistencies: Iterable[Inconsistency]) -> Inconsistency | None:
    """The first thing that does not fit, if anything does not."""
    return next(iter(inconsistencies), None)
