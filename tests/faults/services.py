"""The services of one home as processes of their own, to be killed, confined and traced one by one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port
from tests.site import Site
from tests.waiting import until

REPOSITORY = Path(__file__).parents[2]
WORDS = {
    "intake": ("serve", "intake"),
    "processor": ("process",),
    "mailboxes": ("serve", "mailboxes"),
}


@dataclass
class Service:
    """One service of a home; it may be started again and again, always at the same place.

    `prefix` is what it is run with, such as `prlimit --nofile=64`.
    """

    site: Site
    name: str
    port: int = 0
    host: str = "127.0.0.1"
    process: subprocess.Popen[str] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.site.root / f"{self.name}.log"

    @property
    def place(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def running(self) -> subprocess.Popen[str]:
        assert self.process is not None, f"{self.name} was not started"
        return self.process

    def launch(self, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        """Start it without waiting for it."""
        words = [*WORDS[self.name], "--home", str(self.site.home)]
        if self.name != "processor":
            self.port = self.port or free_port()
            words += ["--host", self.host, "--port", str(self.port)]
        with self.log.open("a") as errors:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "gateway", *words],
                stdout=subprocess.PIPE, stderr=errors, text=True, cwd=REPOSITORY,
                env={**os.environ, "GATEWAY_LOG": "INFO", **(environment or {})},
            )  # fmt: skip

    def start(self, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it is ready."""
        self.launch(prefix, environment)
        self.await_ready()

    def await_ready(self) -> None:
        """Wait until what was launched is ready."""
        assert self.running.stdout is not None
        line = self.running.stdout.readline()
        assert line.startswith("ready"), f"{self.name} did not start:\n{self.log.read_text()}"

    def kill(self) -> None:
        """As the kernel kills."""
        self.running.send_signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """As an administrator stops it; its exit status."""
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.terminate()
        return self.wait()

    def wait(self, seconds: float = 60) -> int:
        status = self.running.wait(seconds)
        assert self.running.stdout is not None
        self.running.stdout.close()
        return status

    def children(self) -> list[int]:
        """The processes that it has started."""
        found = Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children")
        with contextlib.suppress(FileNotFoundError):
            return [int(number) for number in found.read_text().split()]
        return []

    @contextlib.contextmanager
    def up(
        self, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> Iterator[Service]:
        """Running meanwhile."""
        self.start(prefix, environment)
        try:
            yield self
        finally:
            self.stop()


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def memory_kib(pid: int) -> int:
    """The resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


__all__ = ["REPOSITORY", "Service", "memory_kib", "open_files", "until"]
