"""Since version 0.1.0: periods, trusts, lives of providers, children, roles, letters and the console.

No release had the states between, so they are one migration.
"""

import sqlalchemy as sa
from alembic import op

from gateway.registry.migrations import run

revision = "0017"
down_revision = "0001"
branch_labels = None
depends_on = None

_SCHOOL_FROM, _SCHOOL = 45, 8
_STAGED = sa.table("staged_roll", sa.column("transfer", sa.Integer), sa.column("roll", sa.LargeBinary))
_CHANGES = """
-- What a transfer is about, what is expected of a provider, and nil returns.
CREATE TABLE expectation (
    provider VARCHAR NOT NULL REFERENCES provider (id), data_type VARCHAR NOT NULL, expected BOOLEAN NOT NULL,
    recorded_at {TIME} NOT NULL, recorded_by VARCHAR NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY (provider, data_type));
CREATE TABLE nil_return (
    provider VARCHAR NOT NULL REFERENCES provider (id), data_type VARCHAR NOT NULL, period VARCHAR NOT NULL,
    recorded_at {TIME} NOT NULL, recorded_by VARCHAR NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY (provider, data_type, period));
ALTER TABLE transfer ADD COLUMN period VARCHAR;
DROP INDEX transfer_by_arrival;
CREATE INDEX transfer_by_arrival ON transfer (state, data_type, landed_at, provider, flow, period);
-- Columns that an administrator has listed as harmless.
CREATE TABLE harmless (
    name VARCHAR NOT NULL, provider VARCHAR NOT NULL, header VARCHAR NOT NULL, listed_at {TIME} NOT NULL,
    listed_by VARCHAR NOT NULL, why TEXT NOT NULL, PRIMARY KEY (name, provider));
-- For which schools a provider speaks, and whose pupils a file holds.
ALTER TABLE provider ADD COLUMN schools VARCHAR;
CREATE TABLE school_of_transfer (
    provider VARCHAR NOT NULL REFERENCES provider (id),
    transfer INTEGER NOT NULL REFERENCES transfer (sequence), PRIMARY KEY (provider, transfer));
-- When a provider closed, which one followed it, and whom to ring there.
ALTER TABLE provider ADD COLUMN closed_on DATE;
ALTER TABLE provider ADD COLUMN succeeded_by VARCHAR;
CREATE TABLE contact (
    provider VARCHAR NOT NULL REFERENCES provider (id), role VARCHAR NOT NULL, email VARCHAR,
    telephone VARCHAR, recorded_at {TIME} NOT NULL, recorded_by VARCHAR NOT NULL,
    PRIMARY KEY (provider, role));
-- What data protection is told when a file is withdrawn, or given to a team against the policy.
CREATE TABLE authority_notice (
    number {NUMBER}, reference VARCHAR NOT NULL, subject VARCHAR NOT NULL, text TEXT NOT NULL,
    created_at {TIME} NOT NULL, read_at {TIME}, read_by VARCHAR, PRIMARY KEY (number));
CREATE INDEX ix_authority_notice_reference ON authority_notice (reference);
-- Which files hold a child, children whose data few people may see, legal holds by child and by provider.
CREATE TABLE persons_of_transfer (
    transfer INTEGER NOT NULL REFERENCES transfer (sequence), persons {BYTES} NOT NULL,
    PRIMARY KEY (transfer));
CREATE TABLE pupil_marker (
    number {NUMBER}, kind VARCHAR NOT NULL, persons {BYTES} NOT NULL, placed_at {TIME} NOT NULL,
    placed_by VARCHAR NOT NULL, why TEXT NOT NULL, lifted_at {TIME}, lifted_by VARCHAR, lifted_why TEXT,
    PRIMARY KEY (number));
CREATE TABLE pupil_marker_person (
    marker INTEGER NOT NULL REFERENCES pupil_marker (number), staff VARCHAR NOT NULL,
    PRIMARY KEY (marker, staff));
CREATE TABLE marked_transfer (
    transfer INTEGER NOT NULL REFERENCES transfer (sequence),
    marker INTEGER NOT NULL REFERENCES pupil_marker (number), PRIMARY KEY (transfer, marker));
CREATE INDEX marked_transfer_by_marker ON marked_transfer (marker);
ALTER TABLE legal_hold ADD COLUMN provider VARCHAR;
ALTER TABLE legal_hold ADD COLUMN persons {BYTES};
-- Roles of persons, and the accounts of the operating system that they act under.
CREATE TABLE person_role (
    staff VARCHAR NOT NULL REFERENCES staff (name), role VARCHAR NOT NULL, PRIMARY KEY (staff, role));
CREATE TABLE person_account (
    account VARCHAR NOT NULL, staff VARCHAR NOT NULL REFERENCES staff (name), PRIMARY KEY (account));
CREATE INDEX ix_person_account_staff ON person_account (staff);
-- Whether a team is shown the whole file or given counts, and when the first of it opened its view.
ALTER TABLE delivery ADD COLUMN collected_at {TIME};
ALTER TABLE delivery ADD COLUMN whole BOOLEAN;
ALTER TABLE delivery ADD COLUMN counts BOOLEAN;
ALTER TABLE provider_copy ADD COLUMN part BOOLEAN;
-- The number by which a body is known that has no DfE number and no URN, and signatures of several roles.
ALTER TABLE provider ADD COLUMN number VARCHAR;
CREATE TABLE agreement_signature (
    provider VARCHAR NOT NULL REFERENCES provider (id), academic_year VARCHAR NOT NULL, role VARCHAR NOT NULL,
    signatory VARCHAR NOT NULL, signed_on DATE NOT NULL, recorded_at {TIME} NOT NULL,
    recorded_by VARCHAR NOT NULL, text_sha256 VARCHAR NOT NULL, reference VARCHAR, certificate VARCHAR,
    PRIMARY KEY (provider, academic_year, role));
-- Letters that are owed, and what became of them.
CREATE TABLE letter (
    number {NUMBER}, event VARCHAR NOT NULL, recipient VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    provider VARCHAR, message_id VARCHAR NOT NULL, subject VARCHAR NOT NULL, text TEXT NOT NULL,
    owed_at {TIME} NOT NULL, sent_at {TIME}, refused VARCHAR, bounced_at {TIME}, bounced_by VARCHAR,
    bounced_why TEXT, PRIMARY KEY (number), UNIQUE (event, recipient), UNIQUE (message_id));
CREATE INDEX letter_by_sending ON letter (sent_at, number);
CREATE INDEX ix_letter_owed_at ON letter (owed_at);
-- The console: invitations, sessions, and how often a passkey has signed.
CREATE TABLE staff_invitation (
    digest VARCHAR(64) NOT NULL, staff VARCHAR NOT NULL REFERENCES staff (name), made_at {TIME} NOT NULL,
    ends_at {TIME} NOT NULL, made_by VARCHAR NOT NULL, PRIMARY KEY (digest));
CREATE INDEX ix_staff_invitation_staff ON staff_invitation (staff);
CREATE TABLE console_session (
    digest VARCHAR(64) NOT NULL, staff VARCHAR NOT NULL REFERENCES staff (name), passkey VARCHAR NOT NULL,
    address VARCHAR NOT NULL, begun_at {TIME} NOT NULL, seen_at {TIME} NOT NULL, PRIMARY KEY (digest));
CREATE INDEX ix_console_session_staff ON console_session (staff);
ALTER TABLE key ADD COLUMN sign_count BIGINT;
CREATE INDEX transfer_by_landing ON transfer (landed_at, state);
CREATE INDEX delivery_by_news ON delivery (team, dealt_with_at, collected_at, transfer);
-- What was told a provider is found by an index: notices are few among its receipts.
CREATE INDEX receipt_that_is_a_notice ON receipt (provider, sequence) WHERE json_text = '';
-- What a team has dealt with is listed in the order in which it came, without sorting all of it.
CREATE INDEX delivery_by_arrival ON delivery (team, transfer, dealt_with_at);
-- The last file of each provider and data type is found without looking through all of them.
CREATE INDEX transfer_by_last_period ON transfer (state, data_type, provider, period, landed_at);
CREATE INDEX transfer_by_last_about ON transfer (state, data_type, provider, landed_at, period);
"""


def upgrade() -> None:
    """Apply the migration to the tables."""
    run(_CHANGES)
    give_rolls_a_school()


def give_rolls_a_school() -> None:
    """Pack the rolls of held files anew: each entry of 45 bytes grows by 8, for a school unknown so far."""
    connection = op.get_bind()
    for transfer, roll in connection.execute(sa.select(_STAGED.c.transfer, _STAGED.c.roll)).all():
        entries = (roll[at : at + _SCHOOL_FROM] for at in range(0, len(roll), _SCHOOL_FROM))
        packed = b"".join(entry + bytes(_SCHOOL) for entry in entries)
        connection.execute(sa.update(_STAGED).where(_STAGED.c.transfer == transfer).values(roll=packed))
