"""Temporary home of the demo: the `gateway` command for the home, and its running services."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gateway.errors import Fault

T = TypeVar("T")
_COMMAND_SECONDS = 60
_PATIENCE_SECONDS = 60
_FREE_PORTS = ("--intake-port", "0", "--mailboxes-port", "0", "--console-port", "0")


@dataclass(frozen=True, slots=True)
class Running:
    """Addresses of the running services and the console, and their supervisor."""

    intake: tuple[str, int]
    mailboxes: tuple[str, int]
    console: str
    supervisor: subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class Stage:
    """A home, and the `gateway` command run on it as a process."""

    home: Path

    def gateway(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `gateway ARGUMENTS` on this home; the caller checks the exit code."""
        return subprocess.run(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "gateway", *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )

    def done(self, *arguments: str) -> str:
        """Return the output of `gateway ARGUMENTS`. Raises Fault on failure."""
        result = self.gateway(*arguments)
        if result.returncode:
            raise Fault(f"gateway {' '.join(arguments)} failed: {result.stderr or result.stdout}")
        return result.stdout

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Return the parsed output of `gateway ARGUMENTS --json`."""
        return json.loads(self.done(*arguments, "--json"))

    def confirm(self, owner: str, *staff: str) -> None:
        """Record the telephone call confirming a provider's keys, or a person's with `--staff`."""
        waiting = [
            key["fingerprint"] for key in self.json("keys", "list", owner, *staff) if key["unconfirmed"]
        ]
        if waiting:
            self.done("keys", "confirm", owner, *waiting, *staff)

    @contextmanager
    def running(self, log: Path) -> Iterator[Running]:
        """Run the services on free ports of this machine, logging to `log`."""
        with log.open("a") as errors:
            supervisor = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [sys.executable, "-m", "gateway", "run", *_FREE_PORTS],
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            try:
                words = supervisor.stdout.readline().split() if supervisor.stdout else []
                if words[:1] != ["ready"]:
                    raise Fault(f"the services did not start: {log.read_text()}")
                yield Running(_place(words[2]), _place(words[4]), words[6], supervisor)
            finally:
                if supervisor.poll() is None:
                    supervisor.terminate()
                supervisor.wait(_COMMAND_SECONDS)
                if supervisor.stdout is not None:
                    supervisor.stdout.close()

    def await_decided(self, number: int) -> list[dict[str, Any]]:
        """Return all transfers once `number` of them are decided."""

        def decided() -> list[dict[str, Any]] | None:
            listed: list[dict[str, Any]] = self.json("transfers", "list")
            return listed if sum(t["state"] != "landed" for t in listed) >= number else None

        return until(decided, f"{number} decisions")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "GATEWAY_HOME": str(self.home), "GATEWAY_LOG": "INFO"}


def until(poll: Callable[[], T | None], what: str, seconds: float = _PATIENCE_SECONDS) -> T:
    """Call `poll` until the result is true, and return that result. Fault after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = poll()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Fault(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.1)


def _place(text: str) -> tuple[str, int]:
    return "127.0.0.1", int(text.rpartition(":")[2])
