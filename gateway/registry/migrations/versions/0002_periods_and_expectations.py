"""What a transfer is about, what is expected of a provider, and nil returns."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ARRIVAL = ["state", "data_type", "landed_at", "provider", "flow"]


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "expectation",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("data_type", sa.String(), nullable=False),
        sa.Column("expected", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.PrimaryKeyConstraint("provider", "data_type"),
    )
    op.create_table(
        "nil_return",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("data_type", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.PrimaryKeyConstraint("provider", "data_type", "period"),
    )
    # Not in batches: a batch would write every transfer anew.
    op.add_column("transfer", sa.Column("period", sa.String(), nullable=True))
    op.drop_index("transfer_by_arrival", table_name="transfer")
    op.create_index("transfer_by_arrival", "transfer", [*_ARRIVAL, "period"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index("transfer_by_arrival", table_name="transfer")
    op.drop_column("transfer", "period")
    op.create_index("transfer_by_arrival", "transfer", _ARRIVAL, unique=False)
    op.drop_table("nil_return")
    op.drop_table("expectation")
