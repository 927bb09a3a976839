"""Rows that are put in, or changed where they are there already: in the words of either database."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import sqlite
from sqlmodel import Session, SQLModel


def inserting(session: Session, row: type[SQLModel]) -> Any:  # noqa: ANN401 - each dialect has its own
    """An INSERT of rows that can say what is to be done on conflict."""
    if session.get_bind().dialect.name != "postgresql":
        return sqlite.insert(row)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - takes long to load, and few have it

    return postgresql.insert(row)
