"""What is written into the filler of an awarding body's records does not pass unseen."""

from __future__ import annotations

import pytest

from gateway.model import Classified
from tests.classify import made
from tests.classify.conftest import Classify

NOTE = "CHILD PROTECTION PLAN SINCE MAY"
OTHER = "SMITH JOHN LIVES WITH HIS AUNT"
OLD = made.jcq(["8300  H9 ", "8700   4 "])
WIDTH = 192


def results(
    *, between: str = "706G26", grade: str = "9", behind: str = "", frame: dict[str, str] | None = None
) -> bytes:
    """One result a record, at the places that public parsers read; `frame` writes on behind the others."""
    said = frame or {}
    lines = ["R154321706G26241126", "R354321TEST SCHOOL"]
    lines += [
        f"R554321{4000 + number:04d}{'':13}{9276308680 + number}{between:6}8300H {grade}{behind}"
        for number in range(6)
    ]
    lines += ["R7543210000006", "R9700000006"]
    return "".join(f"{line + said.get(line[:2], ''):{WIDTH}}\r\n" for line in lines).encode()


def written(record: str, place: int, text: str) -> bytes:
    """The other kind of file with a text written over one kind of record from a place on."""
    lines = OLD.split("\r\n")
    return "\r\n".join(
        line[:place] + text + line[place + len(text) :] if line[:2] == record else line for line in lines
    ).encode()


@pytest.mark.parametrize(
    ("content", "column", "topic"),
    [
        (results(behind=f"  {NOTE}"), 50, "safeguarding"),
        (results(behind=f"{'':90}{OTHER}"), 138, ""),
        (results(between="CAMHS"), 35, "mental health"),
        (results(behind="  A999123456789"), 50, ""),
        *((results(frame={kind: f"   {NOTE}"}), None, "safeguarding") for kind in ("R1", "R3", "R7", "R9")),
        (results(frame={"R7": f"   {OTHER}"}), None, ""),
        (written("R5", 150, NOTE), None, "safeguarding"),
        (written("R5", 150, OTHER), None, ""),
        (written("R5", 30, f"   {NOTE}"), None, "safeguarding"),
        (OLD.replace("\r\n", f"{NOTE}\r\n").encode(), None, "safeguarding"),
    ],
)
def test_a_text_in_the_filler_is_told_by_its_place(
    classify: Classify, content: bytes, column: int | None, topic: str
) -> None:
    found = classify(content)
    assert isinstance(found, Classified)
    assert found.data_type == "gcse-results"
    assert topic in {one.topic for one in found.unlisted}
    assert column in {None, *(one.position for one in found.unlisted)}


@pytest.mark.parametrize(
    "content",
    [results(), results(behind="  A*  0240 300 12A"), results(frame={"R1": "  GCSE"}), OLD.encode()],
)
def test_codes_marks_and_names_are_what_such_a_file_carries(classify: Classify, content: bytes) -> None:
    found = classify(content)
    assert isinstance(found, Classified)
    assert (found.data_type, found.unlisted) == ("gcse-results", ())
