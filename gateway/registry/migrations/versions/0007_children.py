"""Which files hold a child; children whose data few people may see; legal holds by child and by provider."""

import sqlalchemy as sa
from alembic import op

from gateway.registry.tables import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "persons_of_transfer",
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("persons", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["transfer"], ["transfer.sequence"]),
        sa.PrimaryKeyConstraint("transfer"),
    )
    op.create_table(
        "pupil_marker",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("persons", sa.LargeBinary(), nullable=False),
        sa.Column("placed_at", UtcDateTime(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "pupil_marker_person",
        sa.Column("marker", sa.Integer(), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["marker"], ["pupil_marker.number"]),
        sa.PrimaryKeyConstraint("marker", "staff"),
    )
    op.create_table(
        "marked_transfer",
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("marker", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["marker"], ["pupil_marker.number"]),
        sa.ForeignKeyConstraint(["transfer"], ["transfer.sequence"]),
        sa.PrimaryKeyConstraint("transfer", "marker"),
    )
    op.create_index("marked_transfer_by_marker", "marked_transfer", ["marker"])
    op.add_column("legal_hold", sa.Column("provider", sa.String(), nullable=True))
    op.add_column("legal_hold", sa.Column("persons", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("legal_hold", "persons")
    op.drop_column("legal_hold", "provider")
    op.drop_table("marked_transfer")
    op.drop_table("pupil_marker_person")
    op.drop_table("pupil_marker")
    op.drop_table("persons_of_transfer")
