"""What was told a provider is found by an index: notices are few among its receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NOTICES = sa.text("json_text = ''")


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "receipt_that_is_a_notice",
        "receipt",
        ["provider", "sequence"],
        sqlite_where=_NOTICES,
        postgresql_where=_NOTICES,
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("receipt_that_is_a_notice", table_name="receipt")
