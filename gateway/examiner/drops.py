"""Drops in the isolated child: what was put into /keys or /agreement is looked at, by its folder."""

from __future__ import annotations

from collections.abc import Callable

from gateway.examiner import agreement_drops, key_drops
from gateway.examiner.drop_tools import DROP_BYTES, Tools
from gateway.examiner.protocol import Examined, Job, OpenRefused
from gateway.model import Folder

_EXAMINERS: dict[Folder, Callable[[Job, bytes, Tools], Examined]] = {
    "agreement": agreement_drops.examine,
    "keys": key_drops.examine,
}


def examine(job: Job, tools: Tools) -> Examined:
    """Look at a drop; in the child. Fault where the fault is ours."""
    with tools.home.sealed(job.reference).open("rb") as file:
        data = file.read(DROP_BYTES + 1)
    if not data:
        return Examined(reference=job.reference, refused=OpenRefused(code="open:empty"))
    if len(data) > DROP_BYTES:
        return Examined(reference=job.reference, refused=OpenRefused(code="open:too-large"))
    return _EXAMINERS[job.folder](job, data, tools)
