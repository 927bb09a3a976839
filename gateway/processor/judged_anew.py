"""Examine held files again after a change of the rules: new policies, or a new version of the code.

After a file was withdrawn, the provider's earlier files are also read again for their rolls.

An isolated child opens and reads each stored content again, while no other file waits for a worker. Until a
held file is read again, nobody may open it. An unreadable file is tried again later.
"""

from __future__ import annotations

import time
from functools import partial

from gateway.examiner.parent import Examiners
from gateway.examiner.protocol import Reopen
from gateway.processor.claim import SideJobs
from gateway.record.conclude import assignment_of
from gateway.record.reconsider import judge_anew
from gateway.record.registrar import Registrar
from gateway.registry import rolls, transfers, waits
from gateway.zones.memory import closing_descriptor

_AT_ONCE, _LOOKED_AT = 8, 256
_AGAIN_SECONDS = 60.0
"""Seconds between searches for files that a host with an older version of the code has held since."""


class JudgingAnew:
    """Examines held files again by the rules in force, a few at a time, in worker threads (`jobs`)."""

    def __init__(self, examiners: Examiners, jobs: SideJobs) -> None:
        self._examiners, self._jobs = examiners, jobs
        self._done_by, self._again_at = "", float("-inf")

    @property
    def busy(self) -> bool:
        """True while files are examined or queued."""
        return bool(self._jobs.in_hand)

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
        for reference in [one for one in found if self._jobs.may_begin(one)][:_AT_ONCE]:
            job = partial(self._judge, registrar, reference)
            self._jobs.begin(reference, f"{reference} cannot be judged anew", job)

    def _judge(self, registrar: Registrar, reference: str, _attempts: int) -> None:
        """Examine a held file again, in a worker thread."""
        with registrar.registry.read() as session:
            transfer = transfers.get(session, reference)
            job = assignment_of(registrar, session, transfer.upload, registrar.clock()).job
        examiner = self._examiners.mine()
        content, _ = examiner.reopen(Reopen(reference=reference, sha256=transfer.content_sha256 or ""))
        with closing_descriptor(content):
            read = examiner.read(job, content)
        judge_anew(registrar, reference, read)
