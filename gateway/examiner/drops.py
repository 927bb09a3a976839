"""Drops in the isolated child: what was put into /keys or /agreement is looked at, by its folder."""

from __future__ import annotations

from collections.abc import Callable

from gateway.examiner import agreement_drops, key_drops
from gateway.examiner.drop_tools import DROP_BYTES, Tools
from gateway.examiner.protocol import FileRefused, Job, Looked, OpenRefused
from gateway.model import Folder

_EXAMINERS: dict[Folder, Callable[[Job, bytes, Tools], Looked]] = {
    "agreement": agreement_drops.examine,
    "keys": key_drops.examine,
}


def examine(job: Job, tools: Tools) -> Looked:
    """Look at a drop; in the child. Fault where the fault is ours."""
    with tools.home.sealed(job.reference).open("rb") as file:
        data = file.read(DROP_BYTES + 1)
    if not data:
        return FileRefused(reference=job.reference, why=OpenRefused(code="open:empty"))
    if len(data) > DROP_BYTES:
        return FileRefused(reference=job.reference, why=OpenRefused(code="open:too-large"))
    return _EXAMINERS[job.folder](job, data, tools)
