"""An empty registry in SQLite, brought to this version once by its migrations and copied from then on.

All of them together take a tenth of a second, and some hundred homes are made in a test run. A registry that
holds anything is migrated as always, and so is one in PostgreSQL.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from gateway.registry.database import Registry

_migrate = Registry.migrate


def migrate(registry: Registry) -> None:
    """As the registry does it."""
    file = _empty_file(registry.url)
    if file is None:
        _migrate(registry)
    else:
        file.write_bytes(_migrated())


def _empty_file(url: str) -> Path | None:
    """The file of a registry in SQLite that holds nothing yet; None for any other, such as one in memory."""
    asked = make_url(url)
    if asked.get_backend_name() != "sqlite" or not Path(asked.database or "").is_absolute():
        return None
    file = Path(asked.database or "")
    is_new = not file.exists() and file.parent.is_dir()
    return file if is_new or (file.is_file() and not file.stat().st_size) else None


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "registry"
        registry = Registry(f"sqlite:///{file}")
        _migrate(registry)
        registry.close()  # Nothing is left in the write-ahead log.
        return file.read_bytes()


Registry.migrate = migrate  # type: ignore[method-assign]
