"""Migrations of tables, from one release to the next, as SQL for both databases."""

from alembic import op

_SPELLED = {
    "sqlite": {"NUMBER": "INTEGER NOT NULL", "TIME": "DATETIME", "BYTES": "BLOB"},
    "postgresql": {"NUMBER": "SERIAL NOT NULL", "TIME": "TIMESTAMP WITH TIME ZONE", "BYTES": "BYTEA"},
}


def run(statements: str) -> None:
    """Run SQL statements, each ended by a semicolon; {NUMBER}, {TIME} and {BYTES} are types of columns."""
    spelled = statements.format(**_SPELLED[op.get_bind().dialect.name])
    for statement in filter(str.strip, spelled.split(";")):
        op.execute(statement)
