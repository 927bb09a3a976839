"""The hand-over of a whole upload to the processor. Blocking: for a worker thread."""

from __future__ import annotations

from datetime import datetime

from gateway.home import Spool
from gateway.intake.disk import digest_of
from gateway.intake.unfinished import Unfinished
from gateway.model import Upload
from gateway.ssh.visitor import LoggedIn
from gateway.zones.failpoints import passing
from gateway.zones.spool import hand_over, reserve_reference


def hand_over_upload(spool: Spool, upload: Unfinished, name: str, by: LoggedIn, now: datetime) -> Upload:
    """Give `upload` to the processor as `name`, without the folders that a client
    made for it. Durable after return.

    After an OSError the upload is where it was.
    """
    sha256 = upload.sha256 or digest_of(upload.data)
    record = Upload(
        reference=reserve_reference(spool, by.name, now),
        provider=by.name,
        name=name.rpartition("/")[2],
        folder=upload.label.folder,
        size=upload.size,
        sha256=sha256,
        started_at=upload.label.started_at,
        landed_at=now,
        ssh_key=by.key,
        client=by.client,
        withheld=upload.label.withheld,
        looks_like=upload.label.looks_like,
    )
    passing("hand-over.reserved")
    try:
        hand_over(spool, record, upload.data)
    except BaseException:
        if upload.data.exists():
            spool.half(record.reference).unlink(missing_ok=True)
        raise
    return record
