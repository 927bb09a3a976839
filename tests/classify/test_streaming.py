"""Memory does not grow with the file."""

import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from lxml import etree

from gateway.classify import Rules
from gateway.classify.content import Source, Unreadable
from gateway.classify.delimited import line_batches
from gateway.classify.gather import Gatherer
from gateway.classify.tally import Tally
from gateway.home.settings import ClassifyLimits
from tests.bench import bench_classify as bench

pytestmark = pytest.mark.long

MEGABYTES = 1024**2


def repeated(make: Callable[[int], Iterator[bytes]]) -> Callable[[int], Iterator[bytes]]:
    """Make files whose records are the same again and again."""

    def repeating(size: int) -> Iterator[bytes]:
        before, block, after = make(1)
        return iter([before, *(block for _ in range(size // len(block))), after])

    return repeating


# What takes half a minute each is tried by `make faults`.
SIZES = pytest.mark.parametrize(
    "size", [10 * MEGABYTES, pytest.param(40 * MEGABYTES, marks=pytest.mark.faults)], ids=["10 MB", "40 MB"]
)


@SIZES
@pytest.mark.parametrize(
    ("make", "data_type"),
    [(bench.ctf_core, "student-core"), (bench.census, "school-census"), (bench.csv_marks, "attendance")],
)
def test_ever_new_records_are_not_all_remembered(tmp_path: Path, make, data_type: str, size: int) -> None:
    path = tmp_path / "content"
    with path.open("wb") as file:
        file.writelines(make(size))
    found, _, peak = bench.measure(path)
    assert found == data_type
    # 40 MB of marks took 162 MB: each of half a million pupils, at most, is remembered with a surname, as a
    # number that stands with two is told. A real file repeats its pupils, and takes what is allowed below.
    assert peak < (200 if size > 10 * MEGABYTES else 130), "more of them take no more"


@SIZES
@pytest.mark.parametrize(
    ("make", "data_type"),
    [
        (repeated(bench.ctf_core), "student-core"),
        (repeated(bench.census), "school-census"),
        (repeated(bench.csv_marks), "attendance"),
    ],
)
def test_a_large_file_is_read_in_little_memory(tmp_path: Path, make, data_type: str, size: int) -> None:
    peaks = []
    for each in (2 * MEGABYTES, size):
        path = tmp_path / str(each)
        with path.open("wb") as file:
            file.writelines(make(each))
        found, _, peak = bench.measure(path)
        assert found == data_type
        peaks.append(peak)
    small, large = peaks
    # Twenty times the file costs a few megabytes at most; 500 MB stay far below 200.
    assert large < small + (15 if size > 10 * MEGABYTES else 8)
    assert large < 100


def test_ever_new_names_are_not_all_remembered(rules: Rules) -> None:
    gatherer = Gatherer(Tally(rules, None), ClassifyLimits())

    def gather(names: range) -> int:
        """The bytes that are taken, after so many names."""
        for n in names:
            gatherer.gather(etree.fromstring(f"<Pupil><a{n}>x</a{n}><b><c{n}>x</c{n}></b></Pupil>"))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        some = gather(range(1_000))
        many = gather(range(1_000, 2_000))
        more = gather(range(2_000, 4_000))
    finally:
        tracemalloc.stop()
    assert some > 200_000, "what is remembered takes memory"
    assert more - many < some / 10


def test_a_line_without_end_is_given_up() -> None:
    source = Source(BytesIO(b"a,b\n" + b"x" * 1_500_000), "utf-8", ClassifyLimits())
    with pytest.raises(Unreadable) as caught:
        list(line_batches(source))
    assert caught.value.evidence == ("a line is too long",)
