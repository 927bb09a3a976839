"""Whatever is changed in the registry behind the gateway's back, the audit finds it and says where."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from gateway.registry.vouched_rows import recorded_tables
from tests.homes.audit.spoiling import UNREADABLE, USAGE, flipped, found_in, other, spoilt, table, tables
from tests.whole import plentiful, whole

pytestmark = pytest.mark.long

# Not asked of a home: to make one takes long, and tests are collected more often than they are run.
METADATA = SQLModel.metadata
NAMES = [
    "agreement_signature", "authority_notice", "checkpoint", "contact", "declaration", "deletion",
    "deletion_certificate", "delivery", "discrepancy", "discrepancy_party", "event", "expectation",
    "giving", "hand_on_batch", "hand_on_file",
    "harmless", "hook", "key", "legal_hold", "log_node", "marked_transfer", "nil_return", "person_account",
    "person_role", "program", "provider", "provider_copy", "pupil_marker", "pupil_marker_person",
    "ratification", "reason", "receipt", "school_of_transfer", "staff", "staff_invitation", "staff_team",
    "transfer",
]  # fmt: skip
# These are nothing but their keys: two that change places are what they were.
KEYS = {"marked_transfer", "person_role", "pupil_marker_person", "school_of_transfer", "staff_team"}
SEVERAL = [name for name in NAMES if name not in KEYS]
# What the log is made of, and what it is about: here each bit of each column counts.
WHOLLY = ["event", "checkpoint", "receipt", "transfer"]
# What is named first must be the table that was changed; of the log, the part that no longer fits.
ALSO = {"event": {"event", "log_node", "checkpoint"}}


def test_an_honest_home_fits() -> None:
    for home in (whole(), plentiful()):
        assert "everything fits" in home.gateway("log", "verify", "--sealed")


def test_every_table_is_under_test() -> None:
    """A new table must be filled in `whole` or `plentiful` and named here."""
    assert sorted({one.name for one in tables()}) == NAMES
    assert set(recorded_tables()) | {"event", "log_node"} == set(NAMES)
    assert [one.name for one in tables() if one.rows < 2] == []
    for one in tables():
        assert set(one.columns) == {column.name for column in METADATA.tables[one.name].columns}


def expect(path: Path, name: str, act: str) -> None:
    found = found_in(path)
    assert found is not None, f"{act} of {name} is not found"
    named = found.where.split()[0]
    assert named in {name, UNREADABLE.where} | ALSO.get(name, set()), (act, name, found)


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_vouched_for(name: str, tmp_path: Path) -> None:
    rng = random.Random(name)
    for column in table(name).columns:
        if (name, column) in USAGE:
            continue
        place = rng.randrange(table(name).rows)
        with spoilt(tmp_path / "copy.db") as db:
            one = f"select rowid, {column} from {name} order by rowid limit 1 offset {place}"
            row, value = db.execute(one).fetchone()
            changed = db.execute(
                f"update or ignore {name} set {column} = ? where rowid = ?", (other(value), row)
            ).rowcount
        if changed:  # Otherwise the database has a rule of its own against it.
            expect(tmp_path / "copy.db", name, f"a change in {column} of row {place}")


@pytest.mark.parametrize("name", NAMES)
def test_a_row_that_is_taken_out_is_missed(name: str, tmp_path: Path) -> None:
    for place in {0, table(name).rows - 1}:
        with spoilt(tmp_path / "copy.db") as db:
            one = f"select rowid from {name} order by rowid limit 1 offset {place}"
            db.execute(f"delete from {name} where rowid = ({one})")
        expect(tmp_path / "copy.db", name, f"the removal of row {place}")


@pytest.mark.parametrize("name", NAMES)
def test_a_table_that_is_cut_off_is_noticed(name: str, tmp_path: Path) -> None:
    for kept in {0, table(name).rows // 2}:
        with spoilt(tmp_path / "copy.db") as db:
            keep = f"select rowid from {name} order by rowid limit {kept}"
            db.execute(f"delete from {name} where rowid not in ({keep})")
        expect(tmp_path / "copy.db", name, f"cutting to {kept} rows")


@pytest.mark.parametrize("name", NAMES)
def test_a_row_that_is_doubled_is_noticed(name: str, tmp_path: Path) -> None:
    """A copy of a row under another key."""
    known = table(name)
    with spoilt(tmp_path / "copy.db") as db:
        (row,) = db.execute(f"select * from {name} order by rowid desc limit 1").fetchall()
        values = [
            other(value) if column in UNIQUE | {known.key[-1]} else value
            for column, value in zip(known.columns, row, strict=True)
        ]
        marks = ",".join("?" * len(values))
        db.execute(f"insert into {name} ({','.join(known.columns)}) values ({marks})", values)
    expect(tmp_path / "copy.db", name, "a copy")


# No two rows of some tables may have the same of these.
UNIQUE = {"reference", "team", "provider", "fingerprint", "number"}


@pytest.mark.parametrize("name", SEVERAL)
def test_rows_that_change_places_are_noticed(name: str, tmp_path: Path) -> None:
    """The first and the last row swap their keys: all that they held stays, each under the other's."""
    key = table(name).key
    place = " and ".join(f"{part} = ?" for part in key)
    with spoilt(tmp_path / "copy.db") as db:
        one, *_, two = db.execute(f"select {', '.join(key)} from {name} order by rowid").fetchall()
        aside = (*one[:-1], -1)
        for then, now in ((one, aside), (two, one), (aside, two)):
            changed = ", ".join(f"{part} = ?" for part in key)
            db.execute(f"update {name} set {changed} where {place}", (*now, *then))
    expect(tmp_path / "copy.db", name, "a swap")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("event", "leaf"),
        ("event", "note"),
        ("event", "salt"),
        ("log_node", "hash"),
        ("checkpoint", "text"),
        ("receipt", "text"),
        ("receipt", "json_text"),
        ("transfer", "content"),
        ("transfer", "sha256"),
        ("deletion_certificate", "text"),
        ("key", "material"),
    ],
)
def test_a_bit_that_flips_is_found(name: str, column: str, tmp_path: Path) -> None:
    rng = random.Random(f"{name} {column}")
    for _ in range(4):
        with spoilt(tmp_path / "copy.db") as db:
            rows = db.execute(f"select rowid, {column} from {name} where {column} is not null").fetchall()
            row, value = rng.choice([one for one in rows if one[1]])
            db.execute(f"update {name} set {column} = ? where rowid = ?", (flipped(value, rng), row))
        expect(tmp_path / "copy.db", name, f"a flipped bit in {column}")


@pytest.mark.parametrize(
    ("name", "column"), [(name, column.name) for name in WHOLLY for column in METADATA.tables[name].columns]
)
def test_a_bit_that_flips_in_any_column_is_found(name: str, column: str, tmp_path: Path) -> None:
    rng = random.Random(f"{name} {column} again")
    with spoilt(tmp_path / "copy.db") as db:
        rows = db.execute(f"select rowid, {column} from {name} where {column} is not null").fetchall()
        full = [one for one in rows if one[1] not in {"", b""}]
        if not full:
            return  # Nothing has a value there: test_every_column_is_vouched_for gives it one.
        row, value = rng.choice(full)
        made = value ^ 1 << rng.randrange(8) if isinstance(value, int) else flipped(value, rng)
        changed = db.execute(
            f"update or ignore {name} set {column} = ? where rowid = ?", (made, row)
        ).rowcount
    if changed:  # Otherwise the database has a rule of its own against it.
        expect(tmp_path / "copy.db", name, f"a flipped bit in {column}")
