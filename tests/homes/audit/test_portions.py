"""What is checked in portions, by several processes and in several runs, is found as in one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.home.settings import load_settings
from gateway.homes.audit import audit as checks
from gateway.homes.audit import tree
from gateway.homes.audit.audit import audit
from gateway.homes.audit.tree import AuditPortions, Inconsistency
from gateway.log.checkpoint import LogKey
from gateway.registry.database import Registry
from gateway.secrets.signing import Signing
from tests.homes.audit.spoiling import spoilt
from tests.whole import plentiful

FOUND = "the text is not the one that is signed", "the text carries no valid signature by a known key"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A copy, checked three rows at a time."""
    monkeypatch.setattr(tree, "_TOGETHER", 3)
    with spoilt(tmp_path / "copy.db"):
        pass
    opened = Registry(f"sqlite:///{tmp_path / 'copy.db'}")
    yield opened
    opened.close()


def signing() -> Signing:
    return Signing.load(plentiful().home, load_settings(plentiful().home))


def audited(registry: Registry, checked: AuditPortions) -> list[Inconsistency]:
    with closing(checked), registry.read() as session:
        return list(audit(session, signing().vkey, checked))


def kept(path: Path, key: LogKey | None = None) -> AuditPortions:
    return AuditPortions(state=path, key=key or signing().log_key)


def alter(registry: Registry, statement: str) -> None:
    with closing(sqlite3.connect(registry.url.removeprefix("sqlite:///"))) as db:
        assert db.execute(statement).rowcount == 1
        db.commit()


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of receipts whose signatures were checked."""
    numbers: list[int] = []
    check = checks._faults_of

    def counted(row: checks.ReceiptRow, *keys: object) -> Iterator[str | None]:
        numbers.append(row.sequence or 0)
        return check(row, *keys)  # type: ignore[arg-type] # handed on as they came

    monkeypatch.setattr(checks, "_faults_of", counted)
    return numbers


@pytest.mark.long
def test_several_processes_find_what_one_does_in_the_same_order(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "_TOGETHER", 40)
    for change in ("receipt SET text = text || 'x'", "event SET salt = x'00'"):
        table = change.split()[0]
        alter(registry, f"UPDATE {change} WHERE rowid = (SELECT max(rowid) / 2 FROM {table})")
    alone = audited(registry, AuditPortions())
    assert {"receipt", "event"} <= {one.where.split()[0] for one in alone}
    assert audited(registry, AuditPortions(workers=2)) == alone


@pytest.mark.long
def test_a_run_that_was_cut_off_goes_on_and_nothing_is_checked_twice(
    registry: Registry, tmp_path: Path, looked_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, keep = tmp_path / "state", AuditPortions.keep
    assert audited(registry, AuditPortions()) == []
    every, done = sorted(looked_at), 0
    looked_at.clear()

    def dies(self: AuditPortions, digest: str) -> None:
        if looked_at[6:]:
            self._file.write(b"half a li")
            raise KeyboardInterrupt
        keep(self, digest)

    with monkeypatch.context() as killed:
        killed.setattr(AuditPortions, "keep", dies)
        with pytest.raises(KeyboardInterrupt):
            audited(registry, kept(state))
    done = len(looked_at)
    assert 6 < done < len(every)
    assert audited(registry, kept(state)) == []
    twice = sorted(set(looked_at[:done]) & set(looked_at[done:]))
    assert len(twice) <= 3  # Those of the portion in hand when it died.
    assert sorted({*looked_at}) == every
    looked_at.clear()
    assert audited(registry, kept(state)) == []
    assert looked_at == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("receipt SET text = replace(text, 'a', 'e') WHERE sequence = 1", "receipt"),
        ("event SET note = 'x' WHERE number = 1", "event 1"),
        (
            "event SET leaf = CAST(replace(CAST(leaf AS TEXT), '20', '19') AS BLOB) WHERE number = 1",
            "event 1",
        ),
    ],
)
def test_a_row_altered_in_a_part_that_was_checked_is_found_at_once(
    registry: Registry, tmp_path: Path, change: str, where: str
) -> None:
    state = tmp_path / "state"
    assert audited(registry, kept(state)) == []
    alter(registry, f"UPDATE {change}")
    found = audited(registry, kept(state))
    assert any(one.where.startswith(where) for one in found)
    assert audited(registry, kept(state)) == found == audited(registry, AuditPortions())


def test_a_forged_state_hides_nothing(registry: Registry, tmp_path: Path, looked_at: list[int]) -> None:
    """Who can write the file, and not sign for the log, cannot have a portion left out."""
    state, forger = tmp_path / "state", LogKey.load(LogKey.generate())
    assert audited(registry, kept(state, forger)) == []  # Digests as they should be, signed by another.
    lines = state.read_bytes().splitlines()
    state.write_bytes(b"\n".join([lines[0], *(line.split()[0] for line in lines[2:]), b""]))
    for _ in range(2):
        looked_at.clear()
        assert audited(registry, kept(state, forger)) == []
        state.write_bytes(b"\n".join([*lines, b""]))
    assert looked_at == []
    assert audited(registry, kept(state)) == []
    assert looked_at


def test_another_file_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "head").write_text("test.invalid/log\n3\n")
    words = ("log", "verify", "--state", str(tmp_path / "head"))
    assert "is no state of a verification" in plentiful().gateway(*words, code=1)
    assert (tmp_path / "head").read_text() == "test.invalid/log\n3\n"
