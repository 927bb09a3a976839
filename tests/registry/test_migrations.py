"""The migrations make the tables that the rows describe, on every database."""

from __future__ import annotations

import struct
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from gateway.examiner.persons import unpacked
from gateway.model import RollEntry
from gateway.registry.database import MIGRATIONS, Registry, newest_revision
from tests.registry.cluster import Cluster

since_0_2_0 = import_module("gateway.registry.migrations.versions.0017_since_0_2_0")


def test_on_sqlite(tmp_path: Path) -> None:
    assert differences(f"sqlite:///{tmp_path}/registry.db") == []


@pytest.mark.needs("pg_ctlcluster")
def test_on_postgresql(cluster: Cluster) -> None:
    assert differences(cluster.database("migrated")) == []


def test_the_last_by_its_number_is_the_last_that_alembic_runs() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision()]


def differences(url: str) -> list[object]:
    """What a further migration would change after those that there are, run twice."""
    registry = Registry(url)
    registry.migrate()
    registry.migrate()
    registry.close()
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[object] = compare_metadata(context, SQLModel.metadata)
    engine.dispose()
    return found


def test_rolls_of_files_that_were_held_before_entries_had_a_school_stay_readable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    registry = Registry(url)
    registry.migrate()
    registry.close()
    engine = create_engine(url)
    before = [
        RollEntry(pupil=bytes([n]) * 16, on_roll=True, record=n, birth_date=b"8" * 8) for n in (1, 2, 3)
    ]
    old = b"".join(struct.pack(">16s16s8sIB", e.pupil, b"", e.birth_date, e.record, 5) for e in before)
    with engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text("INSERT INTO staged_roll VALUES (1, :roll)"), {"roll": old})
        with Operations.context(MigrationContext.configure(connection)):
            since_0_2_0.give_rolls_a_school()
        (roll,) = connection.execute(text("SELECT roll FROM staged_roll")).scalars()
        assert list(unpacked(roll)) == before
    engine.dispose()
