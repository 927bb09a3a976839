"""A program at a terminal of its own, where somebody answers what is asked."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """How a program ended, and all that the terminal showed of it."""

    code: int
    shown: str


class Typing:
    """A program at a terminal. `answers`: what is typed where the terminal shows such a question."""

    def __init__(self, words: list[str], answers: Mapping[str, str]) -> None:
        self._answers, self._answered, self.shown = dict(answers), 0, ""
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            os.execvp(words[0], words)

    def until(self, text: str | None = None, seconds: float = 300) -> Said | None:
        """Go on until it shows a text, or has ended, which gives how."""
        deadline = time.monotonic() + seconds
        while text is None or text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if not select.select([self._terminal], [], [], 1.0)[0]:
                continue
            with contextlib.suppress(OSError):  # The other end of the terminal is closed.
                if data := os.read(self._terminal, 65536):
                    self.shown += data.decode(errors="replace")
                    self._answer()
                    continue
            return self._ended()
        return None

    def glance(self) -> None:
        """Read what it shows now, and answer what it asks."""
        if select.select([self._terminal], [], [], 0)[0]:
            try:
                self.shown += os.read(self._terminal, 65536).decode(errors="replace")
            except OSError:  # The other end of the terminal is closed.
                raise AssertionError(f"it has ended: {self._ended()}") from None
            self._answer()

    def kill(self) -> None:
        """kill -9 for it and all that it started."""
        os.killpg(self.process, signal.SIGKILL)
        self._ended()

    def _ended(self) -> Said:
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        os.close(self._terminal)
        return Said(status, self.shown.replace("\r\n", "\n"))

    def _answer(self) -> None:
        for question, answer in self._answers.items():
            if re.search(question, self.shown[self._answered :]):
                time.sleep(0.3)  # The question is shown before the terminal is made ready for secrets.
                self._answered = len(self.shown)
                os.write(self._terminal, answer.encode() + b"\n")
                return
