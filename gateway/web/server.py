"""Serve the web door: static pages, and requests passed on to intake.

The service can reach nothing of the home except one socket. Whoever captures it can change the pages; see
SECURITY.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from anyio import open_file  # noqa: F401 - a static file would import anyio after sending its header
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from gateway.browsing.guard import Guard
from gateway.browsing.serving import patiently, run, serve
from gateway.errors import ConfigurationError, trace_of
from gateway.home import Home
from gateway.home.settings import SECURITY, WebSettings
from gateway.web.page import STATIC, digest
from gateway.zones.console_api.serving import KEPT_SECONDS, socket_in
from gateway.zones.http_paths import ADDRESS, API, MOST_BYTES, PATHS, SETTINGS

ALLOWS = (
    "style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types worker"
)
_CHANGING = ("POST", "PATCH", "DELETE", "OPTIONS")
_THERE = frozenset(
    {"content-type", "cookie", "tus-resumable", "upload-length", "upload-metadata", "upload-offset"}
)
_BACK = frozenset(
    {
        "content-type", "location", "set-cookie", "gateway-reference", "tus-resumable", "tus-version",
        "tus-extension", "tus-max-size", "upload-length", "upload-offset",
    }
)  # fmt: skip
_UNREACHED = "The gateway does not answer at the moment. Try again in a minute."
_SECONDS = 120.0
_log = logging.getLogger(__name__)


def run_web(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve the web door of `home` until SIGTERM or SIGINT; return the exit status.
    `host` and `port` override the settings. Print `ready web ORIGIN` when accepting connections.
    ConfigurationError names the obstacle to starting.
    """

    async def served(stop: asyncio.Event) -> None:
        async with intake_of(home) as intake:
            settings = await settings_of(intake)
            _log.info("page sha256=%s", digest())
            await serve("web", settings, partial(application, intake), stop, host=host, port=port)

    return run(served)


@asynccontextmanager
async def intake_of(home: Home) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client of the socket at which intake answers; the socket need not exist yet."""
    home.web.mkdir(mode=0o750, exist_ok=True)
    with socket_in(home.web) as place:
        limits = httpx.Limits(max_connections=64, keepalive_expiry=KEPT_SECONDS / 2)
        way = httpx.AsyncHTTPTransport(uds=place, limits=limits)
        # Without a jar that keeps nothing, one browser's cookies would be sent in the name of the next.
        none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        async with httpx.AsyncClient(
            transport=way, base_url="http://intake", timeout=_SECONDS, cookies=none
        ) as client:
            yield client


async def settings_of(intake: httpx.AsyncClient) -> WebSettings:
    """Ask intake for the web door's settings. ConfigurationError if it does not answer in half a minute."""
    try:
        async for attempt in patiently(httpx.TransportError):
            with attempt:
                return WebSettings.model_validate_json((await intake.get(SETTINGS)).content)
    except httpx.TransportError:
        pass
    raise ConfigurationError("intake does not answer: set `origin` under [web] in gateway.toml, restart it")


def application(intake: httpx.AsyncClient, origin: str) -> ASGIApp:
    """Return the web door as an ASGI application, behind the guard that checks every request."""

    async def passed_on(request: Request) -> Response:
        """Pass a request on to intake; return intake's answer, with known headers only.
        Refuse a request that another site's page has made.
        """
        own = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        if not own and request.url.path != SECURITY:
            return JSONResponse({"said": "This was not asked by one of our pages."}, 403)
        headers = {name: value for name, value in request.headers.items() if name in _THERE}
        headers[ADDRESS] = request.client.host if request.client is not None else ""
        try:
            body = await request.body() if request.method in {"POST", "PATCH"} else None
        except ClientDisconnect:  # Whoever is cut off hears nothing, and is no fault of ours.
            return Response(status_code=400)
        path = request.url.path.removeprefix(API)
        try:
            answer = await intake.request(request.method, path, headers=headers, content=body)
        except httpx.TransportError:
            return JSONResponse({"said": _UNREACHED}, 503)
        response = Response(b"" if request.method == "HEAD" else answer.content, answer.status_code)
        del response.headers["content-length"]
        response.raw_headers = [
            *((name.lower(), value) for name, value in answer.headers.raw if name.lower().decode() in _BACK),
            (b"content-length", str(len(response.body)).encode()),
        ]
        return response

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def worker(_: Request) -> Response:
        """Serve the page's service worker from the one path that lets a worker control the page itself."""
        return FileResponse(STATIC / "worker.js")

    async def stated(_: Request) -> Response:
        return PlainTextResponse(digest())

    async def failed(_: Request, error: Exception) -> Response:
        _log.error("page-failed %s", trace_of(error))
        return PlainTextResponse("Something went wrong here. It is in the log of the gateway.", 500)

    async def no_page(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return PlainTextResponse("There is no such page.", status)

    routes = [
        *(Route(f"{API}{path}", passed_on, methods=list(methods)) for path, methods in PATHS.items()),
        Route(SECURITY, passed_on, methods=["GET"]),
        Route("/", page, methods=["GET"]),
        Route("/worker.js", worker, methods=["GET"]),
        Route("/digest", stated, methods=["GET"]),
        Mount("/static", GZipMiddleware(StaticFiles(directory=STATIC))),
    ]
    # Anybody may ask for an address that none can have, such as one with a NUL.
    missing = {HTTPException: no_page, httpx.InvalidURL: no_page}
    app = Starlette(routes=routes, exception_handlers={**missing, Exception: failed})
    return Guard(app, origin, allows=ALLOWS, changing=_CHANGING, most=MOST_BYTES, larger={})
