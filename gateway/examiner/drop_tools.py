"""What the examination of a drop has at hand, in the isolated child."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gateway.errors import Refusal
from gateway.examiner.protocol import Job
from gateway.home import Home
from gateway.model import Signature
from gateway.openpgp.judge import Waits
from gateway.openpgp.promise import Opener
from gateway.settings import Limits

DROP_BYTES = 1024**2
"""More than any text of an agreement or any certificate has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an examination in the child has at hand."""

    home: Home
    opener: Opener
    limits: Limits

    def open(self, job: Job) -> tuple[bytes, Signature]:
        """What is in a drop that came signed and sealed like any file, and who signed it.

        Refusal as for any file; a drop never waits for a key.
        """
        senders = [sender.encode() for sender in job.senders]
        try:
            opened = self.opener.open(self.home.sealed(job.reference), senders, self.limits.open, job.now)
        except Waits as waits:
            os.close(waits.opened.content)
            raise Refusal(waits.code) from None
        with os.fdopen(opened.content, "rb") as content:
            return content.read(DROP_BYTES), opened.signature
