"""Hand a complete upload over to the processor. Blocking: for a worker thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime

from gateway.home import Spool
from gateway.intake.unfinished import Unfinished
from gateway.model import Upload
from gateway.ssh.visitor import LoggedIn
from gateway.zones.failpoints import passing
from gateway.zones.spool import complete, hand_over, reserve_reference


def hand_over_upload(spool: Spool, upload: Unfinished, name: str, by: LoggedIn, now: datetime) -> Upload:
    """Give `upload` to the processor as `name`, without any folders made by a client.

    The upload is durable after return, without files of its own. After an OSError it is unchanged on the
    disk; one in memory, and impossible to write, is worthless.
    """
    reference = reserve_reference(spool, by.name, now)
    passing("hand-over.reserved")

    def record() -> Upload:
        return Upload(
            reference=reference,
            provider=by.name,
            name=name.rpartition("/")[2],
            folder=upload.label.folder,
            size=upload.size,
            sha256=upload.sha256 or "",
            started_at=upload.label.started_at,
            landed_at=now,
            ssh_key=by.key,
            client=by.client,
            withheld=upload.label.withheld,
            looks_like=upload.label.looks_like,
        )

    try:
        if upload.kept is not None:
            return _from_memory(spool, upload, reference, record)
        recorded = record()
        hand_over(spool, recorded, upload.data)
    except BaseException:
        if upload.worthless or upload.data.exists():
            spool.half(reference).unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # A label without data is rubbish, and is swept as such.
        upload.erase()
    return recorded


def _from_memory(spool: Spool, upload: Unfinished, reference: str, record: Callable[[], Upload]) -> Upload:
    """Write an upload from memory directly to spool/landed. On failure, give it ordinary files instead."""
    kept, upload.kept = upload.kept, None
    assert kept is not None  # noqa: S101 - checked by the caller
    try:
        upload.sha256 = kept.write_to(spool.half(reference))
        passing("hand-over.moved")
        recorded = record()
        complete(spool, recorded, upload.data)
    except BaseException:
        if upload.data.exists():
            upload.write_label()
        else:
            upload.worthless = True
        raise
    return recorded
