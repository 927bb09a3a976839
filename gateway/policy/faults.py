"""Where a policy file is wrong: the file, the key, and the line of that key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Location = Sequence[str | int]
Contradiction = tuple[str, Location, str]
"""A file to mend, the place in it, and what is wrong there."""
Path = tuple[str, ...]

_HEADER = re.compile(r"\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One fault of a policy file. `line` counts from 1; None where no single line is to blame."""

    file: str
    key: str
    line: int | None
    message: str

    def __str__(self) -> str:
        """FILE:LINE: KEY: MESSAGE, without what is not known."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The words that offer the known name most like a wrong one; empty where none is like it."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; perhaps {found[0]}" if found else ""


def key_of(location: Location) -> str:
    """The location as people write it: `flow[2].senders[0]`, counted from 0."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def line_of(text: str, location: Location) -> int | None:
    """The line of `text`, a valid TOML document, on which the key at `location` stands.

    Where the key itself is missing, the line of the innermost table that should hold it.
    """
    names = tuple(part for part in location if isinstance(part, str))
    counts = _counts(location)
    best: tuple[int, int] | None = None
    for number, path, seen in _lines(text):
        depth = _shared(path, names)
        elsewhere = any(seen.get(path[:n], at + 1) != at + 1 for n, at in counts if n <= len(path))
        if depth < len(path) or elsewhere:
            continue
        if best is None or depth > best[0]:
            best = (depth, number)
    return best[1] if best else None


def _counts(location: Location) -> list[tuple[int, int]]:
    """(number of names so far, index) for every index in the location that selects a table."""
    counts, names = [], 0
    for part in location:
        if isinstance(part, str):
            names += 1
        else:
            counts.append((names, part))
    return counts


def _shared(path: Path, names: Path) -> int:
    pairs = enumerate(zip(path, names, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(path), len(names)))


def _lines(text: str) -> list[tuple[int, Path, dict[Path, int]]]:
    """Each header and key line: its number, its full path, and how often each array table was opened."""
    found: list[tuple[int, Path, dict[Path, int]]] = []
    table: Path = ()
    seen: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _split(header[1].strip())
            if line.lstrip().startswith("[["):
                seen = {path: n for path, n in seen.items() if path[: len(table)] != table or path == table}
                seen[table] = seen.get(table, 0) + 1
            found.append((number, table, dict(seen)))
        elif key := re.match(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*[\w-]+)*)\s*=""", line):
            found.append((number, table + _split(key[1]), dict(seen)))
    return found


def _split(dotted: str) -> Path:
    return tuple(
        part.strip().strip("\"'") for part in re.findall(r"""\s*(?:"[^"]*"|'[^']*'|[^."']+)""", dotted)
    )
