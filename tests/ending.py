"""Processes that a test starts end with it, however it ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

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
