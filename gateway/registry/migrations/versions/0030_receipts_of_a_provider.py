"""The receipts of one provider are found without looking through those of all."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_NAMES_SCHOOLS = sa.text("""json_text LIKE '%"schools":%'""")


def upgrade() -> None:
    """Apply."""
    op.create_index("receipt_by_provider", "receipt", ["provider", "sequence"])
    op.create_index(
        "receipt_that_names_schools",
        "receipt",
        ["sequence"],
        sqlite_where=_NAMES_SCHOOLS,
        postgresql_where=_NAMES_SCHOOLS,
    )
