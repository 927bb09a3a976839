"""What was put into /keys or /agreement is judged, in the isolated child that holds nothing.

A drop that is sealed cannot be opened there: the answer says so, the opener opens it, and it is judged again.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.examiner import agreement_drops, key_drops
from gateway.examiner.drop_tools import DROP_BYTES, DropToJudge, IsSealed
from gateway.examiner.protocol import (
    AgreementCopy,
    FileRefused,
    Judging,
    KeyDrop,
    OpenRefused,
    StillSealed,
)
from gateway.home.settings import OpenLimits
from gateway.model import Folder

_JUDGES: dict[Folder, Callable[[DropToJudge], AgreementCopy | KeyDrop | FileRefused]] = {
    "agreement": agreement_drops.examine,
    "keys": key_drops.examine,
}


def judge(
    request: Judging, data: bytes, limits: OpenLimits
) -> AgreementCopy | KeyDrop | FileRefused | StillSealed:
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
