"""Services and commands as processes of their own, without the second that each takes to load its modules.

One process a worker has loaded them before anybody asks. It forks: what comes of that is a child of whoever
asked, with the arguments, environment and streams that it would have had, and runs the same `main`. So do the
isolated children of such a service, from a process that has seen nothing of it. What a test needs as it is
installed, with nothing loaded that it does not ask for itself, it starts with `subprocess`.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import inspect
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess, TimeoutExpired
from typing import Any

from gateway.examiner import process_pool
from gateway.examiner.process_pool import Broken, receive, send
from gateway.zones import failpoints

__all__ = ["DEVNULL", "PIPE", "CompletedProcess", "Popen", "TimeoutExpired", "run"]

_GATEWAY = [sys.executable, "-m", "gateway"]
_CHILD = [sys.executable, "-I", "-m"]
_OF_CHILDREN = "gateway.examiner."
_SERVICES = {"process", "run", "serve", "demo", "sandbox"}  # Those that start further processes of ours.
_MODULES = (
    "gateway.cli.app", "gateway.cli.home", "gateway.cli.services", "gateway.processor.service",
    "gateway.intake.server", "gateway.mailboxes.server", "gateway.console.server", "gateway.courier.server",
    "gateway.openpgp.sop",
    "gateway.openpgp.engines", "gateway.openpgp.embedded", "gateway.openpgp.self_test", "gateway.cli.send",
    "gateway.examiner.opener", "gateway.examiner.classifier", "gateway.examiner.judge",
    "gateway.examiner.viewer", "gateway.homes.sandbox", "gateway.homes.demo.story", "uvloop",
    "holidays.countries",
)  # fmt: skip
_PAUSE_SECONDS = 2.0
"""How long the rounds rest, instead of twenty and five: a test that waits for a page waits for them."""
_CODE = "PYTHONPATH"
_COLD = ("PYTHON", "LD_", "COVERAGE", "TZ", "LC_", "LANG")  # What is read when Python itself starts.
_AS_BEGUN = dict(os.environ)
_CHECKOUT = Path(__file__).parents[1]
_MESSAGE_BYTES = 1024**2
_PR_SET_CHILD_SUBREAPER = 36
_ABOVE = 200
"""More descriptors than a test passes on."""


class Popen(subprocess.Popen[Any]):
    """`gateway ARGUMENTS`, or an isolated child of a service, forked; anything else as always."""

    def _execute_child(self, *given: Any) -> None:
        asked = _SIGNATURE.bind(self, *given).arguments
        arguments, environment = list(asked["args"]), dict(asked["env"] or os.environ)
        is_child = arguments[:3] == _CHILD and arguments[3].startswith(_OF_CHILDREN)
        is_command = arguments[:3] == _GATEWAY and asked["cwd"] is None and _is_usual(environment)
        if len(asked["pass_fds"]) > 1 or not (is_child or is_command):
            super()._execute_child(*given)  # type: ignore[misc]  # not for others to call, says typeshed
            return
        ours = (asked["p2cread"], asked["c2pwrite"], asked["errwrite"])
        passed = {n: n if fd == -1 else fd for n, fd in enumerate(ours)}
        passed |= {fd: fd for fd in asked["pass_fds"]}
        folder = str(asked["cwd"] or Path.cwd())
        order = Order(arguments[3:], environment, folder, [*passed], asked["start_new_session"])
        self.pid = _nest(environment.get(_CODE, "")).forked(order, list(passed.values()))
        self._child_created = True
        self._close_pipe_fds(  # type: ignore[attr-defined]
            *(asked[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite"))
        )


_SIGNATURE = inspect.signature(subprocess.Popen._execute_child)  # type: ignore[attr-defined]


def run(
    command: Sequence[str],
    *,
    timeout: float | None = None,
    check: bool = False,
    capture_output: bool = False,
    **named: Any,
) -> CompletedProcess[Any]:
    """As `subprocess.run` does it."""
    if capture_output:
        named |= {"stdout": PIPE, "stderr": PIPE}
    with Popen(command, **named) as process:
        try:
            out, errors = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = CompletedProcess(command, process.returncode, out, errors)
    if check:
        done.check_returncode()
    return done


def _is_usual(environment: dict[str, str]) -> bool:
    """Whether Python would begin in this environment as it began here, or with another version's code."""
    names = {name for name in environment.keys() | _AS_BEGUN.keys() if name.startswith(_COLD)}
    return all(environment.get(name) == _AS_BEGUN.get(name) for name in names - {_CODE})


@dataclass(frozen=True)
class Order:
    """What the new process is to be. `numbers` are those that the descriptors have in it.

    The first of the arguments is the command, or the module of an isolated child.
    """

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    numbers: list[int]
    own_session: bool


class Nest:
    """The end that asks."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()

    def forked(self, order: Order, descriptors: Sequence[int]) -> int:
        """The process, a child of this one, which gets these descriptors."""
        with self._lock:
            _become_reaper(1)
            try:
                send(self._channel, json.dumps(asdict(order)).encode(), descriptors)
                answer, _ = receive(self._channel, _MESSAGE_BYTES)
            finally:
                _become_reaper(0)
        return int(answer)


def _become_reaper(whether: int) -> None:
    """Whether (1, 0) a process below this one whose parent ends is this one's child from then on."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, whether, 0, 0, 0)


@cache
def _nest(code: str) -> Nest:
    """One that has loaded the code in this folder; where none is named, that of this checkout."""
    ours, theirs = socket.socketpair()
    path = os.pathsep.join(filter(None, (code, str(_CHECKOUT))))
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", f"from tests.warm import serve; serve({theirs.fileno()})"],
            pass_fds=[theirs.fileno()], stdin=DEVNULL, cwd=code or _CHECKOUT, env={**os.environ, _CODE: path},
        )  # fmt: skip

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return Nest(ours)


def serve(descriptor: int) -> None:
    """Load everything, and fork what is asked for."""
    gc.disable()
    for name in _MODULES:
        importlib.import_module(name)
    for name in ("_PAUSE_SECONDS", "_PAGES_SECONDS"):
        setattr(sys.modules["gateway.processor.rounds"], name, _PAUSE_SECONDS)
    _work_once()
    gc.collect()
    gc.freeze()
    gc.enable()
    _fork_for(socket.socket(fileno=descriptor))


def _work_once() -> None:
    """Let a processor go round in a home of its own: what is made when it is first needed is made then."""
    from gateway.console.site import LANGUAGES, templates  # noqa: PLC0415 - loaded here alone
    from gateway.home import Home  # noqa: PLC0415
    from gateway.processor.service import process_once  # noqa: PLC0415
    from tests import ready  # noqa: PLC0415
    from tests.commands import Commands  # noqa: PLC0415

    ready.for_children()
    for language in LANGUAGES:
        templates("UTC", language)
    with tempfile.TemporaryDirectory() as folder:
        process_once(Home(Commands(Path(folder)).home), lambda: datetime.now(UTC))


def _fork_for(channel: socket.socket) -> None:
    while True:
        try:
            message, given = receive(channel, _MESSAGE_BYTES)
        except Broken:
            return
        order = Order(**json.loads(message))
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            between = os.getpid()
            process = os.fork()
            if process:  # This one ends, so that the other becomes a child of whoever asked.
                os.write(writing, str(process).encode())
                os._exit(0)
            try:
                channel.close()
                os.close(reading)
                os.close(writing)
                while os.getppid() == between:  # A child's end comes with its parent's.
                    time.sleep(0.0005)
                _live(order, given)
            finally:
                os._exit(70)
        os.waitpid(between, 0)
        os.close(writing)
        send(channel, os.read(reading, 20))
        for each in (reading, *given):
            os.close(each)


def _live(order: Order, given: Sequence[int]) -> None:
    """Be `python -m gateway ARGUMENTS`, to its end."""
    if order.own_session:
        os.setsid()
    _keep_only(dict(zip(order.numbers, given, strict=True)))
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.folder)
    importlib.reload(failpoints)  # Which one is armed it reads when it is loaded.
    sys.argv = ["gateway", *order.arguments]
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    if order.arguments[0].startswith(_OF_CHILDREN):
        sys.argv = order.arguments
        process_pool.serve(sys.modules[order.arguments[0]].prepared)
        os._exit(0)
    if order.arguments[0] in _SERVICES:
        _take_a_nest_along()
    status = _status()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _keep_only(given: dict[int, int]) -> None:
    """Have these descriptors under these numbers, and no other."""
    aside = {number: fcntl.fcntl(fd, fcntl.F_DUPFD, _ABOVE) for number, fd in given.items()}
    for number, fd in aside.items():
        os.dup2(fd, number)
    for path in list(Path("/proc/self/fd").iterdir()):
        if int(path.name) not in given:
            with contextlib.suppress(OSError):  # The one that lists them.
                os.close(int(path.name))


def _take_a_nest_along() -> None:
    """Let the services and children that this process starts be forked too, from one that it has for that."""
    ours, theirs = socket.socketpair()
    if not os.fork():
        ours.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        _fork_for(theirs)
        os._exit(0)
    theirs.close()
    nest = Nest(ours)
    globals()["_nest"] = lambda _code: nest
    from gateway import supervisor  # noqa: PLC0415 - loaded by now
    from gateway.examiner import child  # noqa: PLC0415
    from gateway.homes import sandbox  # noqa: PLC0415
    from gateway.homes.demo import parties  # noqa: PLC0415

    for module in (supervisor, child, sandbox, parties):
        module.subprocess = sys.modules[__name__]  # type: ignore[attr-defined]


def _status() -> int:
    """What `gateway` exits with."""
    from gateway.cli import main  # noqa: PLC0415 - loaded by now

    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 - as Python does with what nobody catches
        traceback.print_exc()
        return 1
    return 0
