"""The number by which a body is known that has no DfE number and no URN; signatures of several roles."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

from gateway.registry.tables.types import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("provider", sa.Column("number", AutoString(), nullable=True))
    op.create_table(
        "agreement_signature",
        sa.Column("provider", AutoString(), nullable=False),
        sa.Column("academic_year", AutoString(), nullable=False),
        sa.Column("role", AutoString(), nullable=False),
        sa.Column("signatory", AutoString(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", AutoString(), nullable=False),
        sa.Column("text_sha256", AutoString(), nullable=False),
        sa.Column("reference", AutoString(), nullable=True),
        sa.Column("certificate", AutoString(), nullable=True),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.PrimaryKeyConstraint("provider", "academic_year", "role"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("agreement_signature")
    op.drop_column("provider", "number")
