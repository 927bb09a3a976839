"""The memory of what was handed over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.intake.box import HandedOver, Recent

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEEP = timedelta(days=7)


def entry(number: int, *, name: str | None = None, at: datetime = NOW) -> HandedOver:
    return HandedOver(
        reference=f"261124-avon-{number:05}",
        folder="in",
        name=name or f"file {number}",
        size=number,
        landed_at=at,
    )


def written(path: Path, *entries: HandedOver) -> Recent:
    recent = Recent(path, KEEP)
    for one in entries:
        recent.remember(one)
        recent.write(one)
    return recent


def loaded(path: Path, now: datetime = NOW) -> Recent:
    recent = Recent(path, KEEP)
    recent.load(now)
    return recent


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path / "j", entry(1), entry(2), entry(3, name="file 1"))
    recent = loaded(tmp_path / "j")
    assert [one.reference[-1] for one in recent.within("in")] == ["2", "3"]
    assert recent.within("keys") == []
    assert recent.today(NOW)[0] == 3
    assert recent.today(NOW + timedelta(days=1))[0] == 0


def test_a_folder_has_something_below_as_long_as_it_is_remembered(tmp_path: Path) -> None:
    recent = written(tmp_path / "j", entry(1, name="a/b/c"), entry(2, name="a/d", at=NOW + KEEP))
    assert [recent.has_below("in", name) for name in ("a", "a/b", "a/b/c", "b")] == [True, True, False, False]
    assert not recent.has_below("keys", "a")
    assert recent.expire(NOW + KEEP + timedelta(seconds=1))
    assert [recent.has_below("in", name) for name in ("a", "a/b")] == [True, False]


def test_a_second_line_about_one_upload_counts_once(tmp_path: Path) -> None:
    first = entry(1)
    written(tmp_path / "j", first, first.model_copy(update={"modified": 5}))
    recent = loaded(tmp_path / "j")
    assert recent.today(NOW)[0] == 1
    assert recent.find("in", "file 1").modified == 5


def test_old_and_broken_lines_are_left_out_and_in_time_dropped(tmp_path: Path) -> None:
    path = tmp_path / "j"
    old = [entry(number, at=NOW - timedelta(days=8)) for number in range(5)]
    written(path, *old, entry(9))
    with path.open("ab") as file:
        file.write(b'{"reference": "26')
    recent = loaded(path)
    assert [one.size for one in recent.within("in")] == [9]
    assert path.read_bytes().count(b"\n") == 1


def test_a_line_that_was_cut_off_takes_no_later_one_with_it(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, entry(1), entry(2), entry(3))
    with path.open("ab") as file:
        file.write(b'{"reference": "26')  # The disk was full.
    written(path, entry(4), entry(5))
    assert [one.size for one in loaded(path).within("in")] == [1, 2, 3, 4, 5]


def test_a_missing_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert loaded(tmp_path / "none").within("in") == []


def test_a_journal_that_cannot_be_written_does_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recent = written(tmp_path / "none" / "j", entry(1))
    assert recent.find("in", "file 1") is not None
    assert "journal-not-written FileNotFoundError(ENOENT)" in caplog.text
    assert str(tmp_path) not in caplog.text


def test_what_is_shown_is_bounded(tmp_path: Path) -> None:
    recent = Recent(tmp_path / "j", KEEP)
    for number in range(2_500):
        recent.remember(entry(number))
    assert len(recent.within("in")) == 2_000
    assert recent.find("in", "file 0") is None
    assert recent.today(NOW)[0] == 2_500


def test_a_line_written_while_old_ones_are_dropped_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent = written(tmp_path / "j", entry(1, at=NOW - timedelta(days=8)), entry(2))
    meanwhile = threading.Thread(target=recent.write, args=[entry(3)])
    read = Recent._read

    def read_slowly(recent: Recent) -> Iterator[HandedOver | None]:
        yield from read(recent)
        meanwhile.start()
        meanwhile.join(0.3)

    assert recent.expire(NOW)
    with monkeypatch.context() as patched:
        patched.setattr(Recent, "_read", read_slowly)
        recent.rewrite(NOW)
    meanwhile.join()
    assert [one.size for one in loaded(tmp_path / "j").within("in")] == [2, 3]
