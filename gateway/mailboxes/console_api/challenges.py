"""Give and check challenges for passkeys: each is valid once, for one browser, one purpose and five minutes.

A challenge is bound to the browser's secret and not to an address, so users sharing an address do not
displace each other's challenges. Challenges are stored in the service's memory or, if several hosts answer
one browser, in the registry.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable

from gateway.errors import GatewayError
from gateway.registry import logins
from gateway.registry.database import Registry

SECONDS = 300.0
EACH = 30
"""The maximum number of open challenges of a browser, or of a logged-in person."""
_KNOWN = 200_000
"""The most challenges in memory, of some 400 bytes each; the console cannot ask for more in 5 minutes."""
_BYTES = 32


class GuessedError(GatewayError):
    """Raised for a wrong proof of identity. The answer is delayed by `pause` seconds, ever longer.

    The delay is against guessing. Codes and passkeys are too long to guess, so correct proofs pass at once,
    even from an address with many failures.
    """

    pause: float = 0.0


_Open = tuple[float, bytes, str]
"""When an open challenge ends, in monotonic seconds, the challenge, and what is kept with it."""


class ChallengeOverError(GatewayError):
    """The challenge is unknown, already taken, or expired."""

    def __init__(self) -> None:
        super().__init__(
            "That took too long, was sent twice, or is no longer what you were shown. Try again."
        )


class Challenges:
    """The challenges given for passkeys to sign, in memory until used or expired; thread-safe.

    `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[tuple[str, str], _Open] = {}
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def give(self, holder: str, purpose: str, about: str = "") -> bytes:
        """Make a challenge for a purpose and the owner of the secret `holder`, in place of an earlier one.
        `about`: a text for `take_about` to return with the challenge.
        """
        now = self._clock()
        challenge = secrets.token_bytes(_BYTES)
        with self._lock:
            self._drop((holder, purpose))
            # Drop expired challenges, and the oldest of a holder with many.
            while self._open:
                oldest = next(iter(self._open))
                if self._open[oldest][0] >= now and len(self._open) < _KNOWN:
                    break
                self._drop(oldest)
            if self._held[holder] >= EACH:
                self._drop(next(key for key in self._open if key[0] == holder))
            self._open[holder, purpose] = now + SECONDS, challenge, about
            self._held[holder] += 1
        return challenge

    def take(self, holder: str, purpose: str) -> bytes:
        """Remove and return the holder's challenge for a purpose. ChallengeOverError if none is open."""
        return self.take_about(holder, purpose)[0]

    def take_about(self, holder: str, purpose: str) -> tuple[bytes, str]:
        """Remove the holder's challenge for a purpose; return the challenge and `about`.
        ChallengeOverError if none is open.
        """
        with self._lock:
            given = self._drop((holder, purpose))
        if given is None or given[0] < self._clock():
            raise ChallengeOverError
        return given[1:]

    def __len__(self) -> int:
        """Return the number of open challenges."""
        return len(self._open)

    def _drop(self, key: tuple[str, str]) -> _Open | None:
        given = self._open.pop(key, None)
        if given is not None:
            self._held[key[0]] -= 1
            if not self._held[key[0]]:
                del self._held[key[0]]
        return given


class SharedChallenges(Challenges):
    """Open challenges in the registry. Any host can take a challenge given by another host, but only once."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(time.monotonic)
        self._registry = registry

    def give(self, holder: str, purpose: str, about: str = "") -> bytes:
        """Make a challenge, store it in the registry, and return it."""
        challenge = secrets.token_bytes(_BYTES)
        with self._registry.write_on(()) as session:
            logins.give_challenge(
                session, holder, purpose, challenge, about=about, seconds=SECONDS, most=EACH
            )
        return challenge

    def take_about(self, holder: str, purpose: str) -> tuple[bytes, str]:
        """Remove the holder's challenge for a purpose; return the challenge and `about`.
        ChallengeOverError if none is open.
        """
        with self._registry.write_on(()) as session:
            found = logins.take_challenge(session, holder, purpose)
        if found is None:
            raise ChallengeOverError
        return found
