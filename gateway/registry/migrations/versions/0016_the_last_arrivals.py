"""The last file of each provider and data type is found without looking through all of them."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_INDEXES = {
    "transfer_by_last_period": ["state", "data_type", "provider", "period", "landed_at"],
    "transfer_by_last_about": ["state", "data_type", "provider", "landed_at", "period"],
}


def upgrade() -> None:
    """Apply."""
    for name, columns in _INDEXES.items():
        op.create_index(name, "transfer", columns)


def downgrade() -> None:
    """Take back."""
    for name in _INDEXES:
        op.drop_index(name, table_name="transfer")
