"""Delay the answers to failed proofs, ever longer, against guessing.

Codes and passkeys are too long to guess, so correct proofs pass at once, even from an address with many
failures.
"""

from gateway.errors import GatewayError


class GuessedError(GatewayError):
    """A proof failed. The answer is delayed by `pause` seconds."""

    pause: float = 0.0


class NotInvitedError(GuessedError):
    """No invitation matches the code."""

    def __init__(self) -> None:
        super().__init__("That invitation is not valid: it was used, or has ended. Ask for a new one.")
