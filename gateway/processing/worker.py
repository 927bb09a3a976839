"""The isolated child: it alone sees plaintext, under limits, one file at a time.

It reads requests from the channel it inherited, answers in JSON, and ends when its parent does. It
writes no file. A hostile file that breaks it costs one child; the parent starts another.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import dataclasses
import logging
import os
import resource
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path

from gateway.classify import Rules, classify, load_rules
from gateway.errors import Fault, Refusal
from gateway.home import Home
from gateway.openpgp.opener import Opener, find_opener
from gateway.processing.examination import (
    ANSWER,
    REQUEST,
    Examined,
    Failed,
    Job,
    OpenRefused,
    Reopen,
    Reopened,
)
from gateway.registry.secrets import secret_keys
from gateway.settings import Limits, load_limits, load_settings

REQUEST_BYTES = 16 * 1024**2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


def main() -> None:
    """Serve requests until the channel closes."""
    parser = argparse.ArgumentParser(description="examines sealed files for the gateway's services")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--channel", type=int, required=True)
    arguments = parser.parse_args()
    home = Home(arguments.home)
    limits = load_limits(home)
    confine(limits)
    worker = Worker(
        home=home,
        limits=limits,
        opener=find_opener(load_settings(home).processor, secret_keys(home)),
        rules=load_rules(home.policies),
    )
    with contextlib.suppress(EOFError), Connection(arguments.channel) as channel:
        while True:
            worker.answer(channel, REQUEST.validate_json(channel.recv_bytes(REQUEST_BYTES)))


def confine(limits: Limits) -> None:
    """Give up what a hostile file could use: memory, core files, new privileges, outliving the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    resource.setrlimit(resource.RLIMIT_AS, (limits.open.memory_bytes, limits.open.memory_bytes))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What one child works with."""

    home: Home
    limits: Limits
    opener: Opener
    rules: Rules

    def answer(self, channel: Connection, request: Job | Reopen) -> None:
        """Answer one request; a fault of ours is an answer too."""
        try:
            if isinstance(request, Job):
                channel.send_bytes(ANSWER.dump_json(self.examine(request)))
            else:
                self._send_content(channel, request)
        except (Fault, OSError, MemoryError) as error:
            explanation = str(error) if isinstance(error, Fault) else type(error).__name__
            failed = Failed(reference=request.reference, explanation=explanation)
            channel.send_bytes(ANSWER.dump_json(failed))

    def examine(self, job: Job) -> Examined:
        """Open and classify one file. Fault where the fault is ours; all else is an outcome."""
        if job.folder != "in":
            # Few files are drops, and what settles them loads the registry's packages.
            from gateway.processing import drops  # noqa: PLC0415
            from gateway.processing.drop import Tools  # noqa: PLC0415

            return drops.examine(job, Tools(home=self.home, opener=self.opener, limits=self.limits))
        senders = [sender.encode() for sender in job.senders]
        try:
            opened = self.opener.open(self.home.sealed(job.reference), senders, self.limits.open, job.now)
        except Refusal as refusal:
            refused = OpenRefused(code=refusal.code, detail=refusal.detail)
            return Examined(reference=job.reference, refused=refused)
        with os.fdopen(opened.content, "rb") as content:
            found = classify(content, job.name, self.limits.classify, self.rules, today=job.now.date())
        return Examined(
            reference=job.reference, opened=dataclasses.replace(opened, content=-1), content=found
        )

    def _send_content(self, channel: Connection, request: Reopen) -> None:
        sealed = self.home.sealed(request.reference)
        content = self.opener.reopen(sealed, request.sha256, self.limits.open)
        try:
            size = os.fstat(content).st_size
            channel.send_bytes(ANSWER.dump_json(Reopened(reference=request.reference, size=size)))
            send_handle(channel, content, os.getppid())
        finally:
            os.close(content)


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    main()
