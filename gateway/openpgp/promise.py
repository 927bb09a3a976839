"""The one promise that every engine keeps when it opens a sealed file.

`open` hands out content only if the file is one integrity-protected OpenPGP message, holding
exactly one literal, with exactly one valid signature over all of it by one of the given senders,
made within the window of time that the limits allow. Everything else is a named refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.home.settings import OpenLimits
from gateway.model import Opened
from gateway.openpgp.sealed_file import Sealed


class Opener(Protocol):
    """A way to open sealed files with the gateway's own keys."""

    name: str

    def open(
        self,
        sealed: Sealed,
        senders: Sequence[bytes],
        limits: OpenLimits,
        now: datetime,
        into: int | None = None,
    ) -> Opened:
        """The content of `sealed`, signed by one of the certificates `senders` (armored or binary).

        Refusal, with a code of `gateway.reasons`, where the file is at fault; Fault where we are.
        The caller closes `Opened.content`. It is the memory `into`, an empty memfd that others may read while
        it fills, where one was given and the content came in one go; nothing in it counts before that.
        """
        ...

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """The content of a file that was opened before, as a descriptor that the caller closes.

        Who signed was settled then, and its certificate may have ended since: what counts now is
        that the content is the very same, by its SHA-256. Fault where it is not. With `session`, what
        `session_key` gave for this file, none of our keys is needed.
        """
        ...

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """The key of this one message as SOP programs write it, CIPHER:HEX; None where ours yield none."""
        ...
