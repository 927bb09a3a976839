"""What is written into the filler of an awarding body's records does not pass unseen."""

from __future__ import annotations

from io import BytesIO

import pytest

from gateway.classify import Rules
from gateway.classify.content import Source
from gateway.classify.jcq import read_table
from gateway.home.settings import ClassifyLimits
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
        (written("R5", 60, "  F0ST3R  "), 63, ""),
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


def test_it_is_certain_once_a_trailer_counts_as_many_records_as_there_are(classify: Classify) -> None:
    told = "its trailer counts as many records as there are"
    silent = results().replace(b"R7543210000006", b"R7            ").replace(b"R9700000006", b"R9         ")
    for content, level in ((results(), "certain"), (silent, "strong")):
        found = classify(content)
        assert isinstance(found, Classified)
        assert (found.level, told in found.evidence) == (level, level == "certain")


def rows_of(rules: Rules, lines: list[str]) -> list[dict[str, str]]:
    """The results in candidates' records, as a table has them."""
    frame = "R154321707006  26", "R354321", *lines, f"R7{len(lines):06}", f"R9{len(lines) + 4:06}"
    content = BytesIO("".join(f"{line:192}\r\n" for line in frame).encode())
    table = read_table(Source(content, "ascii", ClassifyLimits()), rules)
    return [dict(zip(table.header.names, row, strict=True)) for batch in table.batches for row in batch]


def test_a_name_may_fill_its_hundred_characters(rules: Rules) -> None:
    line = f"R5C543214000{'BROWN:' + 'A' * 94}M090510"
    found = rows_of(rules, [f"{line:130}8300H 9"])
    assert {(row["Surname"], row["Forename"]) for row in found} == {("BROWN", "A" * 94)}


@pytest.mark.parametrize(
    ("groups", "codes"),
    [
        (["8300  H9 ", "8700   4 ", "8461   5 ", "WORDS  X ", "LETTERSY "], {"8300", "8700", "8461"}),
        (["8300  H9 ", "8700   4 ", "WORDS  X ", "LETTERSY ", "ENGLISHZ "], {""}),
    ],
    ids=["in most", "in few"],
)
def test_a_layout_counts_if_it_fits_most_groups(rules: Rules, groups: list[str], codes: set[str]) -> None:
    line = f"R5C543214000{'BROWN:AMIR':40}M090510"
    found = rows_of(rules, [f"{line:108}{''.join(f'{group:10}' for group in groups)}"] * 6)
    assert {row["Entry Code"] for row in found if row["Grade"] in {"9", "4", "5"}} == codes
