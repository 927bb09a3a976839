"""The migrations make the tables that the rows describe, on every database."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from gateway.registry.database import Registry
from tests.registry.cluster import Cluster


def test_on_sqlite(tmp_path: Path) -> None:
    assert differences(f"sqlite:///{tmp_path}/registry.db") == []


@pytest.mark.needs("pg_ctlcluster")
def test_on_postgresql(cluster: Cluster) -> None:
    assert differences(cluster.database("migrated")) == []


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
