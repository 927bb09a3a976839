"""For which schools a provider speaks, whose pupils a file holds, and the school of each entry of a roll."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BEFORE, _SCHOOL = 45, 8
_STAGED = sa.table("staged_roll", sa.column("transfer", sa.Integer), sa.column("roll", sa.LargeBinary))


def upgrade() -> None:
    """Apply."""
    op.add_column("provider", sa.Column("schools", sa.String(), nullable=True))
    op.create_table(
        "school_of_transfer",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.ForeignKeyConstraint(["transfer"], ["transfer.sequence"]),
        sa.PrimaryKeyConstraint("provider", "transfer"),
    )
    repacked(_BEFORE, lambda entry: entry + bytes(_SCHOOL))


def downgrade() -> None:
    """Take back."""
    repacked(_BEFORE + _SCHOOL, lambda entry: entry[:_BEFORE])
    op.drop_table("school_of_transfer")
    op.drop_column("provider", "schools")


def repacked(size: int, entry: Callable[[bytes], bytes]) -> None:
    """Pack the rolls of held files anew, entry by entry, each of so many octets before."""
    connection = op.get_bind()
    for transfer, roll in connection.execute(sa.select(_STAGED.c.transfer, _STAGED.c.roll)).all():
        packed = b"".join(entry(roll[at : at + size]) for at in range(0, len(roll), size))
        connection.execute(sa.update(_STAGED).where(_STAGED.c.transfer == transfer).values(roll=packed))
