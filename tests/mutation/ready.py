"""A process that has imported every test, and forks one for each mutant: to begin takes most of the time.

In the fork functions of the changed file get its new code. What is made of a file as it is imported stays as
it was, so that a mutant that survives here is tried once more in a fresh process.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest


def codes(code: CodeType) -> Iterator[CodeType]:
    """Every code in that of a module."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from codes(each)


def renew(path: Path) -> None:
    """Give each function of a file the code that stands there now."""
    new = {each.co_qualname: each for each in codes(compile(path.read_bytes(), str(path), "exec"))}
    gc.unfreeze()
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == str(path):
            try:
                each.__code__ = new.get(each.__code__.co_qualname, each.__code__)
            except ValueError:  # It uses other names of the function around it; a fresh process will tell.
                continue


def _forked(words: list[str], changed: str | None, seconds: float, out: int) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for stream in (1, 2):
        os.dup2(out, stream)
    # Of work: a busy machine makes no test slower by that.
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))
    if changed:
        renew(Path(changed))
    status = pytest.main(words)
    sys.stdout.flush()
    os._exit(int(status))


def _outcome(pid: int, seconds: float) -> int:
    signal.signal(signal.SIGTERM, lambda *_: (os.killpg(pid, signal.SIGKILL), os._exit(1)))
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -signal.SIGKILL


def main(folders: list[str]) -> None:
    """Answer each line of standard input, which names tests and a changed file, with an exit status."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", "-p", "tests.mutation.nearest", *folders])
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        with Path(asked["out"]).open("wb") as out:
            pid = os.fork()
            if pid == 0:
                _forked(asked["words"], asked["changed"], asked["cpu"], out.fileno())
        print(json.dumps(_outcome(pid, asked["wall"])), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
