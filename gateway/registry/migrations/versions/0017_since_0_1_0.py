"""Since version 0.1.0: periods, trusts, lives of providers, children, roles, letters and the console.

No release had the states between, so they are one migration.
"""

import sqlalchemy as sa
from alembic import op

from gateway.registry.tables.row import UtcDateTime

revision = "0017"
down_revision = "0001"
branch_labels = None
depends_on = None

_SCHOOL_FROM, _SCHOOL = 45, 8
_STAGED = sa.table("staged_roll", sa.column("transfer", sa.Integer), sa.column("roll", sa.LargeBinary))
_NOTICES = sa.text("json_text = ''")


def upgrade() -> None:
    """Apply the migration to the tables."""
    # What a transfer is about, what is expected of a provider, and nil returns.
    op.create_table(
        "expectation",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("data_type", sa.String(), nullable=False),
        sa.Column("expected", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.PrimaryKeyConstraint("provider", "data_type"),
    )
    op.create_table(
        "nil_return",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("data_type", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.PrimaryKeyConstraint("provider", "data_type", "period"),
    )
    # Not in batches: a batch would write every transfer anew.
    op.add_column("transfer", sa.Column("period", sa.String(), nullable=True))
    op.drop_index("transfer_by_arrival", table_name="transfer")
    op.create_index(
        "transfer_by_arrival",
        "transfer",
        ["state", "data_type", "landed_at", "provider", "flow", "period"],
        unique=False,
    )
    # Columns that an administrator has listed as harmless.
    op.create_table(
        "harmless",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("header", sa.String(), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "provider"),
    )
    # For which schools a provider speaks, whose pupils a file holds, and the school of each entry of a roll.
    op.add_column("provider", sa.Column("schools", sa.String(), nullable=True))
    op.create_table(
        "school_of_transfer",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.ForeignKeyConstraint(["transfer"], ["transfer.sequence"]),
        sa.PrimaryKeyConstraint("provider", "transfer"),
    )
    give_rolls_a_school()
    # When a provider closed, which one followed it, and whom to ring there.
    op.add_column("provider", sa.Column("closed_on", sa.Date(), nullable=True))
    op.add_column("provider", sa.Column("succeeded_by", sa.String(), nullable=True))
    op.create_table(
        "contact",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("telephone", sa.String(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.PrimaryKeyConstraint("provider", "role"),
    )
    # What data protection is told when a file is withdrawn, or given to a team against the policy.
    op.create_table(
        "authority_notice",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.Column("read_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_authority_notice_reference", "authority_notice", ["reference"])
    # Which files hold a child; children whose data few people may see; legal holds by child and by provider.
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
    # Roles of persons, and the accounts of the operating system that they act under.
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
    # Whether a team is shown the whole file, and when the first of it opened its view.
    op.add_column("delivery", sa.Column("collected_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("whole", sa.Boolean(), nullable=True))
    # Whether a team is given counts of a file alone, and whether a provider's copy is its part of one.
    op.add_column("delivery", sa.Column("counts", sa.Boolean(), nullable=True))
    op.add_column("provider_copy", sa.Column("part", sa.Boolean(), nullable=True))
    # The number by which a body is known that has no DfE number and no URN; signatures of several roles.
    op.add_column("provider", sa.Column("number", sa.String(), nullable=True))
    op.create_table(
        "agreement_signature",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("academic_year", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("signatory", sa.String(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("certificate", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["provider"], ["provider.id"]),
        sa.PrimaryKeyConstraint("provider", "academic_year", "role"),
    )
    # Letters that are owed, and what became of them.
    op.create_table(
        "letter",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owed_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("refused", sa.String(), nullable=True),
        sa.Column("bounced_at", UtcDateTime(), nullable=True),
        sa.Column("bounced_by", sa.String(), nullable=True),
        sa.Column("bounced_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("event", "recipient"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index("letter_by_sending", "letter", ["sent_at", "number"])
    op.create_index("ix_letter_owed_at", "letter", ["owed_at"])
    # The console: invitations, sessions, and how often a passkey has signed.
    op.create_table(
        "staff_invitation",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.name"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_staff_invitation_staff", "staff_invitation", ["staff"])
    op.create_table(
        "console_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("passkey", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.name"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_console_session_staff", "console_session", ["staff"])
    op.add_column("key", sa.Column("sign_count", sa.BigInteger(), nullable=True))
    op.create_index("transfer_by_landing", "transfer", ["landed_at", "state"])
    op.create_index("delivery_by_news", "delivery", ["team", "dealt_with_at", "collected_at", "transfer"])
    # What was told a provider is found by an index: notices are few among its receipts.
    op.create_index(
        "receipt_that_is_a_notice",
        "receipt",
        ["provider", "sequence"],
        sqlite_where=_NOTICES,
        postgresql_where=_NOTICES,
    )
    # What a team has dealt with is listed in the order in which it came, without sorting all of it.
    op.create_index("delivery_by_arrival", "delivery", ["team", "transfer", "dealt_with_at"])
    # The last file of each provider and data type is found without looking through all of them.
    last = ["state", "data_type", "provider"]
    op.create_index("transfer_by_last_period", "transfer", [*last, "period", "landed_at"])
    op.create_index("transfer_by_last_about", "transfer", [*last, "landed_at", "period"])
    # Where many write at once, receipts are signed after the transaction that they tell of: until then they are owed.
    op.create_table(
        "receipt_owed",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_receipt_owed_reference", "receipt_owed", ["reference"])


def give_rolls_a_school() -> None:
    """Pack the rolls of held files anew: to each entry of 45 octets come 8 for its school, unknown so far."""
    connection = op.get_bind()
    for transfer, roll in connection.execute(sa.select(_STAGED.c.transfer, _STAGED.c.roll)).all():
        entries = (roll[at : at + _SCHOOL_FROM] for at in range(0, len(roll), _SCHOOL_FROM))
        packed = b"".join(entry + bytes(_SCHOOL) for entry in entries)
        connection.execute(sa.update(_STAGED).where(_STAGED.c.transfer == transfer).values(roll=packed))
