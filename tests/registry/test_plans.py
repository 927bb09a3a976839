"""What a file costs does not grow with those that came before: nothing on its way looks through all of them.

SQLite says beforehand how it will go about a statement. It has no statistics of a registry, so an empty one
tells the same as one of a million files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlmodel import Session

from gateway.registry import letters, staff, transfer_lists
from gateway.registry.deliveries import DeliveriesWanted, count_delivered
from tests.clock import THIS_YEAR
from tests.content import census, core_data
from tests.workshop import Workshop

GROW = {"transfer", "delivery", "receipt", "event", "reason", "pupil", "log_node", "checkpoint", "letter"}
"""Tables that have a row of each file or more, and more every day."""
ALL_OR_MOST = {"state", "data_type", "team", "kind", "flow", "stage", "dealt_with_at", "counts"}
"""Columns by which nearly all rows of such a table may be alike."""
LOOK_THROUGH_LITTLE = {
    "SELECT max(": "the end of an index",
    "SELECT (SELECT coalesce(max(number), 0) FROM register_version)": "ends of indexes, and what landed last",
    "SELECT coalesce((SELECT max(number) FROM event)": "the same",
    "ORDER BY checkpoint.size DESC\n LIMIT ?": "the same",
    "WHERE event.kind = ? ORDER BY event.number DESC\n LIMIT ?": "the end of what is of a kind",
    "SELECT DISTINCT transfer.provider \nFROM transfer \nWHERE transfer.state = ?": "what is held",
    "AND transfer.provider = ? ORDER BY transfer.sequence DESC\n LIMIT": "of what is held",
    "WHERE transfer.state = ? ORDER BY transfer.sequence": "what landed and is not decided yet",
    "WHERE transfer.state = ? AND transfer.decided_at BETWEEN": "what is refused, in a round",
    "transfer.rules IS NOT ?": "what is held, once a minute",
}
"""Parts of statements that look as if they did, and why they do not."""
_STEP = re.compile(r"(SCAN|SEARCH) (\w+)(?: .*\((.*)\))?")


@contextmanager
def explained() -> Iterator[dict[str, list[str]]]:
    """Each statement within, and the steps in which SQLite goes about it."""
    found: dict[str, list[str]] = {}

    def explain(
        connection: Connection,
        _: DBAPICursor,
        statement: str,
        given: object,
        __: ExecutionContext,
        many: bool,
    ) -> None:
        if not many and statement not in found and not statement.startswith(("PRAGMA", "EXPLAIN", "BEGIN")):
            driver = connection.connection.driver_connection
            assert driver is not None
            found[statement] = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", given)]

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


def looks_through_all(step: str) -> bool:
    """Whether it reads rows of a table that grows, as many as there are."""
    if not (found := _STEP.fullmatch(step)) or found[2] not in GROW:
        return False
    columns = set(re.findall(r"(\w+)[<>=]", found[3] or ""))
    return found[1] == "SCAN" or columns <= ALL_OR_MOST


def test_no_statement_on_a_files_way_looks_through_all_that_came_before(desk: Workshop) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.send(oak, core_data(1))
    desk.process()
    with explained() as found:
        sent = [
            desk.send(oak, each) for each in (core_data(2), core_data(2), census(), b"what nobody knows\n")
        ]
        desk.process()
    assert [desk.state(each) for each in sent] == ["accepted", "accepted", "accepted", "held"]
    assert len(found) > 40
    slow = [
        (step, text)
        for text, steps in found.items()
        if not any(known in text for known in LOOK_THROUGH_LITTLE)
        for step in steps
        if looks_through_all(step)
    ]
    assert slow == []


def test_the_letter_about_the_files_of_a_day_looks_through_those_of_that_day_alone(desk: Workshop) -> None:
    day = datetime(2026, 11, 24, tzinfo=UTC)
    with explained() as found, desk.registry.read() as session:
        letters.delivered_by_team(session, day, day + timedelta(days=1))
    steps = [step for text, each in found.items() if "FROM delivery" in text for step in each]
    assert [step for step in steps if "delivery_by_day" in step], steps


def test_what_a_page_of_a_mailbox_counts_is_found_by_an_index_of_what_is_asked(desk: Workshop) -> None:
    since = datetime(2026, 11, 24, tzinfo=UTC)

    def steps(count: Callable[[Session], int]) -> list[str]:
        with explained() as found, desk.registry.read() as session:
            count(session)
        return [step for each in found.values() for step in each]

    of_one = DeliveriesWanted(provider="oak")
    by_school = steps(lambda of: count_delivered(of, "sen", of_one, person="jane", most=9))
    assert [step for step in by_school if "(provider=?)" in step], by_school
    since_then = DeliveriesWanted(removed_since=since)
    dealt_with = steps(lambda of: count_delivered(of, "sen", since_then, person="jane", most=9))
    assert [step for step in dealt_with if "(team=? AND dealt_with_at>?)" in step], dealt_with


def test_who_was_chased_and_what_was_opened_is_found_by_an_index(desk: Workshop) -> None:
    with explained() as found, desk.registry.read() as session:
        letters.chased(session, ["oak", "elm"], datetime(2026, 11, 24, tzinfo=UTC).date())
        transfer_lists.count_openings(session)
        staff.saved_filters(session, "jane", "held list")
    steps = [step for each in found.values() for step in each]
    for part in (
        "letter_1 (event=?)",
        "event USING COVERING INDEX ix_event_kind",
        "saved_filter_1 (staff=? AND",
    ):
        assert [step for step in steps if part in step], (part, steps)
    assert [step for step in steps if looks_through_all(step) and "event" not in step] == []
