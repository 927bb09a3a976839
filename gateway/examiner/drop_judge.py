"""The judge of drops: an isolated child that holds nothing. What was put into /keys or /agreement is judged.

A drop that is sealed it cannot open: it says so, the opener opens it, and it is asked again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.examiner import agreement_drops, key_drops
from gateway.examiner.confinement import Needs
from gateway.examiner.drop_tools import DROP_BYTES, Drop, IsSealed
from gateway.examiner.entry import serve
from gateway.examiner.nursery import Answer
from gateway.examiner.protocol import (
    ANSWER,
    REQUEST,
    AgreementCopy,
    FileRefused,
    Judging,
    KeyDrop,
    OpenRefused,
    StillSealed,
)
from gateway.examiner.setups import DROP_JUDGE_SETUP
from gateway.model import Folder
from gateway.settings import OpenLimits

_JUDGES: dict[Folder, Callable[[Drop], AgreementCopy | KeyDrop | FileRefused]] = {
    "agreement": agreement_drops.examine,
    "keys": key_drops.examine,
}


@dataclass(frozen=True, slots=True)
class DropJudging:
    """What the judge does for one request."""

    limits: OpenLimits

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Judge the one drop that came with the request."""
        request = REQUEST.validate_json(message)
        if not isinstance(request, Judging):
            raise TypeError(request.kind)
        with os.fdopen(descriptors[0], "rb", closefd=False) as file:
            file.seek(0)
            data = file.read(DROP_BYTES + 1)
        return ANSWER.dump_json(self.judge(request, data)), ()

    def judge(self, request: Judging, data: bytes) -> AgreementCopy | KeyDrop | FileRefused | StillSealed:
        """What a drop is, and who signed it."""
        job = request.job
        if not data:
            return FileRefused(reference=job.reference, why=OpenRefused(code="open:empty"))
        if len(data) > DROP_BYTES:
            return FileRefused(reference=job.reference, why=OpenRefused(code="open:too-large"))
        try:
            return _JUDGES[job.folder](Drop(job, data, request.signature, self.limits))
        except IsSealed:
            return StillSealed(reference=job.reference)


def main() -> None:
    """Serve until the service is gone."""

    def prepared(message: bytes) -> tuple[Needs, DropJudging]:
        limits = DROP_JUDGE_SETUP.validate_json(message).limits
        return Needs(memory_bytes=limits.memory_bytes), DropJudging(limits)

    serve("judges what is dropped in /keys and /agreement for the gateway's services", prepared)


if __name__ == "__main__":
    main()
