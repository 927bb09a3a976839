"""No regular expression of the package takes more than linear time, whatever it is fed.

Each pattern is fed, in the way in which the package uses it, long repetitions of what its own repeated
parts match, behind what stands before them, and ended by something that fits nothing.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

import pytest

import gateway
from gateway.classify import load_rules
from gateway.classify.sensitive import Sensitive
from tests.classify.conftest import POLICIES

SHORT, LONG = 500, 8_000
SHARES = 16
RATIO = 5 * LONG / SHORT  # a quadratic pattern takes LONG / SHORT times as long again
FLOOR = 0.006  # a linear one takes about a twentieth of it for LONG characters
SAMPLES = "aZ0 +|-=:,\n./(\"'\\_!"
USES = ("match", "fullmatch", "search", "sub", "split", "findall", "finditer")
Pattern = re.Pattern[str] | re.Pattern[bytes]


@cache
def sources() -> dict[str, ast.Module]:
    root = Path(gateway.__file__).parent
    return {str(path): ast.parse(path.read_text("utf-8")) for path in sorted(root.rglob("*.py"))}


@cache
def all_uses() -> dict[str, set[str]]:
    """The methods of patterns that the package calls, by the name of the variable."""
    found: dict[str, set[str]] = {}
    for tree in sources().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in USES:
                name = getattr(node.value, "id", getattr(node.value, "attr", None))
                found.setdefault(name, set()).add(node.attr)
    return found


def uses_of(name: str) -> set[str]:
    return all_uses().get(name) or {"search"}


def module_patterns() -> Iterator[tuple[str, Pattern, set[str]]]:
    for info in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if ".migrations" in info.name or info.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, re.Pattern):
                yield f"{info.name}.{name}", value, uses_of(name)


def inline_patterns() -> Iterator[tuple[str, Pattern, set[str]]]:
    """Those written where they are used, as `re.match("…", text)`."""
    for path, tree in sources().items():
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "re":
                first = node.args[0] if node.args else None  # type: ignore[attr-defined]
                if called.attr in USES and isinstance(first, ast.Constant):
                    yield f"{path}:{node.lineno}", re.compile(first.value), {called.attr}


def policy_patterns() -> Iterator[tuple[str, Pattern, set[str]]]:
    rules = load_rules(POLICIES)
    yield "columns", rules.column_patterns[0], {"fullmatch"}
    for hint in rules.data_types.names:
        yield f"name {hint.pattern}", re.compile(hint.pattern, re.IGNORECASE), {"search"}
    yield from ((name, pattern, {"search"}) for name, pattern in sensitive_patterns(rules.sensitive))
    for name, pattern in rules.data_types.results._patterns.items():
        yield f"results.{name}", pattern, {"match", "fullmatch"}


def sensitive_patterns(sensitive: Sensitive) -> Iterator[tuple[str, Pattern]]:
    """What it looks with, once it has looked: in a name that tells no topic, and in a text that tells one."""
    telling = next(topic for topic in sensitive.topics.values() if topic.text)
    assert sensitive.of_name("Surname") == ""
    assert sensitive.of_text(telling.text[0]) == telling.label
    assert sorted(sensitive._patterns) == ["stems", "text", "words"]
    found = {**sensitive._patterns, "titles": sensitive._titles, "phrases": sensitive._phrases}
    kept = [value for value in vars(sensitive).values() if isinstance(value, re.Pattern)]
    assert all(value in found.values() for value in kept)
    return ((f"sensitive.{name}", pattern) for name, pattern in found.items())


@cache
def patterns() -> dict[str, tuple[Pattern, set[str]]]:
    """All of them by name; found when they are needed, as every module has to be loaded and read for that."""
    return {
        name: (pattern, uses)
        for find in (module_patterns, inline_patterns, policy_patterns)
        for name, pattern, uses in find()
    }


def sample_of(node: tuple) -> str:
    """One short text that a part of a pattern matches, as far as that is easily told."""
    code, value = node
    if code is codes.LITERAL:
        return chr(value)
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT, getattr(codes, "POSSESSIVE_REPEAT", None)}:
        return "".join(map(sample_of, value[2])) * max(1, min(value[0], 20))
    if code is codes.SUBPATTERN:
        return "".join(map(sample_of, value[3]))
    if code is codes.BRANCH:
        return "".join(map(sample_of, value[1][0]))
    if code in {codes.IN, codes.ANY, codes.NOT_LITERAL, codes.CATEGORY}:
        fitting = [c for c in SAMPLES if fits(node, c)]
        return fitting[0] if fitting else "a"
    return ""


def fits(node: tuple, character: str) -> bool:
    code, value = node
    if code is codes.ANY:
        return True
    if code is codes.NOT_LITERAL:
        return chr(value) != character
    if code is not codes.IN:
        return False
    negated = bool(value) and value[0][0] is codes.NEGATE
    return any(_in(item, character) for item in value) != negated


CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}


def _in(item: tuple, character: str) -> bool:
    code, value = item
    if code is codes.LITERAL:
        return chr(value) == character
    if code is codes.RANGE:
        return value[0] <= ord(character) <= value[1]
    return code is codes.CATEGORY and re.match(CATEGORIES[value], character) is not None


def repeats(parts: object, before: str = "") -> Iterator[tuple[str, set[str]]]:
    """Each repeated part: what stands before it, and texts that it matches."""
    for node in parts:  # type: ignore[attr-defined]
        code, value = node
        if code in {codes.MAX_REPEAT, codes.MIN_REPEAT, getattr(codes, "POSSESSIVE_REPEAT", None)}:
            inner = list(value[2])
            pumps = {"".join(map(sample_of, inner))}
            if len(inner) == 1:
                pumps |= {c for c in SAMPLES if fits(inner[0], c)}
            yield before, pumps
            yield from repeats(inner, before)
        elif code is codes.SUBPATTERN:
            yield from repeats(value[3], before)
        elif code is codes.BRANCH:
            for branch in value[1]:
                yield from repeats(branch, before)
        elif code in {codes.ASSERT, codes.ASSERT_NOT}:
            yield from repeats(value[1], before)
        before += sample_of(node)


def attacks(pattern: Pattern) -> set[tuple[str, str]]:
    """What to put first, and what to repeat."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    found = list(
        repeats(
            parser.parse(
                text, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
            )
        )
    )
    pumps = {p for _, several in found for p in several if p}
    own = sorted(set(text) & set("|+:=@\"'-, "))
    letters = [*own, *sorted({c for p in pumps for c in p} - set(own))][:8]
    pumps |= {"".join(pair) for pair in product(letters, repeat=2)}
    befores = {before for before, _ in found} | {""}
    pumps |= befores - {""}  # what begins many times, and never ends
    return (
        set(product(befores, pumps))
        if len(befores) * len(pumps) < 900
        else {*(("", p) for p in pumps), *((b, p) for b, several in found for p in several if p)}
    )


def took(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def slow(pattern: Pattern, use: str, attack: tuple[str, str]) -> bool:
    """Whether the time grows much faster than the length."""

    def at(length: int) -> float:
        text = attack[0] + attack[1] * (length // len(attack[1])) + "\0"
        subject = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
        method = getattr(pattern, use)
        if use == "sub":
            return took(lambda: method(subject[:0], subject))
        if use == "finditer":
            return took(lambda: sum(1 for _ in method(subject)))
        return took(lambda: method(subject))

    for length in (24, 200):  # what is worse than quadratic shows here, and would never end below
        if at(length) > 0.2:
            return True
    first = at(LONG)
    if first < FLOOR:
        return False
    most = max(RATIO * min(at(SHORT) for _ in range(3)), FLOOR)
    return first > most and all(at(LONG) > most for _ in range(2))  # Nobody is slow by chance three times.


@pytest.mark.parametrize("share", range(SHARES))
def test_a_pattern_takes_linear_time(share: int) -> None:
    names = sorted(patterns())[share::SHARES]
    assert len(names) > 5
    found = {name: next(slow_uses(*patterns()[name]), None) for name in names}
    assert {name: attack for name, attack in found.items() if attack} == {}


def slow_uses(pattern: Pattern, uses: set[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The uses of a pattern, and what to feed it, that take much longer than they should."""
    for use, attack in product(sorted(uses), sorted(attacks(pattern))):
        if slow(pattern, use, attack):
            yield use, attack


@pytest.mark.parametrize("text", [r"[^\W\d][^:\d]*:", r"(a+)+b", r"(?:\A|[,|])[@+-][^,]*\(", r"\s+$"])
def test_the_test_itself_sees_a_slow_pattern(text: str) -> None:
    pattern = re.compile(text)
    assert any(slow(pattern, "search", attack) for attack in sorted(attacks(pattern)))


def test_every_pattern_of_the_classifier_is_among_them() -> None:
    assert {
        "gateway.classify.jcq._START",
        "gateway.words._FORMULA",
        "columns",
    } <= patterns().keys()
