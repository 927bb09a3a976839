"""Challenges that a passkey is to sign: each for one browser and one purpose, for a few minutes, once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import GatewayError

SECONDS = 300.0
_KNOWN = 10_000
_EACH = 30
_BYTES = 32


class ChallengeOverError(GatewayError):
    """There is no such challenge, or it was signed before, or it took too long."""

    def __init__(self) -> None:
        super().__init__("That took too long, or was sent twice. Try again.")


@dataclass(frozen=True, slots=True)
class _Given:
    challenge: bytes
    address: str
    until: float
    about: str


class Challenges:
    """Those that are open, for any thread. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[tuple[str, str], _Given] = {}
        self._lock = threading.Lock()

    def give(self, holder: str, purpose: str, address: str, about: str = "") -> bytes:
        """A new one for whoever holds the secret `holder`, instead of what they had for that purpose.

        What it is `about` is told to whoever takes it.
        """
        now = self._clock()
        given = _Given(secrets.token_bytes(_BYTES), address, now + SECONDS, about)
        with self._lock:
            self._open.pop((holder, purpose), None)
            self._make_room(address, now)
            self._open[holder, purpose] = given
        return given.challenge

    def take(self, holder: str, purpose: str) -> bytes:
        """The one that was given; it is no more. ChallengeOverError where there is none."""
        return self.take_about(holder, purpose)[0]

    def take_about(self, holder: str, purpose: str) -> tuple[bytes, str]:
        """As `take`, and what it is about."""
        with self._lock:
            given = self._open.pop((holder, purpose), None)
        if given is None or given.until < self._clock():
            raise ChallengeOverError
        return given.challenge, given.about

    def _make_room(self, address: str, now: float) -> None:
        """Keep the table small: an address has few, and what is over or oldest goes first."""
        own = [key for key, given in self._open.items() if given.address == address]
        for key in own[: max(0, len(own) - _EACH + 1)]:
            del self._open[key]
        if len(self._open) >= _KNOWN:
            self._open = {key: given for key, given in self._open.items() if given.until >= now}
        while len(self._open) >= _KNOWN:
            del self._open[next(iter(self._open))]
