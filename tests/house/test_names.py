"""One name for one thing: what a reader finds under a name is the only thing of that name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from gateway.acts.act import Area
from gateway.acts.fields import area_of, every_act
from tests.house.figures import figures
from tests.house.test_imports import LAYERED, REPOSITORY
from tests.house.test_sizes import FILES, ROOT


@cache
def trees() -> dict[Path, ast.Module]:
    """Every file as it is parsed."""
    return {path.relative_to(ROOT): ast.parse(path.read_text("utf-8")) for path in FILES}


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(list)
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path))
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_one_function_decides() -> None:
    found = [
        str(path)
        for path, tree in trees().items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == "decide"
    ]
    assert found == ["policy/decide.py"]


def test_every_logger_has_the_same_name() -> None:
    made = {
        ast.unparse(node)
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "getLogger" in ast.unparse(node.value)
    }
    assert made == {"_log = logging.getLogger(__name__)"}


def test_the_guide_to_the_architecture_tells_every_room_in_the_order_of_the_layers() -> None:
    text = (REPOSITORY / "docs/architecture.md").read_text("utf-8")
    told = re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", text, re.MULTILINE)
    assert told == [(room, _purpose(room)) for room in _rooms()]


def _rooms() -> Iterator[str]:
    for line in LAYERED["layers"]:
        yield from line.split(" | ")


def _purpose(room: str) -> str:
    """The first sentence of a room, or of a module that stands beside the rooms."""
    tree = trees().get(Path(room, "__init__.py")) or trees()[Path(f"{room}.py")]
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def test_docstrings_are_in_plain_words() -> None:
    counted = figures()
    assert counted["pronouns per 100 words of docstrings"] <= 3
    assert counted["docstrings that begin with a question word, %"] <= 1


def test_every_act_has_an_area() -> None:
    """Without one, no page of the console that asks for acts can be shown."""
    assert {area_of(act) for act in every_act().values()} == {*Area}


def test_nothing_is_brought_out_before_its_transaction_is_committed() -> None:
    """On PostgreSQL, signing a receipt would wait for the caller's own transaction, as would all writers."""
    found = [
        f"{path}:{call.lineno}"
        for path, tree in trees().items()
        for block in ast.walk(tree)
        if isinstance(block, ast.With) and any(_is_write(item.context_expr) for item in block.items)
        for call in ast.walk(ast.Module(block.body, []))
        if isinstance(call, ast.Call) and (_is_write(call) or ast.unparse(call.func).endswith(".bring_out"))
    ]
    assert found == []


def _is_write(node: ast.expr) -> bool:
    return ast.unparse(node).partition("(")[0].endswith(("registry.write", "registry.write_on"))
