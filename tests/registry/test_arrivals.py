"""What arrived from one provider is found among its own files, however many others there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event

from gateway.registry.arrivals import Window, arrivals
from gateway.registry.database import Registry

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_one_providers_files_are_looked_through_and_not_all_that_were_accepted(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path}/registry.db")
    registry.migrate()
    asked: list[tuple[str, object]] = []
    with registry.read() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        window = Window(since=NOW - timedelta(days=800), often=["attendance"], lately=NOW)
        assert arrivals(session, window, "oak") == {}
        of_transfers = [
            one for one in asked if "FROM transfer" in one[0]
        ]  # As its own; others are found by theirs.
        assert len(of_transfers) == 2
        for statement, given in of_transfers:
            told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]
            steps = [str(row[3]) for row in told]
            assert any("(provider=?)" in step for step in steps), steps
            assert not any("SEARCH transfer" in step and "state=?" in step for step in steps), steps
    registry.close()
