"""What SQLAlchemy makes of our statements for SQLite, kept for all registries of a test run.

Each engine compiles its statements afresh, and a test opens a registry for each home, command and processor:
a third of what they cost. The text of a statement does not depend on the file that it is for.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Mapper
from sqlalchemy.util import LRUCache

_MOST = 2_000


class Shared(LRUCache[Any, Any]):
    """Compiled statements by their key, in front of which stands the dialect of an engine."""

    def get(self, key: Any, default: Any = None) -> Any:
        """As SQLAlchemy asks for one."""
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        """As SQLAlchemy keeps one."""
        super().__setitem__(_of_any_engine(key), compiled)


def _of_any_engine(key: Any) -> Any:
    dialect, *statement = key
    return ("sqlite", *statement) if dialect.name == "sqlite" else key


_shared: MutableMapping[Any, Any] = Shared(_MOST)
Mapper._compiled_cache = _shared  # type: ignore[assignment]  # Of what is written, row by row.


@event.listens_for(Engine, "engine_connect")
def share(connection: Connection) -> None:
    """Let a connection to SQLite use what others compiled."""
    if connection.dialect.name == "sqlite":
        connection.execution_options(compiled_cache=_shared)
