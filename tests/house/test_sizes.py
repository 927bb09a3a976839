"""Nothing in the house grows so large that a reader loses the thread."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import gateway

ROOT = Path(gateway.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)
ROOMS = sorted(path.parent for path in ROOT.glob("*/__init__.py"))


def test_no_file_is_over_600_lines() -> None:
    """A file may be long where it is one idea; cut in pieces it would be harder to follow."""
    assert {str(path.relative_to(ROOT)): lines for path in FILES if (lines := _lines(path)) > 600} == {}


def test_no_function_is_over_60_lines() -> None:
    """A function may be long where it tells one story from beginning to end."""
    lengths = {
        f"{path.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }
    assert len(lengths) > 2000
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_the_architecture_can_be_read_off_the_folder() -> None:
    loose = {path.stem for path in ROOT.glob("*.py")} - {"__init__", "__main__"}
    assert len(ROOMS) <= 36
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
