"""Proofs that failed, as guesses do: the answer is kept back, ever longer, and nothing else is.

Codes and passkeys are too long to be guessed. What is right passes at once, whoever else is at that address.
"""

from __future__ import annotations

from gateway.errors import GatewayError


class GuessedError(GatewayError):
    """A proof failed. It is told after `pause` seconds."""

    pause: float = 0.0


class NotInvitedError(GuessedError):
    """There is no such invitation."""

    def __init__(self) -> None:
        super().__init__("That invitation is not valid: it was used, or has ended. Ask for a new one.")
