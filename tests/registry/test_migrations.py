"""A registry has the tables that the rows describe, new or upgraded, on every database."""

from __future__ import annotations

import struct
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlmodel import SQLModel

from gateway.errors import ConfigurationError
from gateway.examiner.persons import unpacked
from gateway.model import RollEntry
from gateway.registry import tables as tables_of
from gateway.registry.database import MIGRATIONS, Registry, newest_revision
from tests.registry import first_tables
from tests.registry.cluster import Cluster

since_0_1_0 = import_module("gateway.registry.migrations.versions.0017_since_0_1_0")


def test_new_on_sqlite(tmp_path: Path) -> None:
    assert differences(f"sqlite:///{tmp_path}/registry.db") == []


@pytest.mark.needs("pg_ctlcluster")
def test_new_on_postgresql(cluster: Cluster) -> None:
    assert differences(cluster.database("migrated")) == []


def test_upgraded_on_sqlite_it_is_as_a_new_one(tmp_path: Path) -> None:
    new, old = (f"sqlite:///{tmp_path}/{name}.db" for name in ("new", "old"))
    of_the_first_version(old)
    assert tables(old) == tables(new)


@pytest.mark.needs("pg_ctlcluster")
def test_upgraded_on_postgresql_it_is_as_a_new_one(cluster: Cluster) -> None:
    new, old = cluster.database("new"), cluster.database("old")
    of_the_first_version(old)
    assert tables(old) == tables(new)


def test_tables_between_two_releases_are_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    of_the_first_version(url, stamp="0034")
    registry = Registry(url)
    with pytest.raises(ConfigurationError, match=r"between two releases \(to 0034\)"):
        registry.migrate()
    assert registry.revision() == "0034"
    registry.close()


def test_the_last_by_its_number_is_the_last_that_alembic_runs() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision()]


def of_the_first_version(url: str, stamp: str = "0001") -> None:
    """Make the tables of version 0.1.0, with the number of a migration."""
    engine = create_engine(url)
    with engine.begin() as connection:
        with Operations.context(context := MigrationContext.configure(connection)):
            first_tables.create()
        context._ensure_version_table()
        connection.execute(text("INSERT INTO alembic_version VALUES (:stamp)"), {"stamp": stamp})
    engine.dispose()


def tables(url: str) -> dict[str, Any]:
    """What the database says of each table once it is migrated, in whatever order."""
    registry = Registry(url)
    registry.migrate()
    registry.close()
    engine = create_engine(url)
    found = inspect(engine)
    told = {
        name: {
            "columns": {one["name"]: {**one, "type": repr(one["type"])} for one in found.get_columns(name)},
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "refers": sorted(
                (one["constrained_columns"], one["referred_table"]) for one in found.get_foreign_keys(name)
            ),
            "unique": sorted(one["column_names"] for one in found.get_unique_constraints(name)),
            "indexes": {
                one["name"]: (
                    one["column_names"],
                    one["unique"],
                    {name: str(said) for name, said in one.get("dialect_options", {}).items()},
                )
                for one in found.get_indexes(name)
            },
        }
        for name in found.get_table_names()
    }
    engine.dispose()
    return told


def differences(url: str) -> list[object]:
    """What a further migration would change in a new registry, migrated twice."""
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
            since_0_1_0.give_rolls_a_school()
        (roll,) = connection.execute(text("SELECT roll FROM staged_roll")).scalars()
        assert list(unpacked(roll)) == before
    engine.dispose()


def test_a_row_is_loaded_by_its_name_and_no_other_name_is_one() -> None:
    assert tables_of.TransferRow.__tablename__ == "transfer"
    with pytest.raises(AttributeError, match="NoSuchRow"):
        _ = tables_of.NoSuchRow
