"""Givings, the register's version, hosts, programs, hand-ons, web hooks, filters, numbers of copies.

No release had the states between, so they are one migration.
"""

from alembic import op

revision = "0038"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration to the tables."""
    op.execute("DROP TABLE IF EXISTS receipt_owed")  # Of receipts that were owed, in version 0.2.0.
    # Nobody was sought in what a malware scanner had found: `gateway pupils index` does so.
    op.execute(
        "DELETE FROM persons_of_transfer WHERE transfer IN"
        """ (SELECT sequence FROM transfer WHERE content LIKE '%"open:malware"%')"""
    )
