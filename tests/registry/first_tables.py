"""The tables as version 0.1.0 made them, from which a registry of any age is upgraded."""

import sqlalchemy as sa
from alembic import op


def create() -> None:  # noqa: PLR0915 - one a table
    """Create them, in the context of alembic's operations."""
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "deletion_certificate",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "discrepancy",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("discrepancy", schema=None) as batch_op:
        batch_op.create_index("discrepancy_by_key", ["key", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_discrepancy_state"), ["state"], unique=False)

    op.create_table(
        "event",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("event_by_subject", ["subject", "number"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_kind"), ["kind"], unique=False)

    op.create_table(
        "key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_kind", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("revocation", sa.String(), nullable=True),
        sa.Column("warned_days", sa.Integer(), nullable=True),
        sa.Column("dropped_as", sa.String(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("owner_kind", "owner", "kind", "fingerprint"),
    )
    with op.batch_alter_table("key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_key_fingerprint"), ["fingerprint"], unique=False)
        batch_op.create_index(batch_op.f("ix_key_owner"), ["owner"], unique=False)
        batch_op.create_index(batch_op.f("ix_key_owner_kind"), ["owner_kind"], unique=False)

    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "position"),
    )
    op.create_table(
        "provider",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("dfe_number", sa.String(), nullable=True),
        sa.Column("urn", sa.String(), nullable=True),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "receipt",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("json_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_receipt_created_at"), ["created_at"], unique=False)
        batch_op.create_index("receipt_by_reference", ["reference", "sequence"], unique=False)

    op.create_table(
        "staff",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "declaration",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("data", sa.String(), nullable=False),
        sa.Column("data_types", sa.String(), nullable=False),
        sa.Column("flow", sa.String(), nullable=True),
        sa.Column("goes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("safeguards", sa.String(), nullable=False),
        sa.Column("circumstances", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declared_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["provider.id"],
        ),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("reference"),
    )
    with op.batch_alter_table("declaration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_declaration_provider"), ["provider"], unique=False)

    op.create_table(
        "full_roll",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["provider.id"],
        ),
        sa.PrimaryKeyConstraint("provider"),
    )
    op.create_table(
        "ratification",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("academic_year", sa.String(), nullable=False),
        sa.Column("signatory", sa.String(), nullable=False),
        sa.Column("ratified_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("certificate", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["provider.id"],
        ),
        sa.PrimaryKeyConstraint("provider", "academic_year"),
    )
    op.create_table(
        "staff_team",
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff"],
            ["staff.name"],
        ),
        sa.PrimaryKeyConstraint("staff", "team"),
    )
    op.create_table(
        "transfer",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("landed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ssh_key", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("withheld", sa.Boolean(), nullable=False),
        sa.Column("looks_like", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("flow", sa.String(), nullable=True),
        sa.Column("data_type", sa.String(), nullable=True),
        sa.Column("extension", sa.String(), nullable=True),
        sa.Column("content_size", sa.BigInteger(), nullable=True),
        sa.Column("content_sha256", sa.String(), nullable=True),
        sa.Column("signer", sa.String(), nullable=True),
        sa.Column("signing_key", sa.String(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by", sa.String(), nullable=True),
        sa.Column("engine", sa.String(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["provider.id"],
        ),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("reference"),
    )
    with op.batch_alter_table("transfer", schema=None) as batch_op:
        batch_op.create_index(
            "transfer_by_arrival", ["state", "data_type", "landed_at", "provider", "flow"], unique=False
        )
        batch_op.create_index("transfer_by_provider", ["provider", "sequence"], unique=False)
        batch_op.create_index(
            "transfer_by_signature", ["provider", "signing_key", "signed_at", "content_sha256"], unique=False
        )
        batch_op.create_index("transfer_by_state", ["state", "sequence"], unique=False)
        batch_op.create_index("transfer_by_wait", ["waits_for", "held_until"], unique=False)

    op.create_table(
        "deletion",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("data_type", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["certificate"],
            ["deletion_certificate.number"],
        ),
        sa.PrimaryKeyConstraint("reference", "what"),
    )
    with op.batch_alter_table("deletion", schema=None) as batch_op:
        batch_op.create_index("deletion_by_certificate", ["certificate"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dealt_with_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dealt_with_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transfer"],
            ["transfer.sequence"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("transfer", "team"),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index("delivery_by_team", ["team", "dealt_with_at", "transfer"], unique=False)

    op.create_table(
        "discrepancy_party",
        sa.Column("discrepancy", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("pupil", sa.LargeBinary(), nullable=False),
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["discrepancy"],
            ["discrepancy.number"],
        ),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["provider.id"],
        ),
        sa.ForeignKeyConstraint(
            ["transfer"],
            ["transfer.sequence"],
        ),
        sa.PrimaryKeyConstraint("discrepancy", "ordinal"),
    )
    with op.batch_alter_table("discrepancy_party", schema=None) as batch_op:
        batch_op.create_index("discrepancy_party_by_provider", ["provider", "discrepancy"], unique=False)

    op.create_table(
        "legal_hold",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("legal_hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_legal_hold_reference"), ["reference"], unique=False)

    op.create_table(
        "provider_copy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificates", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["provider.id"],
        ),
        sa.ForeignKeyConstraint(
            ["transfer"],
            ["transfer.sequence"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("transfer", "provider"),
    )
    with op.batch_alter_table("provider_copy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_provider_copy_provider"), ["provider"], unique=False)
        batch_op.create_index("provider_copy_by_made", ["made_at"], unique=False)

    op.create_table(
        "pupil",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("pupil", sa.LargeBinary(), nullable=False),
        sa.Column("on_roll", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("birth_date", sa.LargeBinary(), nullable=True),
        sa.Column("former", sa.LargeBinary(), nullable=True),
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["provider.id"],
        ),
        sa.ForeignKeyConstraint(
            ["transfer"],
            ["transfer.sequence"],
        ),
        sa.PrimaryKeyConstraint("provider", "pupil"),
    )
    with op.batch_alter_table("pupil", schema=None) as batch_op:
        batch_op.create_index(
            "pupil_by_former",
            ["former"],
            unique=False,
            sqlite_where=sa.text("former IS NOT NULL"),
            postgresql_where=sa.text("former IS NOT NULL"),
        )
        batch_op.create_index("pupil_by_pupil", ["pupil"], unique=False)

    op.create_table(
        "reason",
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("clause", sa.String(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer"],
            ["transfer.sequence"],
        ),
        sa.PrimaryKeyConstraint("transfer", "ordinal"),
    )
    with op.batch_alter_table("reason", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reason_code"), ["code"], unique=False)

    op.create_table(
        "staged_roll",
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("roll", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer"],
            ["transfer.sequence"],
        ),
        sa.PrimaryKeyConstraint("transfer"),
    )
