"""The tables of version 0.1.0, where an upgrade begins; a new registry is made of today's tables at once."""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing: the tables of version 0.1.0 are there already."""
