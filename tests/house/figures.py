"""Print the figures by which the house is judged: `python -m tests.house.figures`.

Counts lines, classes, one-caller functions, imports inside functions and the words of docstrings, all read
from the source; nothing of the product runs. Migrations are left out but for the count of lines.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import gateway

ROOT = Path(gateway.__file__).parent
SATELLITES = {"send", "hosts", "samples"}
_PRONOUNS = """it its they them their theirs he him his she her hers this that these those who whom whose
which what"""
PRONOUNS = frozenset(_PRONOUNS.split())
QUESTION = re.compile(r"(what|whether|who|whom|whose)\b", re.IGNORECASE)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def figures() -> dict[str, float]:
    """Return each figure by its name, as `gateway/` stands now."""
    every = sorted(ROOT.rglob("*.py"))
    trees = {path: ast.parse(path.read_text("utf-8")) for path in every if "migrations" not in path.parts}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    docstrings = [text for node in nodes if (text := _docstring(node))]
    words = [word.lower() for text in docstrings for word in re.findall(r"[A-Za-z]+", text)]
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in every}
    return {
        "lines": sum(lines.values()),
        "lines of the core": sum(
            count for path, count in lines.items() if path.relative_to(ROOT).parts[0] not in SATELLITES
        ),
        "files": len(trees),
        "classes": sum(isinstance(node, ast.ClassDef) for node in nodes),
        "one-caller functions under six lines": _one_caller(trees.values()),
        "imports of ours inside functions": sum(_inner_imports(node) for node in nodes),
        "pronouns per 100 words of docstrings": round(
            100 * sum(word in PRONOUNS for word in words) / len(words), 1
        ),
        "docstrings that begin with a question word, %": round(
            100 * sum(bool(QUESTION.match(text)) for text in docstrings) / len(docstrings), 1
        ),
        "comment lines": sum(
            line.lstrip().startswith("#") for path in trees for line in path.read_text("utf-8").splitlines()
        ),
    }


def rooms() -> Iterator[tuple[str, int]]:
    """Yield each room with its lines, the largest first."""
    counted: Counter[str] = Counter()
    for path in ROOT.rglob("*.py"):
        counted[path.relative_to(ROOT).parts[0]] += len(path.read_text("utf-8").splitlines())
    yield from counted.most_common()


def _docstring(node: ast.AST) -> str | None:
    if isinstance(node, ast.Module | ast.ClassDef | Function):
        return ast.get_docstring(node)
    return None


def _one_caller(trees: Iterable[ast.Module]) -> int:
    """Count private functions of under six lines whose name is used once in the file."""
    found = 0
    for tree in trees:
        used = Counter(
            node.id if isinstance(node, ast.Name) else node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Name | ast.Attribute)
        )
        found += sum(
            node.name.startswith("_")
            and not node.name.startswith("__")
            and (node.end_lineno or 0) - node.lineno + 1 < 6
            and used[node.name] == 1
            for node in ast.walk(tree)
            if isinstance(node, Function)
        )
    return found


def _inner_imports(node: ast.AST) -> int:
    if not isinstance(node, Function):
        return 0
    return sum(
        isinstance(one, ast.ImportFrom) and (one.module or "").startswith("gateway") for one in ast.walk(node)
    )


if __name__ == "__main__":
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    print(f"at {head.stdout.strip() or 'an unknown commit'}")
    for name, value in figures().items():
        print(f"{value:>10,}  {name}")
    for room, count in rooms():
        print(f"{count:>10,}  {room}")
