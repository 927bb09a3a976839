"""Nothing in the house grows so large that a reader loses the thread."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from statistics import median, quantiles

import gateway

ROOT = Path(gateway.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)
ROOMS = sorted(path.parent for path in ROOT.glob("*/__init__.py"))


def test_no_file_is_over_350_lines() -> None:
    assert {str(path.relative_to(ROOT)): lines for path in FILES if (lines := _lines(path)) > 350} == {}


def test_half_of_the_files_have_at_most_100_lines() -> None:
    assert median(map(_lines, FILES)) <= 100


def test_nine_functions_in_ten_have_at_most_20_lines() -> None:
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    ]
    assert len(lengths) > 2000
    assert quantiles(lengths, n=10)[-1] <= 20


def test_the_architecture_can_be_read_off_the_folder() -> None:
    loose = {path.stem for path in ROOT.glob("*.py")} - {"__init__", "__main__"}
    assert len(ROOMS) <= 30
    assert len(loose) <= 7, sorted(loose)
    strange = {path.name for path in ROOT.iterdir() if path.is_file() and path.suffix != ".py"}
    assert strange == {"py.typed"}


def test_each_room_says_its_purpose_in_one_sentence() -> None:
    for room in ROOMS:
        purpose = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
        sentence, _, more = purpose.partition("\n")
        assert re.fullmatch(r"[A-Z].*[^.]\.", sentence), (room.name, sentence)
        assert not re.search(r"[.?!] ", sentence), f"{room.name} needs more than one sentence: {sentence}"
        assert not more or more.startswith("\n"), f"{room.name}: what is told besides has its own paragraph"


def _lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())
