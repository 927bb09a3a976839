"""The judge: an isolated child that holds nothing. It gets one drop of /keys or /agreement, and judges it.

It reads what anybody may have written, as the classifier does, and is confined as that is. It starts with the
first drop, as drops are seldom. A drop that is sealed cannot be opened there: the answer says so, the opener
opens it, and it is judged again.
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
    """What a drop is, and who signed it, where `data` is at most its first DROP_BYTES + 1."""
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
    """What the judge does for one request."""

    limits: OpenLimits

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Judge the one drop that came with the request."""
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
