"""What is written with one statement is vouched for like what is written as objects."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, SQLModel, select

from gateway.registry.database import Registry
from gateway.registry.tables import ReceiptRow, StaffTeamRow, TransferRow, load_all
from gateway.registry.tables.row import UtcDateTime, only, rows
from gateway.registry.vouched_rows import (
    Change,
    add_rows,
    digest,
    identity,
    read_changes,
    record_of,
    take_changes,
)

AT = datetime(2026, 9, 1, 8, 30, 0, 5, tzinfo=UTC)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(f"sqlite:///{tmp_path / 'registry.db'}")
    made.migrate()
    return made


def receipt(reference: str) -> dict[str, Any]:
    return {
        "reference": reference,
        "provider": "oak",
        "name": "Größe.ctf",
        "stage": "decided",
        "text": "as clear as can be\n",
        "json_text": "{}",
        "created_at": AT,
        "seal": None,
    }


def changed(session: Session) -> list[Change]:
    """All that a transaction has changed."""
    return [change for changes in take_changes(session).values() for change in changes]


def test_rows_written_together_are_vouched_for_as_they_are_read(registry: Registry) -> None:
    with registry.write() as session:
        add_rows(session, ReceiptRow, [receipt(f"oak-{number}") for number in range(300)])
        changes = dict(read_changes(record_of(changed(session))))
        session.expire_all()
        rows = session.exec(select(ReceiptRow).order_by("sequence")).all()
        assert [row.reference for row in rows] == [f"oak-{number}" for number in range(300)]
        assert changes == {identity(row): digest(row) for row in rows}


def test_objects_and_rows_are_vouched_for_alike(registry: Registry) -> None:
    with registry.write() as session:
        session.add(ReceiptRow(**receipt("oak-1")))
        by_object = changed(session)
        session.rollback()
    with registry.write() as session:
        add_rows(session, ReceiptRow, [receipt("oak-1")])
        assert changed(session) == by_object


def test_a_row_without_one_of_its_columns_is_not_written(registry: Registry) -> None:
    with registry.write() as session:
        row = receipt("oak-1")
        del row["stage"]
        with pytest.raises(AssertionError, match="other columns"):
            add_rows(session, ReceiptRow, [row])
        assert changed(session) == []


def test_rows_with_a_key_of_their_own_are_vouched_for_by_it(registry: Registry) -> None:
    with registry.write() as session:
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        add_rows(session, StaffTeamRow, [{"staff": "ann", "team": team} for team in ("sen", "ewo")])
        noted = [row for row, _ in read_changes(record_of(changed(session)))]
        assert noted == [("staff_team", '["ann","ewo"]'), ("staff_team", '["ann","sen"]')]
        session.rollback()


def test_a_column_that_a_later_version_added_changes_no_row_that_was_vouched_for_before() -> None:
    def of(period: str | None) -> TransferRow:
        return TransferRow(
            reference="261124-oak-00000", provider="oak", name="x", folder="in", state="accepted", size=1,
            sha256="0" * 64, started_at=AT, landed_at=AT, ssh_key="k", client="", period=period,
        )  # fmt: skip

    later = {"period", "few", "rules"}
    before = {name: getattr(of(None), name) for name in TransferRow.model_fields if name not in later}
    spelled = json.dumps(
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in before.items()},
        sort_keys=True,
        separators=(",", ":"),
    )
    assert digest(of(None)) == hashlib.sha256(spelled.encode()).hexdigest()
    assert digest(of("2026-27-autumn")) != digest(of(None))
    assert digest(of("2026-27-autumn")) != digest(of("2026-27-spring"))


def test_the_changed_rows_of_a_session_are_collected_once_for_all_rows(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collected(number: int) -> int:
        looks = []
        made = Session.dirty.fget
        with registry.write() as session, monkeypatch.context() as patched:
            add_rows(session, ReceiptRow, [receipt(f"oak-{number}-{each}") for each in range(number)])
            for row in session.exec(select(ReceiptRow)):
                row.text += "."
            patched.setattr(Session, "dirty", property(lambda self: looks.append(1) or made(self)))
            session.flush()
        return len(looks)

    assert collected(3) == collected(30)


def test_an_empty_value_finds_rows_without_one_and_a_condition_left_out_finds_all(registry: Registry) -> None:
    with registry.write() as session:
        add_rows(session, ReceiptRow, [receipt("oak-1"), {**receipt("oak-2"), "seal": "00"}])
        assert rows(session, ReceiptRow, reference=None) == []
        assert [row.reference for row in rows(session, ReceiptRow, seal=None)] == ["oak-1"]
        assert [row.reference for row in rows(session, ReceiptRow, "-sequence", **only(seal=None))] == [
            "oak-2",
            "oak-1",
        ]


def test_every_moment_of_a_row_is_kept_in_utc_and_read_in_one_step() -> None:
    load_all()
    columns = [column for table in SQLModel.metadata.tables.values() for column in table.columns]
    moments = [column for column in columns if str(column.type) == "DATETIME"]
    assert len(moments) > 50
    assert [str(column) for column in moments if not isinstance(column.type, UtcDateTime)] == []
