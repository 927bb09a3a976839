"""A web hook that refuses some messages gets those that follow."""

from gateway.registry.migrations import run

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration to the tables."""
    run("ALTER TABLE hook ADD COLUMN behind VARCHAR;")
