"""A copy waits for its recipient's ratification, and a ratification ends by notice."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("provider_copy", sa.Column("waits", sa.Boolean()))
    op.create_index("provider_copy_by_wait", "provider_copy", ["waits"])
    op.add_column("ratification", sa.Column("ends_on", sa.Date()))
