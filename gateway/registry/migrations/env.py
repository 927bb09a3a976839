"""Run the migrations on the connection that `Registry.migrate` opened."""

from typing import Any, Literal

from alembic import context
from sqlmodel import AutoString, SQLModel

from gateway.registry import tables


def render_plainly(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:  # noqa: ANN401
    """Write our own column types into migrations as the plain ones they are stored as."""
    if kind == "type" and isinstance(item, tables.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String({item.length or ''})"
    return False


tables.load_all()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_item=render_plainly,
    render_as_batch=True,
)
context.run_migrations()
