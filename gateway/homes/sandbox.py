"""Run a gateway on loopback on which suppliers try an export or a client, with any reason code on request.

Everything is real except the outcome, which the name of an uploaded file can choose regardless of content:
`held.classify-unknown.xml` is held as `classify:unknown`, `refused.open-damaged.xml` refused as
`open:damaged`. A file must still be sealed; a file that does not open is refused for the true reason.
"""

from __future__ import annotations

import re
import string
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from gateway.errors import Fault
from gateway.examiner.parent import Examiner, Examiners
from gateway.examiner.protocol import FileOpened, FileRefused, Job, Looked, OpenRefused
from gateway.home import Home
from gateway.processor.service import open_processor
from gateway.reasons import REASONS

_ASKED = re.compile(r"\b(held|refused)\.([a-z]+)-([a-z-]+)\b")
_STOP_SECONDS = 30
Outcome = Literal["held", "refused"]
CODES = tuple(sorted(code for code, template in REASONS.items() if template.rests_on == "the code"))
"""Codes available by name; other codes need the clause of a flow, an item, a method or a safeguard."""


def asked_for(name: str) -> tuple[Outcome, str] | None:
    """Return the outcome and reason code that a file's name asks for; None if the name asks for none."""
    found = _ASKED.search(name.lower())
    if found is None or (code := f"{found[2]}:{found[3]}") not in CODES:
        return None
    return ("held" if found[1] == "held" else "refused"), code


def placeholders(code: str) -> dict[str, str | int]:
    """Return a sample value for each name in braces in the sentences of a reason code."""
    template = REASONS[code]
    text = template.sentence + template.next_step
    blanks = {name for _, name, _, _ in string.Formatter().parse(text) if name} - {"desk", "governance"}
    return dict.fromkeys(blanks, "the sandbox")


class _NamedOutcomeExaminer(Examiner):
    """An examiner that examines a file for real, but answers with the outcome in the file's name."""

    def examine(self, job: Job) -> Looked:
        found = super().examine(job)
        asked = asked_for(job.name) if job.folder == "in" else None
        if asked is None or not isinstance(found, FileOpened):
            return found
        outcome, code = asked
        why = OpenRefused(code=code, detail=placeholders(code))
        if outcome == "refused":
            return FileRefused(reference=job.reference, why=why)
        return FileOpened(reference=job.reference, opened=found.opened, content=found.content, why=why)


class _ObligingExaminers(Examiners):
    def _new(self) -> Examiner:
        return _NamedOutcomeExaminer(self._home)


@contextmanager
def sandbox(home: Home, clock: Callable[[], datetime], *, port: int) -> Iterator[tuple[str, int]]:
    """Run a sandbox on loopback inside the context; yield host and port.
    Raises Fault where starting fails.
    """
    stop, ready = threading.Event(), threading.Event()

    def work() -> None:
        with open_processor(home, clock, examiners=_ObligingExaminers) as processor:
            processor.run(stop, ready=ready.set)

    processor = threading.Thread(target=work, daemon=True)
    processor.start()
    command = [sys.executable, "-m", "gateway", "serve", "intake", "--home", str(home.root.absolute())]
    with subprocess.Popen(  # noqa: S603 - our own command, no shell
        [*command, "--host", "127.0.0.1", "--port", str(port)], stdout=subprocess.PIPE, text=True
    ) as intake:
        try:
            words = intake.stdout.readline().split() if intake.stdout else []
            if words[:1] != ["ready"] or not ready.wait(_STOP_SECONDS):
                raise Fault("the sandbox did not start; what it said is above")
            host, _, number = words[-1].rpartition(":")
            yield host, int(number)
        finally:
            intake.terminate()
            stop.set()
            processor.join(_STOP_SECONDS)
