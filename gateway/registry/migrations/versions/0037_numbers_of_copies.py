"""A copy keeps the numbers that its school had when the copy was ordered, as they may change later."""

from gateway.registry.migrations import run

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration to the tables."""
    run("ALTER TABLE provider_copy ADD COLUMN numbers VARCHAR;")
