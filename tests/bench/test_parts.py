"""A bench that was interrupted goes on with the parts that are missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import bench_classify as kinds
from tests.bench.measure import Costs, Line, Setting, line

Ask = Callable[..., None]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parts that were measured, in order: `a`, `b` and `c` in place of the real ones."""
    done: list[str] = []

    def part(name: str) -> Callable[[Setting], Iterator[Line]]:
        def run(setting: Setting) -> Iterator[Line]:
            done.append(name)
            if name == "b" and done.count("b") == 1:
                raise KeyboardInterrupt
            yield line(name, f"{name} {setting.quick}", "ms", [1.0, 2.0, 4.0], "peer", [float(len(done))],
                       better="less", target=5.0)  # fmt: skip

        return run

    monkeypatch.setattr(bench, "PARTS", {name: (part(name), (), 1) for name in "abc"})
    return done


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setattr(bench, "DOCUMENTS", tmp_path / "documents")

    def asked(*words: str) -> None:
        monkeypatch.setattr("sys.argv", ["bench", "--state", str(tmp_path / "state"), *words])
        bench.main()

    return asked


def test_a_ratio_without_a_spread_is_not_met(capsys: pytest.CaptureFixture[str]) -> None:
    def of(rounds: int, *, bound: bool = False) -> Line:
        return line("x", "y", "ms", [1.0] * rounds, "z", [2.0] * (1 if bound else rounds), better="less",
                    target=1.0, bound=bound)  # fmt: skip

    assert [of(rounds).met for rounds in (1, 2, 3)] == [False, False, True]
    assert of(3, bound=True).met, "a bound that was set has no spread"
    bench.print_table([of(2)])
    assert "2 of 3 rounds" in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_what_programs_take_in_cpu_is_counted_also_once_they_have_ended() -> None:
    work = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"]
    waited, watched = Costs(), Costs(os.getpid())
    with waited.of(10), watched.of(10):
        subprocess.run(work, check=True)
    assert waited.rounds[0] >= 30
    assert watched.rounds[0] >= 20, "by the clock's ticks"


@pytest.mark.parametrize("make", [kinds.csv_wide, kinds.csv_core, kinds.csv_marks])
def test_no_two_rows_of_a_bench_are_the_same(make: Callable[[int], Iterator[bytes]]) -> None:
    rows = b"".join(make(3_000_000)).split(b"\r\n")[1:-1]
    assert len(rows) > kinds.BLOCK
    assert len(set(rows)) == len(rows)
    assert len({row.split(b",")[1] for row in rows}) == len(rows), "nor two names"


def test_what_was_measured_before_an_interruption_is_not_measured_again(
    measured: list[str], ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask()
    assert measured == ["a", "b"]
    ask()
    assert measured == ["a", "b", "b", "c"]
    assert "1 to 4" in capsys.readouterr().out, "the spread"
    found = json.loads((tmp_path / "documents" / "results.json").read_text())
    assert [each["part"] for each in found["lines"]] == ["a", "b", "c"]
    assert found["lines"][0]["ours_spread"] == [1.0, 4.0]
    ask()
    assert measured[4:] == ["a", "b", "c"], "what is written is measured anew the next time"


def test_parts_that_are_named_are_measured_anew_and_leave_the_documents_alone(
    measured: list[str], ask: Ask, tmp_path: Path
) -> None:
    measured.append("b")
    ask("a", "c")
    ask("c")
    assert measured == ["b", "a", "c", "c"]
    assert not (tmp_path / "documents").exists()
    ask("--quick")
    assert measured[4:] == ["a", "b", "c"], "smaller sizes are another measurement"
    assert not (tmp_path / "documents").exists()


def test_after_ten_minutes_no_further_part_is_begun(
    measured: list[str], ask: Ask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured.append("b")
    monkeypatch.setattr(bench, "_SECONDS", -1)
    ask()
    assert measured == ["b"]
    assert "called again" in capsys.readouterr().err
