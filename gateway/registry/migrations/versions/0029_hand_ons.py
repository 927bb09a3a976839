"""Files handed on to other systems, in batches."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "hand_on_batch",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("hand_on", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("owed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True)),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.Column("acknowledged_by", sa.String()),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("trouble", sa.Text()),
        sa.UniqueConstraint("hand_on", "number"),
    )
    op.create_index("ix_hand_on_batch_acknowledged_at", "hand_on_batch", ["acknowledged_at"])
    op.create_table(
        "hand_on_file",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("batch", sa.Integer(), sa.ForeignKey("hand_on_batch.id"), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True)),
        sa.Column("rows", sa.Integer()),
        sa.Column("empty", sa.Text()),
        sa.Column("why", sa.Text()),
        sa.Column("recalled_in", sa.Integer(), sa.ForeignKey("hand_on_batch.id")),
    )
    op.create_index("ix_hand_on_file_batch", "hand_on_file", ["batch"])
    op.create_index("ix_hand_on_file_reference", "hand_on_file", ["reference"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("hand_on_file")
    op.drop_table("hand_on_batch")
