"""The promise kept by every engine opening a sealed file.

`open` returns content only if the file is one integrity-protected OpenPGP message, holding exactly one
literal, with exactly one valid signature over all of it by one of the given senders, made within the time
window of the limits. Everything else is a named refusal.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.home.settings import OpenLimits
from gateway.model import Opened
from gateway.openpgp.source import Sealed


class Opener(Protocol):
    """An engine opening sealed files with the gateway's own keys."""

    name: str

    def open(
        self,
        sealed: Sealed,
        senders: Sequence[bytes],
        limits: OpenLimits,
        now: datetime,
        into: int | None = None,
    ) -> Opened:
        """Return the content of `sealed`, signed by one of the certificates `senders` (armored or binary).

        Refusal, with a code of `gateway.reasons`, for a faulty file; Fault for a failure of the gateway. The
        caller closes `Opened.content`. With `into`, an empty memfd readable by others while filling, the
        content is there if it came in one go; its bytes do not count before the return.
        """
        ...

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """Return a descriptor of the content of a file opened before, for the caller to close.

        The signer was settled then, and the certificate may have ended since; now the content must be the
        very same, by its SHA-256. Fault otherwise. With `session`, the result of `session_key` for this file,
        no key of the gateway is needed.
        """
        ...

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """Return the session key of a message in SOP notation, CIPHER:HEX; None if no key fits."""
        ...
