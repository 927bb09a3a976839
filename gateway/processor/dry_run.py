"""Dry run: decide on a file in the usual way, and store nothing."""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from gateway.examiner.child import ExaminerLost
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import FileLost, FileOpened, Job, Looked
from gateway.home import Home
from gateway.model import Classified, ContentRefused, Decision, Provider, Upload
from gateway.passage import decide_file, foresee
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.policy.items import counts_teams, is_whole_roll
from gateway.record.conclude import assignment_of, signers_of
from gateway.record.registrar import Rulebook
from gateway.record.rulings import Batch
from gateway.registry import rolls
from gateway.registry.database import Registry
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed

_ATTEMPTS = 3
_NOWHERE = "00000"
"""Random part of the reference of a trial; a file only tried gets no reference of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A file to try as if a provider had sent it at a moment. `anyone`: in place of an enrolled provider."""

    file: Path
    provider: str
    at: datetime
    anyone: Provider | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The result of a dry run: the decision, and the content `found`, None if the file could not be opened.

    `counted`: the teams to get counts in place of the file.
    """

    decision: Decision
    found: Classified | ContentRefused | None = None
    counted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialRules(Rulebook):
    """A rulebook in which `anyone`, if given, stands in for every provider."""

    anyone: Provider | None = None

    def provider(self, session: Session, provider: str, now: datetime) -> Provider:
        """Return a provider at `now`, or the one that stands in for all."""
        return self.anyone or Rulebook.provider(self, session, provider, now)


@dataclass(frozen=True, slots=True)
class TriedFile:
    """An examiner of one file that is open as `descriptor`, in place of a file in the store."""

    examiner: Examiner
    descriptor: int

    def examine(self, job: Job) -> Looked:
        """Return the result of examining the file; ExaminerLost if the process is lost three times."""
        for _ in range(_ATTEMPTS - 1):
            with suppress(ExaminerLost):
                return self.examiner.look(job, self.descriptor)
        return self.examiner.look(job, self.descriptor)


def try_file(trial: Trial, catalogue: Catalogue, examiner: Examiner, home: Home, registry: Registry) -> Tried:
    """Return the decision on a file, unencrypted or sealed. Raises OSError if it cannot be read."""
    rules, at = TrialRules(home, catalogue, trial.anyone), trial.at
    reference = f"{at:%y%m%d}-{trial.provider}-{_NOWHERE}"
    found: Classified | ContentRefused | None
    with trial.file.open("rb") as opened, registry.read() as session:
        descriptor = opened.fileno()
        if is_sealed(os.pread(descriptor, ENOUGH_BYTES, 0)):
            upload = Upload(  # As intake would have recorded it.
                reference=reference,
                provider=trial.provider,
                name=trial.file.name,
                folder="in",
                size=os.fstat(descriptor).st_size,
                sha256=hashlib.file_digest(opened, "sha256").hexdigest(),
                started_at=at,
                landed_at=at,
                ssh_key="",
            )
            batch, claimed = Batch(session), assignment_of(rules, session, upload, at)
            try:
                decision, file = foresee(rules, batch, claimed, TriedFile(examiner, descriptor), at)
            except ExaminerLost:
                lost, signers = FileLost(reference=reference), signers_of(session, upload.provider, at)
                return Tried(decision=decide_file(rules, batch, upload, lost, at, signers=signers))
            found = file.content if isinstance(file, FileOpened) else None
        else:
            # Try a plain file as if sealed and signed by a valid key: intake would withhold a file in the
            # clear.
            job = Job(reference=reference, name=trial.file.name, senders=(), now=at)
            found = examiner.read(job, descriptor).content
            decision = decide(found, catalogue, rules.provider(session, trial.provider, at), at)
        if not isinstance(found, Classified):
            return Tried(decision=decision, found=found)
        counted = counts_teams(found, decision, rules.provider(session, trial.provider, at), catalogue)
        known = rolls.count_on_rolls(session, [trial.provider])[trial.provider] if counted else 0
        whole = is_whole_roll(found, known, catalogue)
        return Tried(decision=decision, found=found, counted=counted if whole else ())
