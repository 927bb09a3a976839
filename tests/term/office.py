"""The administrators of the year: every command they type, and for which task."""

from __future__ import annotations

import json
import os
import re
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
# The command, which says at its end how large it was: what the parent hears of that counts its own size, too.
_TELLING = """
import atexit, pathlib, sys
atexit.register(lambda: sys.stderr.write(pathlib.Path("/proc/self/status").read_text()))
from gateway.cli import main
main()
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a listing or a report cost, as a process of its own: real seconds, and its largest size in MB."""

    command: str
    seconds: float
    megabytes: float
    lines: int

    def is_kept(self, *, timed: bool) -> bool:
        """Whether it stayed within its size and, where `timed`, what a person waits for."""
        return self.megabytes <= MEGABYTES and (not timed or self.seconds <= SECONDS)


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

    def run(self, *words: str, tries: int = 1) -> None:
        """What a service or a timer does: no administrator's command either; after a fault, again."""
        for _ in range(tries):
            result = self._run(*words, by="timer")
            if result.exit_code == 0:
                return
        assert result.exit_code == 0, (words, result.exit_code, result.stdout, result.stderr)

    def _run(self, *words: str, by: str) -> Result:
        return invoke(self.home, *words, environment={"GATEWAY_ADMIN": by})

    def measured(self, *words: str) -> Measured:
        """What a listing costs as a process of its own, by the same clock; the best of three if it is much.

        Whatever else the machine does at that moment is not the listing's.
        """
        found = self._measured(*words)
        if not found.is_kept(timed=True):
            found = min((found, self._measured(*words), self._measured(*words)), key=lambda one: one.seconds)
        return found

    def _measured(self, *words: str) -> Measured:
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", _TELLING, *words],
            env={**os.environ, "GATEWAY_HOME": str(self.home)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - begun
        assert done.returncode in {0, 1}, (words, done.stderr)
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)
        return Measured(" ".join(words), seconds, int(kilobytes) / 1024, done.stdout.count("\n"))
