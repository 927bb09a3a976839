"""A registry has the tables that the rows describe, new or upgraded, on every database."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import DateTime, MetaData, create_engine, event, inspect, text
from sqlmodel import SQLModel

from gateway.errors import ConfigurationError
from gateway.registry import tables as tables_of
from gateway.registry.database import MIGRATIONS, Registry, newest_revision
from tests.registry.cluster import Cluster

HOME = Path(__file__).parents[1] / "vectors" / "homes" / "2026-11-28.tar.xz"
"""A home as 0.2.0 made it."""


def test_new_on_sqlite(tmp_path: Path) -> None:
    assert differences(f"sqlite:///{tmp_path}/registry.db") == []


@pytest.mark.needs("pg_ctlcluster")
def test_new_on_postgresql(cluster: Cluster) -> None:
    assert differences(cluster.database("migrated")) == []


def test_upgraded_on_sqlite_it_is_as_a_new_one(tmp_path: Path) -> None:
    new, old = (f"sqlite:///{tmp_path}/{name}.db" for name in ("new", "old"))
    of_0_2_0(old, tmp_path)
    assert tables(old) == tables(new)


@pytest.mark.needs("pg_ctlcluster")
def test_upgraded_on_postgresql_it_is_as_a_new_one(cluster: Cluster, tmp_path: Path) -> None:
    new, old = cluster.database("new"), cluster.database("old")
    of_0_2_0(old, tmp_path)
    assert tables(old) == tables(new)


@pytest.mark.parametrize(
    ("stamp", "said"),
    [("0001", "of version 0.1.0: upgrade the home to version 0.2.0"), ("0034", r"releases \(to 0034\)")],
)
def test_tables_that_0_2_0_did_not_make_are_left_alone(stamp: str, said: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    of_0_2_0(url, tmp_path, stamp)
    registry, engine = Registry(url), create_engine(url)
    before = inspect(engine).get_table_names()
    for act in (registry.migrate, registry.check_version):
        with pytest.raises(ConfigurationError, match=said):
            act()
    assert (registry.revision(), inspect(engine).get_table_names()) == (stamp, before)
    engine.dispose()
    registry.close()


def test_the_last_by_its_number_is_the_last_that_alembic_runs() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision()]


def of_0_2_0(url: str, folder: Path, stamp: str = "0017") -> None:
    """Make the tables of version 0.2.0, with the number of a migration: those that stand in its home."""
    with tarfile.open(HOME) as archive:
        archive.extract("home/registry.db", folder, filter="data")
    there, here, made = create_engine(f"sqlite:///{folder}/home/registry.db"), create_engine(url), MetaData()

    @event.listens_for(made, "column_reflect")
    def known_everywhere(_inspector: object, _table: object, column: Any) -> None:
        kind = column["type"].as_generic()
        column["type"] = DateTime(timezone=True) if isinstance(kind, DateTime) else kind

    made.reflect(there)
    for index in (index for table in made.tables.values() for index in table.indexes):
        index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
    with here.begin() as connection:
        made.create_all(connection)
        connection.execute(text("INSERT INTO alembic_version VALUES (:stamp)"), {"stamp": stamp})
    there.dispose()
    here.dispose()


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


def test_a_row_is_loaded_by_its_name_and_no_other_name_is_one() -> None:
    assert tables_of.TransferRow.__tablename__ == "transfer"
    with pytest.raises(AttributeError, match="NoSuchRow"):
        _ = tables_of.NoSuchRow
