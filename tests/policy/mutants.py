"""Policies with one entry deleted, misspelt or swapped, as a tired person edits them.

`python -m tests.policy.mutants [STRIDE] [FOLDER]...` makes every mutant, or each STRIDE-th, of the agreements
that ship, and counts what becomes of it: told by `policy check`, or listed by `policy diff` as losing
protection, changing something, or idle.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.policy.edits import Edit, edits
from gateway.record.policy_check import check
from tests.policies import POLICIES

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\b\d[\d_.:-]*\b|\btrue\b|\bfalse\b')


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit of one policy file. `name` tells it to people."""

    file: str
    name: str
    text: str


def mutants(path: Path, stride: int = 1, start: int = 0) -> Iterator[Mutant]:
    """Each entry of a file deleted, misspelt, and swapped with the next one; every `stride`-th entry."""
    text = path.read_text("utf-8")
    tokens = [found for found in _TOKEN.finditer(text) if not _in_comment(text, found.start())]
    for number in range(start % stride, len(tokens), stride):
        token = tokens[number]
        line = text.count("\n", 0, token.start()) + 1
        yield Mutant(path.name, f"{line}: {token[0]} deleted", _deleted(text, token))
        yield Mutant(path.name, f"{line}: {token[0]} misspelt", _put(text, token, _misspelt(token[0])))
        other = next((one for one in tokens[number + 1 :] if one[0] != token[0]), None)
        if other is not None:
            first = text[: token.start()] + other[0] + text[token.end() : other.start()]
            yield Mutant(path.name, f"{line}: {token[0]} swapped", first + token[0] + text[other.end() :])


def judge(mutant: Mutant, origin: Path, folder: Path) -> str:
    """What tells of a mutant, in a copy of its policies: "check", a weight of the diff, or "silent"."""
    path = folder / mutant.file
    before = path.read_text("utf-8")
    path.write_text(mutant.text, "utf-8")
    try:
        if check(folder):
            return "check"
        return weight(edits(origin, folder))
    finally:
        path.write_text(before, "utf-8")


def weight(found: list[Edit]) -> str:
    """The gravest of some differences, each of which says what it does; "silent" where there is none."""
    return found[0].weight if found and all(one.does for one in found) else "silent"


def is_read_alike(mutant: Mutant, origin: Path) -> bool:
    """Whether the file still says what it said: then it was no edit at all."""
    original = (origin / mutant.file).read_text("utf-8")
    try:
        return tomllib.loads(mutant.text) == tomllib.loads(original)
    except tomllib.TOMLDecodeError:
        return False


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


def main(stride: int, origins: Sequence[Path]) -> None:
    """Count what becomes of each mutant, and name those of which nothing tells."""
    for origin in origins:
        counted: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as root:
            folder = Path(shutil.copytree(origin, Path(root) / "policies"))
            for path in sorted(origin.glob("*.toml")):
                for mutant in mutants(path, stride):
                    told = "no edit" if is_read_alike(mutant, origin) else judge(mutant, origin, folder)
                    counted[told] += 1
                    if told == "silent":
                        print(f"{origin.name}/{mutant.file}:{mutant.name}", flush=True)
        print(origin.name, dict(counted))


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1,
        [Path(given) for given in sys.argv[2:]]
        or sorted(path.parent for path in POLICIES.glob("*/flows.toml")),
    )
