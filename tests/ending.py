"""Processes that a test starts end with it, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests import warm

Process = TypeVar("Process", bound="subprocess.Popen[Any]")
_SECONDS = 60


@contextmanager
def ending(process: Process, seconds: float = _SECONDS) -> Iterator[Process]:
    """A process for as long as `with` lasts; then it is asked to end, and killed after so long.

    Nobody waits for it where a check fails meanwhile. Its streams are closed.
    """
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def serving(home: Path, service: str) -> Iterator[tuple[str, int]]:
    """A service of a home on a free port of the loopback: its place."""
    process = warm.Popen(
        [sys.executable, "-m", "gateway", "serve", service, "--port", "0"],
        env={**os.environ, "GATEWAY_HOME": str(home)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with ending(process):
        assert process.stdout is not None
        yield "127.0.0.1", int(process.stdout.readline().rpartition(":")[2])
