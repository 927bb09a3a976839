"""Roles of persons, and the accounts of the operating system that they act under."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "person_role",
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.name"]),
        sa.PrimaryKeyConstraint("staff", "role"),
    )
    op.create_table(
        "person_account",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.name"]),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_index("ix_person_account_staff", "person_account", ["staff"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("person_account")
    op.drop_table("person_role")
