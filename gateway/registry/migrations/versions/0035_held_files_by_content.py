"""What was sent again while the same waits is found without reading all held files."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_HELD = sa.text("state = 'held'")


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "transfer_held_by_content",
        "transfer",
        ["content_sha256"],
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("transfer_held_by_content", "transfer")
