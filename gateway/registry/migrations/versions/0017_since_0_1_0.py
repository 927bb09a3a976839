"""Since version 0.1.0: periods, trusts, lives of providers, children, roles, letters and the console.

No release had the states between, so they are one migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0001"
branch_labels = None
depends_on = None

_SCHOOL_FROM, _SCHOOL = 45, 8
_STAGED = sa.table("staged_roll", sa.column("transfer", sa.Integer), sa.column("roll", sa.LargeBinary))


def upgrade() -> None:
    """Apply the migration to the tables."""
    op.drop_index("transfer_by_arrival", "transfer")  # It had no period.
    columns = ["state", "data_type", "landed_at", "provider", "flow", "period"]
    op.create_index("transfer_by_arrival", "transfer", columns)
    give_rolls_a_school()


def give_rolls_a_school() -> None:
    """Pack the rolls of held files anew: each entry of 45 bytes grows by 8, for a school unknown so far."""
    connection = op.get_bind()
    for transfer, roll in connection.execute(sa.select(_STAGED.c.transfer, _STAGED.c.roll)).all():
        entries = (roll[at : at + _SCHOOL_FROM] for at in range(0, len(roll), _SCHOOL_FROM))
        packed = b"".join(entry + bytes(_SCHOOL) for entry in entries)
        connection.execute(sa.update(_STAGED).where(_STAGED.c.transfer == transfer).values(roll=packed))
