"""A file in which something sensitive was found stays for few people, whatever is decided afterwards."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("transfer", sa.Column("few", sa.Boolean()))
    op.create_index(
        "transfer_by_few",
        "transfer",
        ["sequence"],
        sqlite_where=sa.text("few IS NOT NULL"),
        postgresql_where=sa.text("few IS NOT NULL"),
    )
