"""Protect every page: check each request, and restrict what browsers do with each answer.

Browsers are told to load nothing from elsewhere, to run only the site's own scripts, to show the pages in no
frame and to keep no copy. A changing request must come from the site's own pages: the browser's Origin header
must match.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 512 * 1024
_SAFE = frozenset({"GET", "HEAD"})
_WITH_BODY = frozenset({"POST", "PATCH"})
_HEADERS = {
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
    """The guard in front of every page. `origin` is the site's address in browsers.

    `allows`: further rules for the content security policy, which by itself allows nothing. `changing`: the
    HTTP methods of requests that change something. `most`: the most bytes of a request; `larger` gives other
    limits, by path. `programs`: how the paths for programs begin, since programs send no Origin header.
    """

    def __init__(
        self,
        app: ASGIApp,
        origin: str,
        *,
        allows: str,
        changing: Collection[str] = ("POST",),
        most: int = MOST_BYTES,
        larger: Mapping[str, int],
        programs: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._origin = origin
        self._host = urlsplit(origin).netloc
        self._changing, self._most, self._larger = frozenset(changing), most, larger
        self._programs = programs
        policy = f"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; {allows}"
        self._headers = {"content-security-policy": policy, **_HEADERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, redirect to the site's address, or refuse."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if self._origin.startswith("https:"):
                    headers["strict-transport-security"] = _HTTPS
            await send(message)

        turned_down = self._turned_down(scope["method"], Headers(scope=scope), scope["path"])
        await (turned_down or self._app)(scope, receive, guarded)

    def _refused(self, path: str, sentence: str, status: int, **headers: str) -> Response:
        """Return a refusal: a text for a person, or problem details (RFC 9457) for a program, by the path."""
        if path.startswith(self._programs):
            return problem(status, sentence, headers)
        return PlainTextResponse(sentence, status, headers)

    def _turned_down(self, method: str, headers: Headers, path: str) -> ASGIApp | None:
        """Return the answer that turns a request down; None where the request may pass.
        A request is turned down for a wrong address, method or origin, or for its length.
        """
        length = headers.get("content-length", "" if method in _WITH_BODY else "0")
        # A request of both kinds ends where each reader likes: nothing after it is read (RFC 9112, 6.1).
        if "transfer-encoding" in headers or not length.isdecimal():
            said = "Say by Content-Length how long it is, and send it as a whole."
            return self._refused(path, said, 411, connection="close")
        if method in _SAFE:
            ours = headers.get("host") == self._host
            return None if ours else RedirectResponse(f"{self._origin}{path}", status_code=307)
        if headers.get("host") != self._host:
            return self._refused(path, "This is not our address.", 421)
        if method not in self._changing:
            offered = ", ".join(sorted({*_SAFE, *self._changing}))
            return self._refused(path, f"This is not offered: use {offered}.", 405, allow=offered)
        # A program bears its credential itself: no page of elsewhere can send one.
        if headers.get("origin") != self._origin and not path.startswith(self._programs):
            return self._refused(path, "This form was not sent from one of our pages.", 403)
        large = int(length) > self._larger.get(path, self._most)
        return self._refused(path, "That is too large.", 413) if large else None


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer to a program as problem details (RFC 9457)."""
    told = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(told, status, headers, "application/problem+json")
