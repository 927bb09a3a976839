"""Mutants of Python code: one condition, number, argument or statement changed, as a slip changes it.

No library makes these here. mutmut 3 puts all mutants of a file beside each other and picks one in a process:
the isolated children of the product would pick none, and tests that count calls would count those of its own.
cosmic-ray changes the tree that a person works in, leaves statements alone, and asks for an HTTP server, Git
and a database. Neither draws a sample. Left alone are annotations, docstrings, texts, and log lines.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path
from typing import Any, NamedTuple

CORE = (
    "record", "registry", "policy", "classify", "openpgp", "examiner", "intake", "receipts", "log", "verify",
    "processor", "zones", "passage.py", "access.py", "acts", "mailboxes",
)  # fmt: skip
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or,
    ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
}  # fmt: skip
_SAYS_ALL = ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant
"""What is changed in another way than by a `not` before it."""
_Changed = Iterator[tuple[Any, Any, str]]
"""The first and the last node to be replaced, and the text instead."""


class Function(NamedTuple):
    """A function: its qualified name, its first line, its code. What stands in none is nowhere."""

    name: str
    head: int
    source: str


NOWHERE = Function("", 0, "")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a function that begins at `head`. `lines` are those of the statement, or of its head."""

    file: str
    function: str
    head: int
    source: str
    change: str
    lines: range
    start: int
    end: int
    after: str

    def turn(self, seed: str) -> str:
        """The place in the order of a seed, the same as long as the function is."""
        told = seed, self.file, self.function, self.source, self.change
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    def applied(self, text: bytes) -> bytes:
        """The text of the file with the change."""
        return text[: self.start] + self.after.encode() + text[self.end :]


def core(root: Path) -> Iterator[Mutant]:
    """Every mutant of the core rooms of a tree."""
    for room in CORE:
        for path in sorted((root / "gateway").glob(room if room.endswith(".py") else f"{room}/**/*.py")):
            if "migrations" not in path.parts:
                yield from mutants(path.read_bytes(), str(path.relative_to(root)))


def places(tree: ast.AST, above: str = "") -> dict[int, Function]:
    """The innermost function of each line."""
    found = {}
    for node in ast.iter_child_nodes(tree):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        name = f"{above}.{node.name}" if is_function or isinstance(node, ast.ClassDef) else above
        if is_function:
            here = Function(name.removeprefix("."), node.lineno, ast.unparse(node))
            found |= dict.fromkeys(range(node.lineno, node.end_lineno + 1), here)
        found |= places(node, name)
    return found


def mutants(text: bytes, file: str) -> Iterator[Mutant]:
    """Every mutant of one file; alike ones of a function are numbered."""
    tree, starts, seen = ast.parse(text), [0], Counter[str]()
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    functions = places(tree)
    for lines, first, last, after in _all(tree, range(0)):
        start = starts[first.lineno - 1] + first.col_offset
        end = starts[last.end_lineno - 1] + last.end_col_offset
        function = functions.get(first.lineno, NOWHERE)
        change = f"{' '.join(text[start:end].decode().split())} -> {after}"
        seen[function.name + change] += 1
        change += f" ({seen[function.name + change]})" if seen[function.name + change] > 1 else ""
        yield Mutant(file, *function, change, lines, start, end, after)


def _all(node: ast.AST, lines: range) -> Iterator[tuple[range, Any, Any, str]]:
    if isinstance(node, ast.stmt):
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith("_log."):
            return
        head = getattr(node, "test", getattr(node, "iter", None))
        last = node.lineno if head is None and hasattr(node, "body") else (head or node).end_lineno
        lines = range(node.lineno, last + 1)
    yield from ((lines, *changed) for changed in _changed(node))
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns", "decorator_list"}:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                    yield from _all(child, lines)


@singledispatch
def _changed(node: ast.AST) -> _Changed:
    """Each change of a node itself."""
    yield from ()


@_changed.register(ast.Compare)
def _compared(node: ast.Compare) -> _Changed:
    for number, operator in enumerate(node.ops):
        changed: Any = deepcopy(node)
        changed.ops[number] = _SWAPPED[type(operator)]()
        yield node, node, f"({ast.unparse(changed)})"


@_changed.register(ast.BoolOp)
@_changed.register(ast.BinOp)
def _combined(node: Any) -> _Changed:
    if type(node.op) in _SWAPPED:
        changed = deepcopy(node)
        changed.op = _SWAPPED[type(node.op)]()
        yield node, node, f"({ast.unparse(changed)})"


@_changed.register(ast.UnaryOp)
def _negated(node: ast.UnaryOp) -> _Changed:
    if isinstance(node.op, ast.Not):
        yield node, node, f"({ast.unparse(node.operand)})"


@_changed.register(ast.Constant)
def _constant(node: ast.Constant) -> _Changed:
    if isinstance(node.value, int):
        yield node, node, str(not node.value if isinstance(node.value, bool) else node.value + 1)


@_changed.register(ast.Call)
def _called(node: ast.Call) -> _Changed:
    for number in (number for number, keyword in enumerate(node.keywords) if keyword.arg):
        changed = deepcopy(node)
        del changed.keywords[number]
        yield node, node, ast.unparse(changed)


@_changed.register(ast.If)
@_changed.register(ast.IfExp)
@_changed.register(ast.While)
@_changed.register(ast.comprehension)
def _asked(node: Any) -> _Changed:
    for test in node.ifs if isinstance(node, ast.comprehension) else [node.test]:
        if not isinstance(test, _SAYS_ALL):
            yield test, test, f"(not {ast.unparse(test)})"


@_changed.register(ast.Return)
def _returned(node: ast.Return) -> _Changed:
    if node.value and not isinstance(node.value, ast.Constant):
        yield node, node, "return None"


@_changed.register(ast.Raise)
@_changed.register(ast.AugAssign)
@_changed.register(ast.Delete)
@_changed.register(ast.Continue)
@_changed.register(ast.Break)
@_changed.register(ast.Expr)
@_changed.register(ast.Assign)
def _left_out(node: Any) -> _Changed:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    is_name = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Tuple)
    if not is_text and not is_name:
        yield node, node, "pass"


@_changed.register(ast.ExceptHandler)
def _caught(node: ast.ExceptHandler) -> _Changed:
    if not isinstance(node.body[0], ast.Raise):
        yield node.body[0], node.body[-1], "raise"
