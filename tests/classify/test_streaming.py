"""Memory does not grow with the file."""

from pathlib import Path

import pytest

from tests.bench import bench_classify as bench

MEGABYTES = 1024**2


@pytest.mark.parametrize(
    ("make", "data_type"),
    [(bench.ctf_core, "student-core"), (bench.census, "school-census"), (bench.csv_marks, "attendance")],
)
def test_a_large_file_is_read_in_little_memory(tmp_path: Path, make, data_type: str) -> None:
    peaks = []
    for size in (2 * MEGABYTES, 40 * MEGABYTES):
        path = tmp_path / str(size)
        with path.open("wb") as file:
            file.writelines(make(size))
        found, _, peak = bench.measure(path)
        assert found == data_type
        peaks.append(peak)
    small, large = peaks
    # Twenty times the file costs a few megabytes at most; 500 MB stay far below 200.
    assert large < small + 15
    assert large < 100
