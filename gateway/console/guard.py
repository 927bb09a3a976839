"""The token that every form contains, and the client's address."""

import hashlib
import hmac

from starlette.requests import Request


def token_of(secret: str) -> str:
    """Derive a form's token from the browser's secret; the secret cannot be derived from the token."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def is_own(secret: str, token: str) -> bool:
    """Return True if a form's token matches the browser's secret."""
    return bool(secret) and hmac.compare_digest(token_of(secret).encode(), token.encode())


def address_of(request: Request) -> str:
    """Return the client address of a request, as reported by the server or a trusted proxy."""
    return request.client.host if request.client is not None else ""
