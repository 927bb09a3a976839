"""Givings, the register's version, hosts, programs, hand-ons, web hooks, filters and what the console needs.

No release had the states between, so they are one migration.
"""

import sqlalchemy as sa
from alembic import op

from gateway.registry.tables.row import UtcDateTime

revision = "0036"
down_revision = "0017"
branch_labels = None
depends_on = None

_HELD = sa.text("state = 'held'")
_NAMES_SCHOOLS = sa.text("""json_text LIKE '%"schools":%'""")


def upgrade() -> None:
    """Apply the migration to the tables."""
    # Who gave a member of staff what they act with: who gave it does not count as a second person beside them.
    op.create_table(
        "giving",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_giving_staff", "giving", ["staff"])
    # A leaf vouches for the rows of what it tells of, and for what a receipt states, whose row is sealed.
    op.add_column("event", sa.Column("rows", sa.Text()))
    op.add_column("receipt", sa.Column("seal", sa.String()))
    # How often the register was changed: who keeps a copy of it asks for this number alone. No receipt is owed.
    op.create_table(
        "register_version",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.drop_table("receipt_owed")
    # A provider says what a heading means: the key of its field beside the heading, where one is listed.
    op.add_column("harmless", sa.Column("field", sa.String()))
    # A key says whether somebody has confirmed that it is its owner's; those of before count as confirmed.
    op.add_column("key", sa.Column("unconfirmed", sa.Boolean()))
    # A file in which something sensitive was found stays for few people, whatever is decided afterwards.
    op.add_column("transfer", sa.Column("few", sa.Boolean()))
    op.create_index(
        "transfer_by_few",
        "transfer",
        ["sequence"],
        sqlite_where=sa.text("few IS NOT NULL"),
        postgresql_where=sa.text("few IS NOT NULL"),
    )
    # Hosts that share the work are on record, with what each last said of itself.
    op.create_table(
        "host",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("spool", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("oldest_seconds", sa.Float(), nullable=False, server_default="0"),
        sa.Column("ahead_seconds", sa.Float(), nullable=False, server_default="0"),
        sa.Column("holds", sa.Text(), nullable=False, server_default=""),
    )
    # Challenges of the console are on record where several hosts answer one browser.
    op.create_table(
        "console_challenge",
        sa.Column("holder", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.String(64), primary_key=True),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    )
    # A copy waits for its recipient's ratification, and a ratification ends by notice.
    op.add_column("provider_copy", sa.Column("waits", sa.Boolean()))
    op.create_index("provider_copy_by_wait", "provider_copy", ["waits"])
    op.add_column("ratification", sa.Column("ends_on", sa.Date()))
    # By which rules a file's content was judged: what waits is judged anew once others are in force.
    op.add_column("transfer", sa.Column("rules", sa.String()))
    # Programs that use the API, and their requests by which they changed something.
    op.create_table(
        "program",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("acts", sa.Text(), nullable=False),
        sa.Column("teams", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_by", sa.String()),
        sa.Column("why", sa.String()),
    )
    op.create_index("ix_program_name", "program", ["name"])
    op.create_table(
        "program_request",
        sa.Column("program", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text()),
    )
    # Files handed on to other systems, in batches.
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
    # The receipts of one provider are found without looking through those of all.
    op.create_index("receipt_by_provider", "receipt", ["provider", "sequence"])
    op.create_index(
        "receipt_that_names_schools",
        "receipt",
        ["sequence"],
        sqlite_where=_NAMES_SCHOOLS,
        postgresql_where=_NAMES_SCHOOLS,
    )
    # Policies that were edited and proposed in the console.
    op.create_table(
        "policy_draft",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("base", sa.String(64), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    # Web hooks: addresses of the authority's own systems that are told of events.
    op.create_table(
        "hook",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("events", sa.String(), nullable=False),
        sa.Column("teams", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True)),
        sa.Column("trouble", sa.String()),
        sa.Column("lost_since", sa.DateTime(timezone=True)),
    )
    # A person says that the first steps in the console are read.
    op.add_column("staff", sa.Column("knows_pages", sa.Boolean()))
    # The deliveries of a day are counted without looking through all of them.
    op.create_index("delivery_by_day", "delivery", ["delivered_at", "team"])
    # What was sent again while the same waits is found without reading all held files.
    op.create_index(
        "transfer_held_by_content",
        "transfer",
        ["content_sha256"],
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )
    # Persons keep filters of lists for themselves.
    op.create_table(
        "saved_filter",
        sa.Column("staff", sa.String(), primary_key=True),
        sa.Column("listing", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("query", sa.Text(), nullable=False),
    )
