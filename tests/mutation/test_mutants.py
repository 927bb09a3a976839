"""Mutants of code are one change each, and the tests that run a changed line are found."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.mutation.changes import Mutant, mutants
from tests.mutation.nearest import Nearest
from tests.mutation.page import judged

CODE = b"""\"\"\"A docstring of 3 words.\"\"\"
_log = 0


def judge(years: "int | None", name: str = "x") -> bool:
    \"\"\"Tell.\"\"\"
    _log.info("seen", years=1)
    if years < 18 and name:
        raise ValueError(f"{years + 1}")
    try:
        keep(name, sealed=True)
    except OSError:
        years += 2
    return not years


class Kept:
    def text(self) -> str:
        return self.name
"""
CHANGES = {
    "0 -> 1",
    "years < 18 and name -> (years < 18 or name)",
    "years < 18 -> (years <= 18)",
    "18 -> 19",
    'raise ValueError(f"{years + 1}") -> pass',
    "keep(name, sealed=True) -> pass",
    "keep(name, sealed=True) -> keep(name)",
    "True -> False",
    "years += 2 -> raise",
    "years += 2 -> pass",
    "2 -> 3",
    "return not years -> return None",
    "not years -> (years)",
    "return self.name -> return None",
}


def test_each_mutant_has_one_change_and_is_code() -> None:
    found = {one.change: one for one in mutants(CODE, "gateway/x.py")}
    assert set(found) == CHANGES
    assert {one.function for one in found.values()} == {"", "judge", "Kept.text"}
    texts = {ast.dump(ast.parse(one.applied(CODE))) for one in found.values()}
    assert len(texts - {ast.dump(ast.parse(CODE))}) == len(CHANGES)


def test_a_sample_stays_while_the_function_does() -> None:
    def turns(code: bytes) -> dict[str, str]:
        return {one.function: one.turn("1") for one in mutants(code, "gateway/x.py")}

    moved, changed = turns(b"# A line.\n" + CODE), turns(CODE.replace(b"18", b"19"))
    assert moved == turns(CODE)
    assert {name for name, turn in changed.items() if turn == moved[name]} == {"", "Kept.text"}


@pytest.mark.parametrize(
    ("line", "tests"),
    [
        (12, ["a::quick", "a::room", "b::slow", "c::beside"]),
        (8, ["b::slow", "a::quick", "a::room", "c::beside"]),
        (7, ["a::quick", "a::room", "b::slow", "c::beside"]),
        (13, ["a::quick", "a::room", "b::slow", "c::beside"]),
        (1, ["c::beside", "a::quick", "a::room", "b::slow"]),
    ],
)
def test_the_tests_of_a_line_are_nearest_quick_ones_first_and_those_of_a_file_together(
    tmp_path: Path, line: int, tests: list[str]
) -> None:
    told = {
        "tests": {
            "b::slow": 3.0, "a::quick": 1.0, "a::endless": 900.0, "a::import": 0.0, "c::beside": 0.5,
            "a::room": 0.2,
        },
        "lines": {
            "gateway/x/y.py:judge": {"2": [0, 1, 2], "3": [0, 2], "7": [1, 2]},
            "gateway/x/y.py:": {"1": [3]},
            "gateway/x/y.py:Kept.text": {"1": [4]},
            "gateway/x/z.py:judge": {"1": [5]},
        },
    }  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps(told), "utf-8")
    name, head = ("", 0) if line == 1 else ("judge", 5)
    mutant = Mutant("gateway/x/y.py", name, head, "", "", range(line, line + 1), 0, 0, "")
    nearest = Nearest([tmp_path / "t.json"])
    assert list(nearest.to(mutant, 60)) == tests
    assert list(nearest.to(mutant, 0)) == tests[:1]
    if line == 1:  # Half of the time is for the tests of the room.
        assert list(nearest.to(mutant, 3)) == ["c::beside", "a::quick", "a::room"]


def test_each_test_that_is_said_to_kill_a_mutant_is_there() -> None:
    for named in judged("killed_elsewhere", "test").values():
        file, _, name = named.partition("::")
        tree = ast.parse((Path(__file__).parents[2] / file).read_text("utf-8"))
        assert name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}, named
