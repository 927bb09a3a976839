"""Bounds on trust in intake: facts about an upload that only intake states."""

import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.model import Upload
from gateway.zones.landed import LandedUpload

BELIEVED = timedelta(minutes=10)
"""Largest difference accepted between intake's landing time and the kernel's."""

_log = logging.getLogger(__name__)


def bounded(there: LandedUpload, now: datetime) -> Upload:
    """Return the upload, with the kernel's landing time where intake's differs too much.

    The kernel notes the time of renaming a record, and no process can set such a time. `now` is the
    gateway's clock; both clocks need not agree on the hour.
    """
    waited = timedelta(seconds=max(0.0, time.time() - there.named_at))
    landed_at = min(there.upload.landed_at, now)
    if abs(now - waited - landed_at) <= BELIEVED:
        return replace(there.upload, landed_at=landed_at)
    _log.warning("%s: landed at another time than intake says; the kernel's counts", there.upload.reference)
    return replace(there.upload, landed_at=now - waited)
