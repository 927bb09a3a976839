"""The short forms of the faults and of the long tests leave out no kind of fault, and draw each some day."""

from __future__ import annotations

from pathlib import Path

from gateway.zones.failpoints import FAILPOINTS
from tests.faults.sample import ALWAYS, LEFT_OUT, drawn, drawn_files, kind

KILLS = [f"tests/faults/test_kills.py::test_killed_at_a_named_step[{one}]" for one in FAILPOINTS]
OTHERS = [f"tests/faults/test_disks.py::test_the_spool[{one}]" for one in ("full", "read-only")]
ALONE = "tests/faults/test_limits.py::test_few_descriptors"
TESTS = [*KILLS, *OTHERS, ALONE]


def test_a_sample_has_one_case_of_each_kind() -> None:
    parts = {one.partition(".")[0] for one in FAILPOINTS}
    assert len(parts) > 5
    for seed in map(str, range(50)):
        sample = drawn(TESTS, seed)
        assert len(sample) == len(parts) + 2
        assert {kind(one) for one in sample} == {kind(one) for one in TESTS}
        assert drawn(reversed(TESTS), seed) == sample


def test_every_case_is_drawn_by_some_seed() -> None:
    assert set().union(*(drawn(TESTS, str(seed)) for seed in range(200))) == set(TESTS)


def test_what_make_test_tries_in_a_smaller_size_is_left_out() -> None:
    assert drawn([f"tests/faults/{name}::test_it" for name in LEFT_OUT], "1") == set()


def test_a_sixth_of_the_long_files_is_drawn_and_each_by_some_seed() -> None:
    root = Path(__file__).parents[1]
    assert all("pytest.mark.long" in (root / one).read_text("utf-8") for one in ALWAYS)
    files = [*(f"tests/room/test_{number}.py" for number in range(60)), *(f"tests/{one}" for one in ALWAYS)]
    samples = [drawn_files(files, str(seed)) for seed in range(200)]
    assert all({*files[-len(ALWAYS) :]} <= one and 11 <= len(one) <= 13 for one in samples)
    assert set().union(*samples) == set(files)
    assert drawn_files(reversed(files), "7") == samples[7]
