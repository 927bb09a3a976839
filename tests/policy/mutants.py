"""Policies with one entry deleted, misspelt or swapped, as a tired person edits them.

`python -m tests.policy.mutants [STRIDE] [AGREEMENT[/FILE]]...` makes every mutant, or each STRIDE-th, of the
agreements that ship, and counts what becomes of it: reported by `policy check`, or listed by `policy diff` as
losing protection, changing something, or without effect. Of what is listed as without effect it is tried that
no outcome changes. With all mutants of a file its counts go into docs/mutants.md.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path

from gateway.home import policy_digest
from gateway.policy.catalogue import load_catalogue
from gateway.policy.edits import UNKNOWN, Edit, edits
from gateway.policy.explain import diff
from gateway.policy.faults import document
from gateway.record.policy_check import check
from tests.policies import POLICIES
from tests.policy.mutants_page import ALIKE, CHECKED, SILENT, told_of, write_row

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\b\d[\d_.:-]*\b|\btrue\b|\bfalse\b')
_KEY = re.compile(
    r"^[ \t]*\[{0,2}(?:[\w-]+\.)*([\w-]+)(?=\]{0,2}\s*(?:=|$))|(?<=[{,] )([\w-]+)(?= =)", re.MULTILINE
)
_PARTS = 24
_DONE = Path(__file__).parents[2] / ".mutants_cache"
_GATEWAY = Path(__file__).parents[2] / "gateway"
_AT = datetime(2026, 11, 4, 9, tzinfo=UTC)
"""A school day on which nothing lapses and no results come."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit of one policy file. `name` tells it to people."""

    file: str
    name: str
    text: str


def mutants(path: Path, stride: int = 1, start: int = 0) -> Iterator[Mutant]:
    """Each entry of a file deleted, misspelt, and swapped with the next one; every `stride`-th entry."""
    text = path.read_text("utf-8")
    tokens = list(_outside_comments(_TOKEN, text))
    for number in range(start % stride, len(tokens), stride):
        token = tokens[number]
        line = text.count("\n", 0, token.start()) + 1
        yield Mutant(path.name, f"{line}: {token[0]} deleted", _deleted(text, token))
        yield Mutant(path.name, f"{line}: {token[0]} misspelt", _put(text, token, _misspelt(token[0])))
        other = next((one for one in tokens[number + 1 :] if one[0] != token[0]), None)
        if other is not None:
            first = text[: token.start()] + other[0] + text[token.end() : other.start()]
            yield Mutant(path.name, f"{line}: {token[0]} swapped", first + token[0] + text[other.end() :])
    for key in list(_outside_comments(_KEY, text))[start % stride :: stride]:
        line = text.count("\n", 0, key.end()) + 1
        misspelt = f"{text[: key.end()]}x{text[key.end() :]}"
        yield Mutant(path.name, f"{line}: {key[1] or key[2]} misspelt", misspelt)


def judge(mutant: Mutant, origin: Path, folder: Path) -> str:
    """What tells of a mutant, in a copy of its policies: `check`, a weight of the diff, or nothing."""
    if is_read_alike(mutant, origin):
        return ALIKE
    path = folder / mutant.file
    before = path.read_bytes()
    path.write_text(mutant.text, "utf-8")
    try:
        if check(folder):
            return CHECKED
        told = weight(edits(origin, folder))
        return SILENT if told == "no effect" and changes_outcomes(origin, folder) else told
    finally:
        path.write_bytes(before)


def weight(found: list[Edit]) -> str:
    """The gravest of some differences, each of which says what it does; `SILENT` where there is none."""
    known = found and all(one.does and one.does != UNKNOWN.does for one in found)
    return found[0].weight if known else SILENT


def changes_outcomes(origin: Path, folder: Path) -> bool:
    """Whether any decision is another one by an edited folder."""
    return bool(diff(load_catalogue(origin), load_catalogue(folder), _AT))


def is_read_alike(mutant: Mutant, origin: Path) -> bool:
    """Whether the file still says what it said: then it was no edit at all."""
    try:
        return document(mutant.text) == document((origin / mutant.file).read_text("utf-8"))
    except tomllib.TOMLDecodeError:
        return False


def _outside_comments(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    return (found for found in pattern.finditer(text) if not _in_comment(text, found.start()))


def _in_comment(text: str, place: int) -> bool:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return "#" in re.sub(r'"(?:[^"\\]|\\.)*"', "", line)


def _deleted(text: str, token: re.Match[str]) -> str:
    """Without the token: with the comma after or before it in a list, else with its whole line."""
    if after := re.compile(r"\s*,").match(text, token.end()):
        return text[: token.start()] + text[after.end() :]
    before = text[: token.start()]
    if before.rstrip().endswith(","):
        return before.rstrip()[:-1] + text[token.end() :]
    start = text.rfind("\n", 0, token.start()) + 1
    end = text.find("\n", token.end())
    return text[:start] + text[end + 1 if end >= 0 else len(text) :]


def _put(text: str, token: re.Match[str], instead: str) -> str:
    return text[: token.start()] + instead + text[token.end() :]


def _misspelt(token: str) -> str:
    if token in {"true", "false"}:
        return "false" if token == "true" else "true"
    if token.startswith('"'):
        return f'{token[:-1]}x"' if len(token) > 2 else '"x"'
    return (
        re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), token, count=1) if token[0] != "9" else "1"
    )


def count(path: Path, stride: int, part: int) -> tuple[Counter[str], list[str]]:
    """What becomes of the mutants of a part of one file, and the names of those of which nothing tells.

    A part that was counted of these same policies, by this same code, is not counted again: all take long.
    """
    known = _DONE / f"{policy_digest(path.parent)[:16]}-{_code()}-{path.name}-{stride}-{part}.json"
    if known.exists():
        numbers, names = json.loads(known.read_text("utf-8"))
        return Counter(numbers), names
    counted, silent = _counted(path, stride, part)
    _DONE.mkdir(exist_ok=True)
    known.write_text(json.dumps([counted, silent]), "utf-8")
    return counted, silent


@cache
def _code() -> str:
    """A digest of the code that tells of mutants."""
    judging = [*(_GATEWAY / "policy").glob("*.py"), *(_GATEWAY / "classify").glob("*rules.py")]
    judging += [_GATEWAY / "classify" / "load.py", _GATEWAY / "record" / "policy_check.py"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(judging))).hexdigest()[:12]


def _counted(path: Path, stride: int, part: int) -> tuple[Counter[str], list[str]]:
    counted: Counter[str] = Counter()
    silent: list[str] = []
    with tempfile.TemporaryDirectory() as root:
        folder = Path(shutil.copytree(path.parent, Path(root) / "policies"))
        for mutant in islice(mutants(path, stride), part, None, _PARTS):
            told = judge(mutant, path.parent, folder)
            counted[told] += 1
            if told == SILENT:
                silent.append(mutant.name)
    return counted, silent


def main(stride: int, named: list[str]) -> int:
    """Count for each file named, or all; the exit status says whether any mutant was silent."""
    folders = sorted(path.parent for path in POLICIES.glob("*/flows.toml"))
    files = [path for folder in folders for path in sorted(folder.glob("*.toml"))]
    wanted = [path for path in files if not named or _is_named(path, named)]
    found = 0
    with ProcessPoolExecutor(2) as workers:
        tasks = [
            (path, [workers.submit(count, path, stride, part) for part in range(_PARTS)]) for path in wanted
        ]
        for path, parts in tasks:
            done = [part.result() for part in parts]
            counted = sum((each for each, _ in done), Counter[str]())
            silent = [name for _, names in done for name in names]
            found += len(silent)
            print(f"{path.parent.name}/{path.name}: {told_of(counted)}", flush=True)
            print(*(f"    silent {name}\n" for name in silent), sep="", end="")
            if stride == 1:
                write_row(path, counted)
    return 1 if found else 0


def _is_named(path: Path, named: list[str]) -> bool:
    return path.parent.name in named or f"{path.parent.name}/{path.name}" in named


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1, sys.argv[2:]))
