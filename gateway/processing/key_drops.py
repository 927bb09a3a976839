"""What a provider drops in /keys. A person looks at it."""

from __future__ import annotations

from gateway.model import Decision, Held
from gateway.processing.drop import Drop, Dropped, Tools
from gateway.processing.examination import Examined, Job
from gateway.reasons import reason


def examine(job: Job, data: bytes, tools: Tools) -> Examined:  # noqa: ARG001 - nothing is read here
    """Nothing is looked at by machine."""
    return Examined(reference=job.reference)


def settle(drop: Dropped) -> Decision:  # noqa: ARG001 - every drop waits alike
    """A person decides."""
    return Held(reasons=(reason("drop:for-a-person"),))


DROP = Drop(examine=examine, settle=settle, withheld="open:not-encrypted")
