"""The papers of docs/assurance: whatever they name as a proof is there, and no requirement is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPERS = sorted((ROOT / "docs/assurance").glob("*.md"))
_NAMED = re.compile(r"`((?:tests|docs|policies|gateway|keys|systemd|\.ci|[A-Z]+\.md|requirements)[^`\s]*)`")
_ROW = re.compile(r"^\| V([\d.]+) \| ([12]) \| [^|]+ \| (.+) \|$", re.MULTILINE)


def missing(text: str) -> list[str]:
    """What a text names and is not there: files, folders, and tests as FILE::NAME."""
    return [
        named
        for named in _NAMED.findall(text)
        for file, _, test in [named.partition("::")]
        if not (ROOT / file).exists() or (test and f"def {test}(" not in (ROOT / file).read_text("utf-8"))
    ]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.stem)
def test_what_a_paper_names_as_a_proof_is_there(paper: Path) -> None:
    assert missing(paper.read_text("utf-8")) == []


def test_what_is_not_there_is_found() -> None:
    told = missing("`tests/house/test_assurance.py::test_nothing` `docs/nothing.md` `SECURITY.md`")
    assert told == ["tests/house/test_assurance.py::test_nothing", "docs/nothing.md"]


def test_each_requirement_of_level_2_has_a_proof_or_says_why_not() -> None:
    rows = _ROW.findall((ROOT / "docs/assurance/asvs.md").read_text("utf-8"))
    # The standard, version 5.0.0, has 70 requirements of level 1 and 183 more of level 2.
    assert [sum(level == wanted for _, level, _ in rows) for wanted in "12"] == [70, 183]
    assert len({number for number, _, _ in rows}) == len(rows)
    said = ("not met: ", "not applicable: ")
    assert [number for number, _, how in rows if not how.startswith(said) and not _NAMED.search(how)] == []


def test_what_is_not_met_stands_together_before_the_rows_and_is_counted() -> None:
    text = (ROOT / "docs/assurance/asvs.md").read_text("utf-8")
    rows = _ROW.findall(text)
    told = text.partition("## Not met")[2].partition("\n## ")[0]
    assert re.findall(r"V([\d.]+\d)", told) == [
        number for number, _, how in rows if how.startswith("not met: ")
    ]
    counts = [sum(how.startswith(said) for _, _, how in rows) for said in ("not met: ", "not applicable: ")]
    assert f"{len(rows) - sum(counts)} met, {counts[0]} not met, {counts[1]} not applicable" in text


def test_the_code_of_practice_is_counted_as_its_rows_have_it() -> None:
    text = (ROOT / "docs/assurance/software-security.md").read_text("utf-8")
    counts = [
        len(re.findall(rf"^\| \d\.\d .+? \| {view} \|", text, re.MULTILINE))
        for view in ("met", "partly", "not met")
    ]
    assert "{} met, {} partly, {} not met".format(*counts) in " ".join(text.split())
