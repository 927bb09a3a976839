"""Notes at cells are looked at for what is sensitive, however long they are."""

from __future__ import annotations

import io

import openpyxl
import pytest
from openpyxl.comments import Comment

from gateway.model import ContentRefused
from tests.classify import made
from tests.views.making import found

LONG = (
    "We talked about the timetable, the bus and the new coat, and agreed to meet again after half term; {}."
)


@pytest.mark.parametrize("about", ["the DV unit rang", "refuge place found", "GP letter to follow"])
def test_a_long_note_about_something_sensitive_waits_for_few(about: str) -> None:
    book = openpyxl.Workbook()
    for row in made.core_rows():
        book.active.append(row)
    book.active["B2"].comment = Comment(LONG.format(about), "x")
    out = io.BytesIO()
    book.save(out)
    what = found(out.getvalue())
    assert isinstance(what, ContentRefused)
    assert what.sensitive
