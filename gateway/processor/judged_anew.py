"""Examine held files again after a change of the rules: new policies, or a new version of the code.

After a file was withdrawn, the provider's earlier files are also read again for their rolls.

An isolated child opens and reads each stored content again, one file after another and while no other file
waits for a worker. Until a held file is read again, nobody may open it. An unreadable file is tried again
later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from gateway.examiner.parent import Examiners
from gateway.examiner.protocol import Reopen
from gateway.processor.claim import BackOff
from gateway.record.conclude import assignment_of
from gateway.record.reconsider import judge_anew
from gateway.record.registrar import Registrar
from gateway.registry import rolls, transfers, waits
from gateway.zones.memory import closing_descriptor

_AT_ONCE, _LOOKED_AT = 8, 256
_AGAIN_SECONDS = 60.0
"""Seconds between searches for files that a host with an older version of the code has held since."""


class JudgingAnew:
    """Examines held files again by the rules in force, in a worker thread, a few files at a time.
    `busy`: True while files are examined or queued. `do`: queues a function for a worker thread. `done`:
    called after every few files.
    """

    def __init__(
        self,
        examiners: Examiners,
        pause_seconds: float,
        do: Callable[[Callable[[], None]], None],
        done: Callable[[], None],
    ) -> None:
        self._examiners = examiners
        self._do, self._done = do, done
        self._back_off = BackOff(pause_seconds, time.monotonic)
        self._done_by, self._again_at = "", float("-inf")
        self.busy = False

    def hand_out(self, registrar: Registrar) -> None:
        """Start examining a few held files again, if none are under way."""
        rules = registrar.catalogue.rules
        if self.busy or (rules == self._done_by and time.monotonic() < self._again_at):
            return
        with registrar.registry.read() as session:
            found = [
                *waits.to_judge_anew(session, rules, limit=_LOOKED_AT),
                *rolls.to_read_again(session, limit=_LOOKED_AT),
            ]
        if not found:
            self._done_by, self._again_at = rules, time.monotonic() + _AGAIN_SECONDS
        due = [one for one in found if not self._back_off.is_pausing(one)][:_AT_ONCE]
        if due:
            self.busy = True
            self._do(partial(self._judge, registrar, due))

    def _judge(self, registrar: Registrar, references: Sequence[str]) -> None:
        """Examine the first of some held files again, and queue the other files."""
        reference, *others = references
        with self._back_off.attempt(reference, f"{reference} cannot be judged anew"):
            with registrar.registry.read() as session:
                transfer = transfers.get(session, reference)
                job = assignment_of(registrar, session, transfer.upload, registrar.clock()).job
            examiner = self._examiners.mine()
            content, _ = examiner.reopen(Reopen(reference=reference, sha256=transfer.content_sha256 or ""))
            with closing_descriptor(content):
                read = examiner.read(job, content)
            judge_anew(registrar, reference, read)
        if others:
            self._do(partial(self._judge, registrar, others))
            return
        self.busy = False
        self._done()
