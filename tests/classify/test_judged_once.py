"""Values that repeat are judged once for each column or element, not once for each cell."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest

from gateway.classify import value_kinds
from gateway.classify.findings import FieldTally
from gateway.classify.tally import judge_on
from gateway.classify.value_kinds import Check, Judge, Quick
from gateway.classify.views.view import make_view
from gateway.classify.workbook import _Parts
from gateway.model import Basis
from tests.classify import made
from tests.content import core_data
from tests.costs import calls
from tests.views.making import LIMITS, RULES, recognised

ROWS = 10_000
EVERY_ITEM = tuple({item.label for item in (*RULES.items.values(), *RULES.others.values())})
REMARK = "F (see note)"


def table() -> bytes:
    header, row = made.core_rows(1)
    row[4] = REMARK
    return made.as_csv([header, *[row] * ROWS]).encode()


def document() -> bytes:
    child = made.Child(1)
    pupil = made.census_pupil(child).replace(f"<Sex>{child.sex}</Sex>", f"<Sex>{REMARK}</Sex>")
    return made.census_around([pupil] * ROWS).encode()


@pytest.mark.parametrize("content", [table, document])
def test_a_value_that_ten_thousand_records_repeat_is_judged_a_few_times(
    content, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, judged, noted = content(), [], []

    class Counting(Judge):
        def __init__(self, check: Check | None, quick: Quick | None = None) -> None:
            def counted(text: str) -> str | None:
                judged.append(text)
                assert check is not None
                return check(text)

            super().__init__(counted if check is not None else None, quick)

    monkeypatch.setattr(FieldTally, "note", lambda *said: noted.append(said))
    monkeypatch.setattr(value_kinds, "Judge", Counting)
    for each in (RULES, *RULES._by_pack.values()):
        monkeypatch.delitem(each.__dict__, "judges", raising=False)
    judge_on.cache_clear()
    what = recognised(data)
    (bad,) = (finding for finding in what.findings if finding.code == "code:unknown")
    assert bad.count == ROWS
    assert bad.rows == tuple(range(1, 21))
    assert REMARK in judged
    assert len(judged) <= 40, "once for each of a few fields"
    assert noted == [], "cells with a fault are counted by value"
    judged.clear()
    out = bytearray()
    make_view(
        BytesIO(data),
        Basis(data_type=what.data_type, items=EVERY_ITEM, unlisted=what.unlisted),
        RULES,
        LIMITS,
        out.extend,
    )
    assert REMARK.encode() not in out
    assert len(judged) <= 40


def test_the_rows_of_a_workbook_of_one_table_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    book, read = openpyxl.Workbook(), list[object]()
    for row in made.core_rows(30):
        book.active.append(row)
    book.save(content := BytesIO())
    one = _Parts._row
    monkeypatch.setattr(_Parts, "_row", lambda parts, row: read.append(row) or one(parts, row))
    recognised(content.getvalue())
    assert len(read) == 31


def test_a_process_judges_the_values_of_an_earlier_file_no_more() -> None:
    data = core_data(1, pupils=45)
    found = recognised(data)  # What is made at first use is made.
    judge_on.cache_clear()
    (first, at_first), (second, again) = (calls(lambda: recognised(data)) for _ in range(2))
    assert first == second == found
    assert again < 0.9 * at_first
