"""Classification: megabytes a second by kind of file, against the bare parser over the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench import bench_classify as kinds
from tests.bench.measure import Line, Setting, line, seconds

_KINDS = {
    "CTF, core data": (kinds.ctf_core, kinds.bare_xml, "lxml iterparse"),
    "CTF, results": (kinds.ctf_results, kinds.bare_xml, "lxml iterparse"),
    "school census XML": (kinds.census, kinds.bare_xml, "lxml iterparse"),
    "CSV, core data": (kinds.csv_core, kinds.bare_csv, "csv.reader"),
    "CSV, session marks": (kinds.csv_marks, kinds.bare_csv, "csv.reader"),
}


def run(setting: Setting) -> Iterator[Line]:
    """Every line on classification."""
    size = (5 if setting.quick else 20) * 1024**2
    for label, (make, bare, parser) in _KINDS.items():
        path = setting.scratch / "content"
        with path.open("wb") as file:
            file.writelines(make(size))
        megabytes = path.stat().st_size / 1e6
        ours, theirs, peak = [], [], 0
        for _ in range(3):
            with path.open("rb") as content:
                theirs.append(megabytes / seconds(lambda: bare(content)))  # noqa: B023 - called at once
            _, taken, peak = kinds.measure(path)
            ours.append(megabytes / taken)
        note = f"peak memory {peak} MB"
        yield line("classification", label, "MB/s", ours, parser, theirs, better="more", note=note)
        Path(path).unlink()
