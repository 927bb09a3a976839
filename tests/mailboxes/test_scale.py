"""A folder of 50,000 files: listed page by page, and each of them found without the others."""

import subprocess

import pytest
from sqlalchemy import text

from gateway.registry.tables import TransferRow
from tests.costs import statements
from tests.mailboxes.mailroom import PROVIDER, Mailroom

COUNT = 50_000
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def reference_of(number: int) -> str:
    tail = "".join(DIGITS[number >> shift & 31] for shift in (20, 15, 10, 5, 0))
    return f"250101-{PROVIDER}-{tail}"


_TAIL = " || ".join(f"substr('{DIGITS}', (n >> {shift} & 31) + 1, 1)" for shift in (20, 15, 10, 5, 0))
_OWN = {
    "sequence": "sequence + 1 + n",
    "reference": f"'250101-{PROVIDER}-' || {_TAIL}",
    "content_size": "n",
}
_COLUMNS = [column.name for column in TransferRow.__table__.columns]
_COPY = f"""
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {2 * COUNT - 1})
INSERT INTO transfer ({", ".join(_COLUMNS)})
SELECT {", ".join(_OWN.get(name, name) for name in _COLUMNS)} FROM transfer, numbers WHERE reference = :model
"""
_DELIVER = f"""
INSERT INTO delivery (transfer, team, delivered_at, dealt_with_at, whole)
SELECT sequence, 'crowded', landed_at, CASE WHEN content_size < {COUNT} THEN NULL ELSE landed_at END, TRUE
FROM transfer WHERE reference LIKE '250101-%'
"""


@pytest.fixture(scope="module")
def crowded(mailroom: Mailroom) -> str:
    """A team with 50,000 files, and as many that it has dealt with: copies of the row of one real file."""
    mailroom.staff("busy", "crowded")
    model = mailroom.deliver(b"x", "model")
    with mailroom.registry.write() as session:
        session.execute(text(_COPY), {"model": model})
        session.execute(text(_DELIVER))
    return "crowded"


def path_of(number: int) -> str:
    return f"/crowded/2026-11-24_{PROVIDER}_student-core_{reference_of(number)}.xml"


@pytest.mark.needs("sftp")
def test_all_are_listed_once_latest_first(mailroom: Mailroom, crowded: str):
    command = ["sftp", "-q", "-F", str(mailroom.ssh_config("busy")), "-b", "-", "mailboxes"]
    done = subprocess.run(
        command, input=f"ls -1f /{crowded}\n", capture_output=True, text=True, timeout=60, check=True
    )
    shown = [line for line in done.stdout.splitlines() if line.startswith("/crowded/2")]
    assert shown == [path_of(number) for number in reversed(range(COUNT))]


def test_the_first_files_come_at_once_and_the_rest_is_never_fetched(mailroom: Mailroom, crowded: str):
    with mailroom.sftp("busy") as sftp, statements() as asked:
        listing = sftp.listdir_iter(f"/{crowded}", read_aheads=1)
        assert f"/crowded/{next(listing).filename}" == path_of(COUNT - 1)
    pages = [one for one in asked if "FROM transfer JOIN delivery" in one]
    assert len(pages) in {1, 2}, pages  # The service may read one ahead.


def test_one_file_is_found_without_the_others(mailroom: Mailroom, crowded: str):
    with mailroom.sftp("busy") as sftp:
        with statements() as asked:
            for number in range(0, COUNT, COUNT // 100):
                assert sftp.stat(path_of(number)).st_size == number
        assert len(asked) < 4 * 100, set(asked)
        (finding,) = {one for one in asked if "transfer.reference = ?" in one}
        with mailroom.registry.read() as session:
            plan = session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {finding}", (None,) * finding.count("?")
            )
            assert not [step for *_, step in plan if step.startswith(("SCAN transfer", "SCAN delivery"))]
        with pytest.raises(FileNotFoundError):
            sftp.stat(path_of(COUNT))


def test_no_query_reads_more_than_it_shows(mailroom: Mailroom, crowded: str):
    page = (
        "SELECT t.reference FROM delivery d JOIN transfer t ON d.transfer = t.sequence "
        "WHERE d.team = 'crowded' AND d.dealt_with_at IS NULL AND t.content_sha256 IS NOT NULL "
        "AND d.transfer < 40000 ORDER BY d.transfer DESC LIMIT 500"
    )
    with mailroom.registry.read() as session:
        plan = " ".join(str(row) for row in session.execute(text(f"EXPLAIN QUERY PLAN {page}")))
    assert "delivery_by_team (team=? AND dealt_with_at=? AND transfer<?)" in plan
    assert "TEMP B-TREE" not in plan
