"""How far the door is believed: what only intake says of an upload, held within bounds."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.model import Upload
from gateway.zones.landed import LandedUpload

BELIEVED = timedelta(minutes=10)
"""So far the time that intake gives may be from the one that the kernel noted."""

_log = logging.getLogger(__name__)


def bounded(there: LandedUpload, now: datetime) -> Upload:
    """The upload, with the time of its landing as the kernel has it where intake's is far from that.

    The kernel notes when a record gets its name, and no process can set that; `now` is the time by our
    clock, so that the two need not agree on the hour.
    """
    waited = timedelta(seconds=max(0.0, time.time() - there.named_at))
    landed_at = min(there.upload.landed_at, now)
    if abs(now - waited - landed_at) <= BELIEVED:
        return replace(there.upload, landed_at=landed_at)
    _log.warning("%s: landed at another time than intake says; the kernel's counts", there.upload.reference)
    return replace(there.upload, landed_at=now - waited)
