"""When a provider closed, which one followed it, and whom to ring there."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("provider", sa.Column("closed_on", sa.Date(), nullable=True))
    op.add_column("provider", sa.Column("succeeded_by", sa.String(), nullable=True))
    op.create_table(
        "contact",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("telephone", sa.String(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.PrimaryKeyConstraint("provider", "role"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("contact")
    op.drop_column("provider", "succeeded_by")
    op.drop_column("provider", "closed_on")
