"""Open small files with the embedded engine, and all others with a SOP program.

Starting a program costs more than opening a small file. Both engines keep the contract of `interface.py`, so
either may open a file; but a file the embedded engine refuses is judged afresh by the program.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from gateway.errors import Fault, Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Opened
from gateway.openpgp.interface import Certs, Opener, Sealed
from gateway.openpgp.judge import SigningKeyEnded

SMALL_BYTES = 1024**2
_SMALL_CONTENT_BYTES = 16 * 1024**2
T = TypeVar("T")


class BySizeOpener:
    """Opener that uses the engine `at_hand` for sealed files of up to 1 MiB, and `program` for all others."""

    def __init__(self, at_hand: Opener, program: Opener) -> None:
        self.name = program.name
        self._at_hand = at_hand
        self._program = program

    def open(
        self, sealed: Sealed, senders: Certs, limits: OpenLimits, now: datetime, into: int | None = None
    ) -> Opened:
        """See `Opener.open`."""
        if not _is_small(sealed):
            return self._program.open(sealed, senders, limits, now, into)
        return self._first(sealed, limits, lambda opener, caps: opener.open(sealed, senders, caps, now))

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """See `Opener.reopen`."""
        return self._first(sealed, limits, lambda opener, caps: opener.reopen(sealed, sha256, caps, session))

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """See `Opener.session_key`."""
        return self._program.session_key(sealed, limits)

    def _first(self, sealed: Sealed, limits: OpenLimits, ask: Callable[[Opener, OpenLimits], T]) -> T:
        if not _is_small(sealed):
            return ask(self._program, limits)
        cap = min(_SMALL_CONTENT_BYTES, limits.embedded_content_bytes)
        try:
            return ask(self._at_hand, limits.model_copy(update={"embedded_content_bytes": cap}))
        except SigningKeyEnded:
            raise
        except (Refusal, Fault, MemoryError):
            return ask(self._program, limits)


def _is_small(sealed: Sealed) -> bool:
    try:
        return sealed.stat().st_size <= SMALL_BYTES
    except OSError as error:
        raise Fault(f"the sealed file cannot be read: {error.strerror}") from error
