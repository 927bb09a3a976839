"""What stands beside the cells and elements of a file reaches no view, however it is written."""

from __future__ import annotations

import csv
import io
import random

import pytest

from gateway.model import Basis, Classified
from gateway.samples import make, school
from tests.content import core_data
from tests.views.making import found, view_of
from tests.views.test_remarks import EVERY_ITEM

STORY = "his stepfather drinks"
RNG = random.Random(7)
WHOLE = make("student-core", "csv-core", rng=RNG, school=school(RNG, 1), pupils=600).decode("utf-8-sig")
KEPT = ("UPN", "Surname", "Forename", "Date of Birth", "Gender", "Ethnicity", "Postcode")
"""Columns of which nothing is left out, so that a view may be the file as it was signed."""
TABLE = "\n".join(
    ",".join(row[name] for name in KEPT if name in row)
    for row in [dict(zip(KEPT, KEPT, strict=True)), *csv.DictReader(io.StringIO(WHOLE, newline=""))]
)


def table(*, above: str = "", first: str = "", late: str = "") -> bytes:
    head, *rows = TABLE.splitlines()
    rows *= 20  # More than are read at once.
    rows[0] += first
    rows[-1] += late
    return "\r\n".join([*([above] if above else []), head, *rows, ""]).encode()


def core(old: str, new: str) -> bytes:
    text = core_data().decode()
    assert old in text
    return text.replace(old, new, 1).encode()


CASES = {
    "a cell behind the last column, late": table(first=",", late=f",{STORY}"),
    "a title behind 4,000 blanks": table(above=" " * 4_100 + STORY),
    "an instruction whose name begins with xml": core("<Header>", f"<Header><?xml-note {STORY}?>"),
    "an attribute of XML on a record": core("<Pupil>", f'<Pupil xml:note="{STORY}">'),
    "an attribute of XML that there is, on a record": core("<Pupil>", f'<Pupil xml:lang="{STORY}">'),
    "an attribute of a schema on the root": core(
        "<CTfile", f'<CTfile xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:note="{STORY}"'
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_it_reaches_no_view(what: str) -> None:
    data = CASES[what]
    assert STORY in data.decode()
    known = found(data)
    if not isinstance(known, Classified):
        return  # Nobody gets it: it waits for a person.
    view, _ = view_of(data, Basis(data_type=known.data_type, items=EVERY_ITEM, unlisted=known.unlisted))
    assert STORY not in view.decode()
