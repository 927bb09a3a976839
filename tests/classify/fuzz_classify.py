"""Bounded fuzzing: whatever the bytes, classify() answers with a type or a named refusal, in time.

    python -m pytest tests/classify/fuzz_classify.py            300 examples a test
    GATEWAY_FUZZ_EXAMPLES=20000 python -m pytest tests/classify/fuzz_classify.py

pytest does not collect it by itself: its name is no `test_`.
"""

import json
import os
import time
import zipfile
from io import BytesIO

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused
from gateway.reasons import REASONS
from tests.classify import made
from tests.classify.cases import TEXTS
from tests.classify.conftest import POLICIES, TODAY
from tests.classify.hostile import HOSTILE
from tests.classify.test_workbook import with_shared_strings, workbook
from tests.corpus import books, formats

RULES = load_rules(POLICIES)
SECONDS = 5.0
FUZZ = settings(
    max_examples=int(os.environ.get("GATEWAY_FUZZ_EXAMPLES", "300")),
    deadline=None,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
)
SEEDS = [
    *(text.encode() for text, _ in TEXTS.values()),
    *(content for content in (made() for made in HOSTILE.values()) if len(content) < 100_000),
    workbook(made.core_rows()),
    with_shared_strings(workbook(made.mark_rows())),
]
BOOKS = [SEEDS[-2], SEEDS[-1], *(make(books.Page(made.core_rows(3))) for make in (books.xlsb, books.ods))]
OLD_BOOK = books.xls(books.Page(made.core_rows(3)), books.Page(made.mark_rows(2)))
SEEDS += [*BOOKS[2:], OLD_BOOK, *(make() for make in formats.FILES.values())]


def check(content: bytes, name: str = "a") -> None:
    start = time.process_time()
    found = classify(BytesIO(content), name, ClassifyLimits(), RULES, today=TODAY, on_pupils=lambda *_: None)
    assert time.process_time() - start < SECONDS
    if isinstance(found, Classified):
        assert found.data_type in RULES.data_types.types
    else:
        assert isinstance(found, ContentRefused)
        assert found.code in REASONS


@FUZZ
@given(content=st.binary(max_size=4_000), name=st.text(max_size=80))
def test_any_bytes(content: bytes, name: str) -> None:
    check(content, name)


@FUZZ
@given(data=st.data())
def test_changed_files(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 8))):
        _change(content, data)
    check(bytes(content))


def _change(content: bytearray, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, 60))
    other = data.draw(st.sampled_from(SEEDS))
    piece = data.draw(st.integers(0, len(other)))
    new = data.draw(st.one_of(st.binary(max_size=20), st.just(other[piece : piece + length]), st.just(b"")))
    content[start : start + length] = new


@FUZZ
@given(data=st.data())
def test_changed_parts_of_workbooks(data: st.DataObject) -> None:
    book = data.draw(st.sampled_from(BOOKS))
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(book)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = bytearray(old.read(name))
            if data.draw(st.booleans()):
                _change(part, data)
            new.writestr(name, bytes(part))
    check(out.getvalue())


@FUZZ
@given(data=st.data())
def test_changed_old_workbooks(data: st.DataObject) -> None:
    content = bytearray(OLD_BOOK)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 9))
        content[at : at + 8] = data.draw(st.binary(max_size=8)).ljust(8, bytes(content[at + 7 : at + 8]))
    check(bytes(content))


MEMBERS = st.sampled_from(["UPN", "Surname", "DOB", "date", "data", "education_details", "meta", "upn"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=25,
)


@FUZZ
@given(value=VALUES)
def test_any_json(value: object) -> None:
    check(json.dumps(value).encode())


CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "/", "\\", "A*", "9", "WBRI", "PERM", "2026-09-01", "Z999", "=1", "@a", "-", "+44"]),
)


@FUZZ
@given(data=st.data())
def test_tables_of_known_columns(data: st.DataObject) -> None:
    names = sorted({name for rule in RULES.fields.values() for name in rule.columns})
    header = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=12))
    rows = data.draw(st.lists(st.lists(CELLS, max_size=14), max_size=8))
    delimiter = data.draw(st.sampled_from(",;\t|"))
    check(made.as_csv([header, *rows], delimiter).encode("utf-8", "replace"))


ASSESSED = ("StageAssessments", "KeyStage", "StageAssessment", "Stage", "Subject")
OTHERS = ("Header", "School", "Exclusion", "Category", "Reason", "CollectionDetails", "Collection")
NAMES = ("Pupil", "PupilOnRoll", "UPN", *ASSESSED, *OTHERS)
ELEMENTS = st.recursive(
    st.text(max_size=10),
    lambda inner: st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            inner,
        ),
        max_size=5,
    ),
    max_leaves=25,
)


@FUZZ
@given(root=st.sampled_from(["CTfile", "Message", "Anything"]), inside=ELEMENTS)
def test_trees_of_known_elements(root: str, inside: object) -> None:
    check(f"<{root}>{_written(inside)}</{root}>".encode("utf-8", "replace"))


def _written(inside: object) -> str:
    if isinstance(inside, str):
        return inside.replace("&", "&amp;").replace("<", "&lt;")
    assert isinstance(inside, list)
    return "".join(f"<{name}>{_written(inner)}</{name}>" for name, inner in inside)
