"""Isolated children without the half second that each takes to load Python's modules.

One process a worker loads them, before anybody needs it, and forks a child where a test asks for one: of the
same code, which gives up the same and is told the same. Those of a thread that does not ask begin as always.
"""

from __future__ import annotations

import atexit
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial

from gateway.examiner import child
from gateway.examiner.confinement import environment
from gateway.examiner.process_pool import Broken, receive, send, serve
from gateway.zones.failpoints import VARIABLE

MODULES = ("opener", "classifier", "judge", "viewer")
_PREFIX = "gateway.examiner."
_NAME_BYTES = 100
_start_process = child.start_process
_here = threading.local()


class Forked:
    """A child that was forked."""

    def __init__(self, pid: int, process: int) -> None:
        self.pid = pid
        self._process = process  # A descriptor of it.

    def terminate(self) -> None:
        signal.pidfd_send_signal(self._process, signal.SIGTERM)

    def kill(self) -> None:
        signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        if not select.select([self._process], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked child", timeout or 0)
        os.close(self._process)
        return 0


class Nest:
    """The process that forks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, str(theirs.fileno()), *sys.path],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/",
                env=environment({name: value for name, value in os.environ.items() if name != VARIABLE}),
            )  # fmt: skip
        atexit.register(self.end)

    def forked(self, module: str, channel: int) -> Forked:
        with self._lock:
            send(self._channel, module.encode(), [channel, 2])
            pid, (process,) = receive(self._channel, _NAME_BYTES)
        return Forked(int(pid), process)

    def end(self) -> None:
        self._channel.close()
        self._process.wait(10)


nest = cache(Nest)
_START = "import sys; sys.path[:] = sys.argv[2:]; from tests.forking import brood; brood(int(sys.argv[1]))"


def start_process(command: Sequence[str], channel: int) -> child.Process:
    """A child: forked where the thread asks for that, and where that makes no difference."""
    module = command[-1].removeprefix(_PREFIX)
    if not getattr(_here, "forks", False) or module not in MODULES or VARIABLE in os.environ:
        return _start_process(command, channel)
    return nest().forked(module, channel)


def in_this_thread() -> None:
    """Let the children that this thread starts be forked."""
    _here.forks = True


@contextmanager
def forked() -> Iterator[None]:
    """Let the children that this thread starts meanwhile be forked."""
    before = getattr(_here, "forks", False)
    _here.forks = True
    try:
        yield
    finally:
        _here.forks = before


def brood(descriptor: int) -> None:
    """Fork a child for each name of a module that comes, with its channel and where it writes its log."""
    from gateway.examiner import classifier, judge, opener, viewer  # noqa: PLC0415 - loaded here alone
    from tests import ready  # noqa: PLC0415

    ready.for_children()
    of_kinds = {"opener": opener, "classifier": classifier, "judge": judge, "viewer": viewer}
    mains = {name: partial(serve, module.prepared) for name, module in of_kinds.items()}
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=descriptor) as channel:
        while True:
            try:
                name, given = receive(channel, _NAME_BYTES)
            except Broken:
                return
            _reap()
            process = os.fork()
            if not process:
                _live(mains[name.decode()], channel, *given)
            for each in given:
                os.close(each)
            end = os.pidfd_open(process)
            send(channel, str(process).encode(), [end])
            os.close(end)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _live(main, nest_channel: socket.socket, channel: int, log: int) -> None:
    status = 1
    try:
        nest_channel.close()
        os.dup2(log, 2)
        os.close(log)
        sys.argv = ["child", "--channel", str(channel)]
        main()
        status = 0
    finally:
        os._exit(status)


child.start_process = start_process
