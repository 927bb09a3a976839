"""Givings, the register's version, hosts, programs, hand-ons, web hooks, filters, numbers of copies.

No release had the states between, so they are one migration.
"""

from gateway.registry.migrations import run

revision = "0038"
down_revision = "0017"
branch_labels = None
depends_on = None

_CHANGES = """
-- Who gave a member of staff what they act with: the giver does not count as a second person beside them.
CREATE TABLE giving (
    id {NUMBER}, staff VARCHAR NOT NULL, what VARCHAR NOT NULL, mark VARCHAR NOT NULL, "by" VARCHAR NOT NULL,
    at {TIME} NOT NULL, PRIMARY KEY (id));
CREATE INDEX ix_giving_staff ON giving (staff);
-- A leaf vouches for the rows of what it tells of, and for what a receipt states, whose row is sealed.
ALTER TABLE event ADD COLUMN rows TEXT;
ALTER TABLE receipt ADD COLUMN seal VARCHAR;
-- How often the register was changed: who keeps a copy of it asks for this number alone.
CREATE TABLE register_version (id INTEGER NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (id));
-- Version 0.2.0 had a table of receipts that were owed.
DROP TABLE IF EXISTS receipt_owed;
-- A provider says what a heading means: the key of its field beside the heading, where one is listed.
ALTER TABLE harmless ADD COLUMN field VARCHAR;
-- A key says whether somebody has confirmed that it is its owner's: those of before count as confirmed.
ALTER TABLE key ADD COLUMN unconfirmed BOOLEAN;
-- A file in which something sensitive was found stays for few people, whatever is decided afterwards.
ALTER TABLE transfer ADD COLUMN few BOOLEAN;
CREATE INDEX transfer_by_few ON transfer (sequence) WHERE few IS NOT NULL;
-- Nobody was sought in what a malware scanner had found: `gateway pupils index` does so.
DELETE FROM persons_of_transfer WHERE transfer IN (
    SELECT sequence FROM transfer WHERE content LIKE '%"open:malware"%');
-- Hosts that share the work are on record, with what each last said of itself.
CREATE TABLE host (
    name VARCHAR(32) NOT NULL, added_at {TIME} NOT NULL, seen_at {TIME}, spool INTEGER DEFAULT '0' NOT NULL,
    oldest_seconds FLOAT DEFAULT '0' NOT NULL, ahead_seconds FLOAT DEFAULT '0' NOT NULL,
    holds TEXT DEFAULT '' NOT NULL, PRIMARY KEY (name));
-- Challenges of the console are on record where several hosts answer one browser.
CREATE TABLE console_challenge (
    holder VARCHAR(64) NOT NULL, purpose VARCHAR(64) NOT NULL, challenge {BYTES} NOT NULL,
    about TEXT NOT NULL, ends_at {TIME} NOT NULL, PRIMARY KEY (holder, purpose));
-- A copy waits for its recipient's ratification, and a ratification ends by notice.
ALTER TABLE provider_copy ADD COLUMN waits BOOLEAN;
CREATE INDEX provider_copy_by_wait ON provider_copy (waits);
-- A copy keeps the numbers that its school had when it was ordered, as they may change later.
ALTER TABLE provider_copy ADD COLUMN numbers VARCHAR;
ALTER TABLE ratification ADD COLUMN ends_on DATE;
-- By which rules a file's content was judged: what waits is judged anew once others are in force.
ALTER TABLE transfer ADD COLUMN rules VARCHAR;
-- Programs that use the API, and their requests by which they changed something.
CREATE TABLE program (
    digest VARCHAR(64) NOT NULL, name VARCHAR NOT NULL, acts TEXT NOT NULL, teams VARCHAR NOT NULL,
    made_at {TIME} NOT NULL, made_by VARCHAR NOT NULL, ends_at {TIME} NOT NULL, revoked_at {TIME},
    revoked_by VARCHAR, why VARCHAR, PRIMARY KEY (digest));
CREATE INDEX ix_program_name ON program (name);
CREATE TABLE program_request (
    program VARCHAR(64) NOT NULL, key VARCHAR(255) NOT NULL, asked VARCHAR NOT NULL, at {TIME} NOT NULL,
    answer TEXT, PRIMARY KEY (program, key));
-- Files handed on to other systems, in batches.
CREATE TABLE hand_on_batch (
    id {NUMBER}, hand_on VARCHAR NOT NULL, number INTEGER NOT NULL, team VARCHAR NOT NULL,
    target VARCHAR NOT NULL, owed_at {TIME} NOT NULL, made_at {TIME}, sent_at {TIME}, acknowledged_at {TIME},
    acknowledged_by VARCHAR, due_at {TIME}, trouble TEXT, PRIMARY KEY (id), UNIQUE (hand_on, number));
CREATE INDEX ix_hand_on_batch_acknowledged_at ON hand_on_batch (acknowledged_at);
CREATE TABLE hand_on_file (
    id {NUMBER}, batch INTEGER NOT NULL REFERENCES hand_on_batch (id), reference VARCHAR NOT NULL,
    handed_at {TIME}, rows INTEGER, empty TEXT, why TEXT,
    recalled_in INTEGER REFERENCES hand_on_batch (id), PRIMARY KEY (id));
CREATE INDEX ix_hand_on_file_batch ON hand_on_file (batch);
CREATE INDEX ix_hand_on_file_reference ON hand_on_file (reference);
-- The receipts of one provider are found without looking through those of all.
CREATE INDEX receipt_by_provider ON receipt (provider, sequence);
CREATE INDEX receipt_that_names_schools ON receipt (sequence) WHERE json_text LIKE '%"schools":%';
-- Policies that were edited and proposed in the console.
CREATE TABLE policy_draft (
    digest VARCHAR(64) NOT NULL, base VARCHAR(64) NOT NULL, file VARCHAR NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (digest));
-- Web hooks: addresses of the authority's own systems that are told of events.
CREATE TABLE hook (
    name VARCHAR NOT NULL, address TEXT NOT NULL, events VARCHAR NOT NULL, teams VARCHAR NOT NULL,
    made_at {TIME} NOT NULL, made_by VARCHAR NOT NULL, entry INTEGER NOT NULL, looked_at {TIME} NOT NULL,
    told_at {TIME}, trouble VARCHAR, lost_since {TIME}, behind VARCHAR, PRIMARY KEY (name));
-- A person says that the first steps in the console are read.
ALTER TABLE staff ADD COLUMN knows_pages BOOLEAN;
-- The deliveries of a day are counted without looking through all of them.
CREATE INDEX delivery_by_day ON delivery (delivered_at, team);
-- What was sent again while the same waits is found without reading all held files.
CREATE INDEX transfer_held_by_content ON transfer (content_sha256) WHERE state = 'held';
-- Persons keep filters of lists for themselves.
CREATE TABLE saved_filter (
    staff VARCHAR NOT NULL, listing VARCHAR NOT NULL, name VARCHAR NOT NULL, query TEXT NOT NULL,
    PRIMARY KEY (staff, listing, name));
"""


def upgrade() -> None:
    """Apply the migration to the tables."""
    run(_CHANGES)
