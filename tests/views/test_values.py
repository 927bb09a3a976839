"""Any text in any cell: it is of the kind that its heading names, or it is in no view. What is, stays."""

from __future__ import annotations

import csv
import io
import random
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.classify.value_kinds import QUERIES
from gateway.model import WITHHELD, Basis, Classified
from gateway.samples import make, school, variants
from tests.corpus.corpus import files, lines, tables
from tests.views.making import RULES, found, recognised, view_of
from tests.views.remarks import REMARKS

ITEMS = tuple({item.label for item in (*RULES.items.values(), *RULES.others.values())})
FIELDS = [
    key for key, rule in RULES.fields.items() if rule.columns and key in {**RULES.items, **RULES.working}
]
HEAD = ["UPN", "Surname", "Forename", "Date of Birth", "Gender", "NCY", "Ethnicity"]
ROWS = [
    ["Y999123420001", "O'Neill", "Zoë", "2016-02-02", "F", "5", "WBRI"],
    ["M999123420002", "Brown", "Amir", "2016-03-03", "M", "5", "MWBC"],
    ["J999123420000", "Ng", "Bo", "2016-01-01", "M", "5", "AIND"],
]
TEXTS = st.one_of(
    st.text(max_size=60), st.sampled_from(REMARKS), st.from_regex(r"[A-Z0-9 /;:,()-]{1,12}", fullmatch=True)
)


def is_of_kind(key: str, text: str) -> bool:
    """By the statement of items.toml alone."""
    check = RULES.check(key)
    return check is not None and check(text) in (None, *QUERIES)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FIELDS), TEXTS)
@example("sex", "F (M)")
@example("house", "SW: Jane")
@example("attendance-mark", "Mum in prison")
def test_any_text_in_any_column_is_of_its_kind_or_in_no_view(key: str, text: str) -> None:
    name = RULES.fields[key].columns[0]
    rows = [HEAD + ["Zz"] * (name not in HEAD), *([*row, ""] for row in ROWS)]
    place = HEAD.index(name) if name in HEAD else len(HEAD)
    rows[0][place:] = rows[0][place:] if name in HEAD else [name]
    rows = [row[: len(rows[0])] for row in rows]
    rows[2][place] = text
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    data = out.getvalue().encode("utf-8", "replace")
    what = found(data)
    if not isinstance(what, Classified):
        return  # It waits for a person.
    view, left_out = view_of(data, Basis(data_type=what.data_type, items=ITEMS, unlisted=what.unlisted))
    head, *seen = csv.reader(io.StringIO(view.decode("utf-8-sig"), newline=""))
    cells = [row[head.index(name)] for row in seen] if name in head else []
    for cell in filter(str.strip, cells):
        assert is_of_kind(key, cell.removeprefix("'")), (key, cell)
    if cells and text.strip() and len(seen) == len(ROWS) and not cells[1].strip():
        assert WITHHELD in left_out
        assert [one for one in what.findings if one.expected and 2 in one.rows]


_ELEMENTS = {
    "Pupil/Surname": "surname",
    "Pupil/Gender": "sex",
    "BasicDetails/Ethnicity": "ethnicity",
    "BasicDetails/NCyearActual": "year-group",
    "Address/Town": "address",
    "Contact/Surname": "guardians",
}


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(_ELEMENTS)),
    st.one_of(st.text(st.characters(exclude_categories=["C"]), max_size=40), st.sampled_from(REMARKS)),
    st.booleans(),
)
def test_any_text_in_any_element_is_of_its_kind_or_in_no_view(where: str, text: str, cdata: bool) -> None:
    parent, _, name = where.partition("/")
    written = f"<![CDATA[{text.replace(']]>', '')}]]>" if cdata else escape(text)
    inner = f"<{name}>{written}</{name}>"
    pupils = (
        f"<Pupil><UPN>Y999123420001</UPN>{inner if parent == 'Pupil' else ''}<DOB>2016-02-02</DOB>"
        f"{'' if parent == 'Pupil' else f'<{parent}>{inner}</{parent}>'}</Pupil>"
    )
    data = (
        "<CTfile><Header><DocumentName>Common Transfer File</DocumentName></Header>"
        f"<CTFpupilData>{pupils}</CTFpupilData></CTfile>"
    ).encode()
    what = found(data)
    if not isinstance(what, Classified):
        return
    view, _ = view_of(data, Basis(data_type=what.data_type, items=ITEMS, unlisted=what.unlisted))
    plain = text.replace("]]>", "") if cdata else text
    if plain.strip() and inner.encode() in view:
        assert is_of_kind(_ELEMENTS[where], plain), (where, text)


# Files of the corpus that pass, with cells that are blank in every view, and why they are.
WITH_BLANKS = {
    "cell-adds.csv": "a formula stands for the name of a class",
    "cell-sums.csv": "a formula stands for the name of a class",
    "known-as-with-a-story.csv": "a remark stands for a name",
    "result-in-words.xml": "words stand for a result",
    "below-without-a-number.csv": "words stand for a UPN",
}


@pytest.mark.parametrize("table", tables())
def test_of_good_files_no_cell_is_blank_without_a_reason(table: str) -> None:
    blanks = {}
    for line in lines(table):
        if line.outcome == "accepted" and line.file not in WITH_BLANKS:
            what = found(files(table)[line.file]())
            withheld = (
                [(f.about, f.count) for f in what.findings if f.expected]
                if isinstance(what, Classified)
                else []
            )
            if withheld:
                blanks[line.file] = withheld
    assert blanks == {}


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in variants()}))
def test_of_samples_no_cell_is_blank(kind: str) -> None:
    blanks = {}
    for variant in [v for k, v in variants() if k == kind]:
        rng = random.Random(11)
        what = recognised(make(kind, variant, rng=rng, school=school(rng, 1), pupils=20))
        withheld = [(f.about, f.count) for f in what.findings if f.expected]
        if withheld:
            blanks[variant] = withheld
    assert blanks == {}


def test_the_files_with_blanks_are_there() -> None:
    assert set(WITH_BLANKS) <= {line.file for table in tables() for line in lines(table)}
