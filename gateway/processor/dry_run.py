"""Dry run: decide on a file in the usual way, and store nothing."""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.errors import Fault
from gateway.examiner.child import ExaminerLost
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import DropRead, FileLost, FileOpened, Job
from gateway.model import Classified, ContentRefused, Decision, Upload
from gateway.passage import decide_file
from gateway.policy.decide import decide
from gateway.policy.items import counts_teams
from gateway.record.conclude import File, assignment_of, signers_of
from gateway.record.registrar import Rulebook
from gateway.record.rulings import Batch
from gateway.registry import rolls, transfers
from gateway.registry.database import Registry
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed

_ATTEMPTS = 3
_NOWHERE = "00000"
"""Random part of the reference of a trial; a file only tried gets no reference of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The result of a dry run: the decision that the file would get.

    `found`: the content; None if the file could not be opened. `counted`: the teams that would get counts of
    pupils in place of the file.
    """

    decision: Decision
    found: Classified | ContentRefused | None = None
    counted: tuple[str, ...] = ()


def try_file(
    file: Path, provider: str, at: datetime, *, rules: Rulebook, examiner: Examiner, registry: Registry
) -> Tried:
    """Return the result of a dry run: how a file would be decided if `provider` sent the file `at` a moment.
    An unencrypted file is judged as if sealed and validly signed. Raises OSError if the file cannot be read.
    """
    catalogue, reference = rules.catalogue, f"{at:%y%m%d}-{provider}-{_NOWHERE}"
    found: Classified | ContentRefused | None
    with file.open("rb") as opened, registry.read() as session:
        descriptor = opened.fileno()

        upload = Upload(  # As intake would have recorded it.
            reference=reference,
            provider=provider,
            name=file.name,
            folder="in",
            size=os.fstat(descriptor).st_size,
            sha256=hashlib.file_digest(opened, "sha256").hexdigest(),
            started_at=at,
            landed_at=at,
            ssh_key="",
        )
        claimed = assignment_of(rules, session, upload, at)
        if is_sealed(os.pread(descriptor, ENOUGH_BYTES, 0)):
            examined = _examined(examiner, claimed.job, descriptor)
            batch, signers, found = Batch(session), signers_of(session, provider, at), None
            if isinstance(examined, FileOpened):
                batch.before = transfers.signed_before(session, [(upload, examined.opened)])
                found = examined.content
            decision = decide_file(rules, batch, upload, examined, at, signers=signers)
        else:
            # As if sealed and signed by a valid key: intake would withhold a file in the clear.
            found = examiner.read(claimed.job, descriptor).content
            decision = decide(found, catalogue, rules.provider(session, provider, at), at)
        if not isinstance(found, Classified):
            return Tried(decision=decision, found=found)
        sender = rules.provider(session, provider, at)
        known = rolls.count_on_rolls(session, [provider])[provider]
        counted = counts_teams(found, found.data_type, decision, sender, catalogue, known=known)
        return Tried(decision=decision, found=found, counted=counted)


def _examined(examiner: Examiner, job: Job, descriptor: int) -> File:
    """Examine a sealed file, in up to three attempts; return FileLost if a process was lost in each."""
    for _ in range(_ATTEMPTS):
        with suppress(ExaminerLost):
            found = examiner.look(job, descriptor)
            if isinstance(found, DropRead):
                raise Fault("a file of pupils' data was examined as a drop")
            return found
    return FileLost(reference=job.reference)
