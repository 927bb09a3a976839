"""The judge: an isolated child without secrets, given one drop of /keys or /agreement to judge.

The judge reads files from anybody and is confined like the classifier. Drops are rare, so the judge starts
with the first one. A sealed drop is reported as such: the opener opens it, and the judge judges again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.examiner import agreement_drops, key_drops
from gateway.examiner.confinement import Needs
from gateway.examiner.drop_tools import DROP_BYTES, DropToJudge, IsSealed
from gateway.examiner.entry import serve
from gateway.examiner.nursery import Answer
from gateway.examiner.protocol import (
    ANSWER,
    REQUEST,
    AgreementCopy,
    FileRefused,
    HeadingsDrop,
    Judging,
    KeyDrop,
    OpenRefused,
    StillSealed,
)
from gateway.examiner.setups import JUDGE_SETUP
from gateway.home.settings import OpenLimits
from gateway.model import Folder

_JUDGES: dict[Folder, Callable[[DropToJudge], AgreementCopy | KeyDrop | HeadingsDrop | FileRefused]] = {
    "agreement": agreement_drops.examine,
    "keys": key_drops.examine,
}


def judge(
    request: Judging, data: bytes, limits: OpenLimits
) -> AgreementCopy | KeyDrop | HeadingsDrop | FileRefused | StillSealed:
    """Judge a drop and find its signer. `data`: at most its first DROP_BYTES + 1 bytes."""
    job = request.job
    if not data:
        return FileRefused(reference=job.reference, why=OpenRefused(code="open:empty"))
    if len(data) > DROP_BYTES:
        return FileRefused(reference=job.reference, why=OpenRefused(code="open:too-large"))
    try:
        return _JUDGES[job.folder](DropToJudge(job, data, request.signature, limits))
    except IsSealed:
        return StillSealed(reference=job.reference)


@dataclass(frozen=True, slots=True)
class JudgingDrops:
    """Handle the requests to a judge."""

    limits: OpenLimits

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Judge the drop sent with the request."""
        request = REQUEST.validate_json(message)
        if not isinstance(request, Judging):
            raise TypeError(request.kind)
        data = os.pread(descriptors[0], DROP_BYTES + 1, 0)
        return ANSWER.dump_json(judge(request, data, self.limits)), ()


def main() -> None:
    """Serve until the service is gone."""

    def prepared(message: bytes) -> tuple[Needs, JudgingDrops]:
        limits = JUDGE_SETUP.validate_json(message).limits
        return Needs(memory_bytes=limits.memory_bytes), JudgingDrops(limits)

    serve("judges drops for the gateway's services", prepared)


if __name__ == "__main__":
    main()
