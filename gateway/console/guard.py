"""Protections for every request and answer, on every page.

Browsers are told to load nothing from elsewhere, to run only the console's scripts, to show the pages in no
frame and to keep no copy. A changing request must come from the console's own pages: the browser's Origin
header must match, and the form must hold the token of the session.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 512 * 1024
_MORE_BYTES = {  # A list of 1 MiB, written as a form or as JSON.
    "/work/providers/import": 4 * 1024**2,
    "/api/v1/providers/import": 4 * 1024**2,
}
"""Where a form may be larger: a list of schools."""
_SAFE = frozenset({"GET", "HEAD"})
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # Without a referrer, browsers do not tell the origin of a form either.
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "cache-control": "no-store",
}
_HTTPS = "max-age=31536000"


class Guard:
    """The guard in front of every page. `origin` is the console's address in browsers."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._origin = origin
        self._host = urlsplit(origin).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request, redirect to the right address, or refuse."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message))
            await send(message)

        turned_down = self._turned_down(scope["method"], headers, scope["path"])
        await (turned_down or self._app)(scope, receive, guarded)

    def _turned_down(self, method: str, headers: Headers, path: str) -> ASGIApp | None:
        if headers.get("host") != self._host:
            if method in _SAFE:
                return RedirectResponse(f"{self._origin}{path}", status_code=307)
            return PlainTextResponse("This is not our address.", status_code=421)
        return None if method in _SAFE else self._not_ours(method, headers, path)

    def _not_ours(self, method: str, headers: Headers, path: str) -> ASGIApp | None:
        """Return the refusal of a changing request from another origin, or of excessive size; else None."""
        if method != "POST":
            return PlainTextResponse("Not offered.", status_code=405)
        # A program bears its credential itself: no page of elsewhere can send one.
        if headers.get("origin") != self._origin and not path.startswith("/api/"):
            return PlainTextResponse("This form was not sent from one of our pages.", status_code=403)
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _MORE_BYTES.get(path, MOST_BYTES):
            return PlainTextResponse("That is too large.", status_code=413)
        return None

    def _add_headers(self, headers: MutableHeaders) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if self._origin.startswith("https:"):
            headers["strict-transport-security"] = _HTTPS


def token_of(secret: str) -> str:
    """Return the form token for a browser's secret; the secret cannot be derived from the token."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def is_own(secret: str, token: str) -> bool:
    """Return True if a form's token matches the browser's secret."""
    return bool(secret) and hmac.compare_digest(token_of(secret).encode(), token.encode())


def address_of(request: Request) -> str:
    """Return the client address of a request, as reported by the server or a trusted proxy."""
    return request.client.host if request.client is not None else ""
