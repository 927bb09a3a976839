"""The classes of rows of the registry, one for each table.

Times are stored in UTC and returned with the time zone. Rows hold no pupil's data: a file's description is
kept as counts, codes and establishment numbers, and pupils as keyed digests (HMAC), irreversible without the
key in the home's keys/.

Each module of rows is loaded on first use, to keep listings fast. Whoever writes, or reads all tables, calls
`load_all` first, because foreign keys name other tables.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect
from sqlalchemy.schema import CreateColumn
from sqlmodel import SQLModel

if TYPE_CHECKING:
    from gateway.registry.tables.console import *  # noqa: F403 - every row, for type checkers
    from gateway.registry.tables.files import *  # noqa: F403 - every row, for type checkers
    from gateway.registry.tables.keeping import *  # noqa: F403 - every row, for type checkers
    from gateway.registry.tables.people import *  # noqa: F403 - every row, for type checkers
    from gateway.registry.tables.pupils import *  # noqa: F403 - every row, for type checkers

_MODULES = ("files", "people", "pupils", "keeping", "console")
"""The modules of rows; the modules loaded by every listing come first."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class of rows, whichever it is
    """Return the row class `name`, importing one module after another until a module defines the class."""
    for module in _MODULES if name.endswith("Row") else ():
        if (found := vars(import_module(f"{__name__}.{module}")).get(name)) is not None:
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def load_all() -> None:
    """Import every module of rows, so `SQLModel.metadata` has every table."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")


def create_all(connection: Connection) -> None:
    """Create every table, column and index that the row classes define and that the database lacks."""
    load_all()
    metadata = SQLModel.metadata
    if connection.dialect.name == "postgresql":
        # Rows name the condition of a partial index for SQLite alone: this dialect takes long to load.
        for index in (index for table in metadata.tables.values() for index in table.indexes):
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
    found = inspect(connection)
    for name in metadata.tables.keys() & set(found.get_table_names()):
        table = metadata.tables[name]
        known = {one["name"] for one in (*found.get_columns(name), *found.get_indexes(name))}
        for column in (one for one in table.columns if one.name not in known):
            spelled = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f'ALTER TABLE "{name}" ADD COLUMN {spelled}')
        for index in (one for one in table.indexes if one.name not in known):
            index.create(connection)
    metadata.create_all(connection)
