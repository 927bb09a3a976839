"""Dry run: decide on a file in the usual way, and store nothing."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from gateway.examiner.child import ExaminerLost
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import FileLost, FileOpened, FileWaits, Job, Looked
from gateway.home import Home
from gateway.model import Classified, ContentRefused, Decision, Provider, Upload
from gateway.passage import decide_file, foresee
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.policy.items import counts_teams, is_whole_roll
from gateway.policy.ratification import years_at
from gateway.record.conclude import assignment_of, signers_of
from gateway.record.rulings import Batch
from gateway.registry import register, rolls
from gateway.registry.database import Registry
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed

_PIECE = 1024**2
_ATTEMPTS = 3
_NOWHERE = "00000"
"""Random part of the reference of a trial; a file only tried gets no reference of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A file to try as if sent by a provider at a moment. `anyone` stands in for a provider not enrolled."""

    file: Path
    provider: str
    at: datetime
    anyone: Provider | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Result of a dry run. `found` is None if the file could not be opened.

    `counted`: teams without pupil records, which would get counts in place of the file.
    """

    decision: Decision
    found: Classified | ContentRefused | None = None
    counted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialRules:
    """Policies and providers for a dry run; the policies may differ from those in force."""

    home: Home
    catalogue: Catalogue
    anyone: Provider | None = None

    def provider(self, session: Session, provider: str, now: datetime) -> Provider:
        """Return a provider at `now`: `ratified` if these policies count one of its ratifications."""
        if self.anyone is not None:
            return self.anyone
        return register.of(session).provider(provider, years_at(now, self.catalogue))


@dataclass(frozen=True, slots=True)
class TriedFile:
    """An examiner of one open file, given as a descriptor instead of read from the store."""

    examiner: Examiner
    descriptor: int

    def examine(self, job: Job) -> Looked:
        """Examine the file, again if the process is lost. Raises ExaminerLost after the last attempt."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self.examiner.look(job, self.descriptor)
            except ExaminerLost:
                continue
        return self.examiner.look(job, self.descriptor)


def try_file(trial: Trial, catalogue: Catalogue, examiner: Examiner, home: Home, registry: Registry) -> Tried:
    """Return the decision on a file, unencrypted or sealed. Raises OSError if it cannot be read."""
    rules = TrialRules(home, catalogue, trial.anyone)
    with _opened(trial.file) as descriptor, registry.read() as session:
        if is_sealed(os.pread(descriptor, ENOUGH_BYTES, 0)):
            return _sealed(trial, rules, TriedFile(examiner, descriptor), session)
        # Try a plain file as if sealed and signed by a valid key: intake would withhold a file in the
        # clear.
        job = Job(reference=_reference(trial), name=trial.file.name, senders=(), now=trial.at)
        read = examiner.read(job, descriptor)
        provider = rules.provider(session, trial.provider, trial.at)
        decision = decide(read.content, rules.catalogue, provider, trial.at)
        return _tried(trial, rules, session, decision, read.content)


def _sealed(trial: Trial, rules: TrialRules, examiner: TriedFile, session: Session) -> Tried:
    upload, batch = _upload(trial, examiner.descriptor), Batch(session)
    claimed = assignment_of(rules, session, upload, trial.at)
    try:
        decision, file = foresee(rules, batch, claimed, examiner, trial.at)
    except ExaminerLost:
        lost, signers = FileLost(reference=upload.reference), signers_of(session, upload.provider, trial.at)
        return Tried(decision=decide_file(rules, batch, upload, lost, trial.at, signers=signers))
    found = file.content if isinstance(file, FileOpened | FileWaits) else None
    return _tried(trial, rules, session, decision, found)


def _tried(
    trial: Trial,
    rules: TrialRules,
    session: Session,
    decision: Decision,
    found: Classified | ContentRefused | None,
) -> Tried:
    if not isinstance(found, Classified):
        return Tried(decision=decision, found=found)
    provider = rules.provider(session, trial.provider, trial.at)
    counted = counts_teams(found, decision, provider, rules.catalogue)
    known = rolls.count_on_rolls(session, [trial.provider])[trial.provider] if counted else 0
    whole = is_whole_roll(found, known, rules.catalogue)
    return Tried(decision=decision, found=found, counted=counted if whole else ())


def _upload(trial: Trial, descriptor: int) -> Upload:
    """Return the upload that intake would have recorded for a file to try."""
    return Upload(
        reference=_reference(trial),
        provider=trial.provider,
        name=trial.file.name,
        folder="in",
        size=os.fstat(descriptor).st_size,
        sha256=_digest(descriptor),
        started_at=trial.at,
        landed_at=trial.at,
        ssh_key="",
    )


def _reference(trial: Trial) -> str:
    return f"{trial.at:%y%m%d}-{trial.provider}-{_NOWHERE}"


def _digest(descriptor: int) -> str:
    digest, offset = hashlib.sha256(), 0
    while piece := os.pread(descriptor, _PIECE, offset):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
