"""Which tests run a line, and how long each takes: told by coverage.py, a file of tests at a time.

As a plugin of pytest (`-p tests.mutation.nearest`) it measures, where GATEWAY_TESTS_MAP names a folder
to write to, and lets tests run in the order in which they were named.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.changes import CORE, NOWHERE, Mutant, places

MAP = "GATEWAY_TESTS_MAP"
_ROOT = Path(__file__).parents[2]
_LONG_SECONDS = 15  # A test that takes longer is nearest to nothing.


def place(file: Path, kept: Path) -> Path:
    """Where the lines that a file of tests runs are put down, until it changes."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return kept / f"{file.parent.name}-{file.stem}-{digest}.json"


def _worked() -> float:
    """Seconds of work of this process and its children: a busy machine makes no test slower by that."""
    return sum(os.times()[:4])


class Mapping:
    """Measures one worker's tests."""

    def __init__(self, kept: Path) -> None:
        import coverage  # noqa: PLC0415  # not there where mutants only run

        rooms = [f"{_ROOT}/gateway/{room}" + ("" if room.endswith(".py") else "/*") for room in CORE]
        self._kept = kept
        self._coverage = coverage.Coverage(data_file=None, config_file=False, include=rooms)
        self._coverage.start()
        self._seconds: dict[str, float] = {}
        self._failed = set[str]()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, Any, Any]:
        self._coverage.switch_context(item.nodeid)
        begun = _worked()
        done = yield
        self._seconds[item.nodeid] = round(_worked() - begun, 3)
        self._coverage.switch_context("")
        if nextitem is None or nextitem.path != item.path:
            self._put_down(item.path, item.nodeid.partition("::")[0])
        return done

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Measure files with long tests at the end."""
        long = {item.path for item in items if item.get_closest_marker("long")}
        items.sort(key=lambda item: item.path in long)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self._failed.add(report.nodeid)

    def _put_down(self, path: Path, file: str) -> None:
        """Lines by their distance from the head of the function: they hold while that moves."""
        data = self._coverage.get_data()
        data.set_query_contexts([f"^{re.escape(file)}::"])
        names = [name for name in self._seconds if name.startswith(f"{file}::") and name not in self._failed]
        numbers = {name: number for number, name in enumerate(names)}
        lines: dict[str, dict[int, list[int]]] = defaultdict(dict)
        for measured in data.measured_files():
            functions = places(ast.parse(Path(measured).read_bytes()))
            for line, contexts in data.contexts_by_lineno(measured).items():
                name, first, _ = functions.get(line, NOWHERE)
                if tests := sorted(numbers[test] for test in contexts if test in numbers):
                    lines[f"{Path(measured).relative_to(_ROOT)}:{name}"][line - first] = tests
        told = {"tests": {name: self._seconds[name] for name in names}, "lines": lines}
        place(path, self._kept).write_text(json.dumps(told), "utf-8")


class Order:
    """As the command names them: quick ones first."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        turns = {name: number for number, name in enumerate(config.args)}
        items.sort(key=lambda item: turns.get(item.nodeid, 0))


def pytest_configure(config: pytest.Config) -> None:
    kept = os.environ.get(MAP)
    config.pluginmanager.register(Mapping(Path(kept)) if kept else Order())


def _file(test: str) -> str:
    return test.partition("::")[0]


class Nearest:
    """The tests that are known, and what each runs."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._seconds: dict[str, float] = {}
        self._lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for told in (json.loads(path.read_text("utf-8")) for path in files):
            quick = {name: seconds for name, seconds in told["tests"].items() if seconds < _LONG_SECONDS}
            names = list(told["tests"])
            self._seconds |= quick
            for function, lines in told["lines"].items():
                for line, tests in lines.items():
                    self._lines[function][int(line)] |= quick.keys() & {names[number] for number in tests}

    def to(self, mutant: Mutant, most_seconds: float) -> dict[str, float]:
        """Return tests of the mutant's lines, then of its function, its file, its room: quick ones first.

        What stands in no function runs as its file is imported, by whichever test comes first: of such a
        mutant the tests of its room get half of the time. Tests of one file follow each other as they stand
        there, as they may share what is made once.
        """
        own = self._lines.get(f"{mutant.file}:{mutant.function}", {}) if mutant.function else {}
        of_lines = {test for line in mutant.lines for test in own.get(line - mutant.head, ())}
        of_file, of_room = self._of(f"{mutant.file}:"), self._of("/".join(mutant.file.split("/")[:2]))
        file_seconds = most_seconds if mutant.function else most_seconds / 2
        taken, chosen = 0.0, dict[str, float]()
        for found, most in (
            (of_lines, most_seconds), (set().union(*own.values()), most_seconds), (of_file, file_seconds),
            (of_room, most_seconds),
        ):  # fmt: skip
            for test in sorted(found - chosen.keys(), key=lambda test: (self._seconds[test], test)):
                if chosen and taken + self._seconds[test] > most:
                    break
                taken += self._seconds[test]
                chosen[test] = self._seconds[test]
        files = {file: number for number, file in reversed([*enumerate(map(_file, chosen))])}
        turns = {test: number for number, test in enumerate(self._seconds)}
        return {
            test: chosen[test] for test in sorted(chosen, key=lambda one: (files[_file(one)], turns[one]))
        }

    def _of(self, beginning: str) -> set[str]:
        """Return the tests of every function whose name begins so: what stands in none tells of no test."""
        found = (
            lines
            for name, lines in self._lines.items()
            if name.startswith(beginning) and not name.endswith(":")
        )
        return {test for lines in found for tests in lines.values() for test in tests}
