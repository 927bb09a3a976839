"""Classification and views: megabytes for a second of CPU by kind of file, against plain libraries.

A peer reads the same bytes in the same run (classification), or reads and writes them (views), and judges
nothing. All work in one process, whose CPU time is counted: other work on the machine hardly matters.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from datetime import date

from lxml import etree
from openpyxl import Workbook, load_workbook

from gateway.classify import Rules, classify, load_rules
from gateway.classify.tally import judge_on
from gateway.classify.views.view import make_view
from gateway.home.settings import ClassifyLimits
from gateway.model import Basis, Classified
from gateway.samples import make
from tests.bench import bench_classify as kinds
from tests.bench.measure import Line, Setting, in_turns, line

_TODAY = date(2026, 11, 24)
_ROUNDS = 9


def read_xml(data: bytes) -> None:
    """Read with lxml alone: see every element, and clear it."""
    kinds.bare_xml(io.BytesIO(data))


def read_csv(data: bytes) -> None:
    """Read with csv.reader alone."""
    kinds.bare_csv(io.BytesIO(data))


def copy_xml(data: bytes) -> None:
    """Read and write with lxml alone, pupil by pupil."""
    for _, element in etree.iterparse(io.BytesIO(data), tag=("Pupil", "PupilOnRoll")):
        etree.tostring(element)
        element.clear()


def copy_csv(data: bytes) -> None:
    """Read and write with the module csv alone."""
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""))
    csv.writer(io.StringIO(newline="")).writerows(rows)


def read_workbook(data: bytes) -> None:
    """Read with openpyxl alone."""
    for sheet in load_workbook(io.BytesIO(data), read_only=True):
        for _ in sheet.iter_rows(values_only=True):
            pass


def copy_workbook(data: bytes) -> None:
    """Read and write with openpyxl alone."""
    book = Workbook(write_only=True)
    for sheet in load_workbook(io.BytesIO(data), read_only=True):
        copied = book.create_sheet()
        for row in sheet.iter_rows(values_only=True):
            copied.append(row)
    book.save(io.BytesIO())


_Peer = Callable[[bytes], None]
_XML: tuple[str, _Peer, _Peer] = ("lxml", read_xml, copy_xml)
_CSV: tuple[str, _Peer, _Peer] = ("csv", read_csv, copy_csv)
_KINDS: dict[str, tuple[Callable[[int], Iterator[bytes]], tuple[str, _Peer, _Peer]]] = {
    "CTF, core data": (kinds.ctf_core, _XML),
    "CTF, results": (kinds.ctf_results, _XML),
    "school census XML": (kinds.census, _XML),
    "CSV, core data": (kinds.csv_core, _CSV),
    "CSV, core data, long rows": (kinds.csv_wide, _CSV),
    "CSV, session marks": (kinds.csv_marks, _CSV),
}


def _files(setting: Setting) -> Iterator[tuple[str, bytes, tuple[str, _Peer, _Peer]]]:
    """Yield each file with its peer."""
    size = (1 if setting.quick else 4) * 1024**2
    for label, (content, peer) in _KINDS.items():
        yield label, b"".join(content(size)), peer
    workbook = make("student-core", "xlsx-core", pupils=200 if setting.quick else 2_000)
    yield "workbook, core data", workbook, ("openpyxl", read_workbook, copy_workbook)
    yield "CTF, core data of 45 pupils", make("student-core", "ctf-full", pupils=45), _XML


def classification(setting: Setting) -> Iterator[Line]:
    """Yield every line on classification."""
    rules = load_rules(kinds.POLICIES)
    for label, data, (peer, read, _) in _files(setting):
        path = setting.scratch / "content"
        path.write_bytes(data)
        *_, peak = kinds.measure(path)
        note = f"peak memory {peak} MB"
        yield _line(setting, "classification", label, data, note, peer, lambda: _found(data, rules), read)  # noqa: B023 - called at once


def views(setting: Setting) -> Iterator[Line]:
    """Yield every line on views: of a team with the right to every other item."""
    rules = load_rules(kinds.POLICIES)
    items = tuple(item.label for item in (*rules.items.values(), *rules.others.values()))[::2]
    for label, data, (peer, _, copy) in _files(setting):
        found = _found(data, rules)
        basis = Basis(data_type=found.data_type, items=items, unlisted=found.unlisted)

        def view(data: bytes = data, basis: Basis = basis) -> None:
            make_view(io.BytesIO(data), basis, rules, ClassifyLimits(), lambda _: None)

        yield _line(setting, "views", label, data, "half of the items", f"{peer}, all of it", view, copy)


def _found(data: bytes, rules: Rules) -> Classified:
    judge_on.cache_clear()  # As if its values were others.
    found = classify(io.BytesIO(data), "content", ClassifyLimits(), rules, today=_TODAY)
    assert isinstance(found, Classified), found
    return found


def _line(  # noqa: PLR0917 - what stands in a line, in order
    setting: Setting,
    part: str,
    label: str,
    data: bytes,
    note: str,
    peer: str,
    ours: Callable[[], object],
    theirs: _Peer,
) -> Line:
    """Measure both sides in turns; the first run of ours, which learns the headings, does not count."""
    times, megabytes = max(1, 300_000 // len(data)), len(data) / 1e6

    def cpu(work: Callable[[], object]) -> float:
        begun = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - begun) / times

    ours()
    mine, other = in_turns(setting.rounds(_ROUNDS), lambda: cpu(ours), lambda: cpu(lambda: theirs(data)))
    costs = [[1000 * seconds for seconds in side] for side in (mine, other)]
    return line(
        part,
        label,
        "MB/s of CPU",
        [megabytes / seconds for seconds in mine],
        peer,
        [megabytes / seconds for seconds in other],
        better="more",
        note=note,
        cpu=("file", *costs),
    )
