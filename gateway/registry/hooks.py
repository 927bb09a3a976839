"""Read the web hooks on record, and the log entries to be reported to their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, func, select

from gateway.registry.tables import EventRow, HookRow
from gateway.registry.tables.row import existing, first, rows

AT_ONCE = 2000
"""The most entries told to a hook at once."""
_TELLING = ("decided", "released", "redelivered", "delivered", "withdrawn", "hook-tried")


class HookEvent(StrEnum):
    """An event that a web hook reports; the value is the `type` of the message."""

    ACCEPTED = "file.accepted"
    HELD = "file.held"
    WITHDRAWN = "file.withdrawn"
    DUE = "data.due"
    LATE = "data.late"
    HAND_ON_LATE = "hand_on.late"


def listed(session: Session) -> Sequence[HookRow]:
    """Return the web hooks, by name."""
    return rows(session, HookRow, "name")


def find(session: Session, name: str) -> HookRow:
    """Return a web hook. NotFoundError for an unknown name."""
    return existing(session.get(HookRow, name), f"there is no web hook {name}")


def tell_again(session: Session, row: HookRow, since: datetime) -> None:
    """Reset a web hook, so all messages since a moment are sent again, with the same ids.
    Messages given up before that moment stay on record as given up.
    """
    last = first(session, EventRow, "-number", where=[EventRow.at < since])
    row.entry = min(row.entry, 0 if last is None else last.number + 1)
    row.looked_at = min(row.looked_at, since - timedelta(days=1))
    if row.lost_since is not None and row.lost_since >= since:
        row.lost_since = None


def behind(session: Session, row: HookRow) -> list[EventRow]:
    """Return the log entries before `row.entry` not accepted by a web hook yet."""
    numbers = [int(number) for number in (row.behind or "").split(",") if number]
    return [*rows(session, EventRow, number=numbers)] if numbers else []


def entries(session: Session, begin: int, until: int) -> Sequence[EventRow]:
    """Return at most AT_ONCE log entries for web hooks to report, numbered from `begin` to before `until`."""
    # An expression, so that the database uses the index of numbers and not that of kinds.
    telling = (col(EventRow.kind) + "").in_(_TELLING)
    which = EventRow.number >= begin, EventRow.number < until, telling
    return rows(session, EventRow, "number", where=which, limit=AT_ONCE)


def earliest(session: Session, begin: int) -> datetime:
    """Return the earliest time of the log entries numbered from `begin` on; there must be one."""
    return session.exec(select(func.min(EventRow.at)).where(EventRow.number >= begin)).one()


def remark(row: HookRow) -> str:
    """Return in words why a hook's messages fail, and since when messages were given up; "" if none."""
    lost = f"messages since {row.lost_since:%Y-%m-%d %H:%M} UTC were given up" if row.lost_since else ""
    return "; ".join(filter(None, (row.trouble, lost)))
