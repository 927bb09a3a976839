"""Run the console service: a web application with the routes and error pages."""

import asyncio
import logging

from anyio import open_file  # noqa: F401 - a static file would import anyio after sending its header
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from gateway.browsing.guard import Guard
from gateway.browsing.serving import patiently, run, serve
from gateway.console import act_pages, api, entering, pages
from gateway.console.entering import site_of
from gateway.console.inside import DeclinedInside, inside_of, settings_of
from gateway.console.site import (
    FOLDER,
    LANGUAGES,
    MOST_OF_A_PART,
    STATIC_PATH,
    NotOurFormError,
    Site,
    form_in,
    see,
    templates,
)
from gateway.errors import ConfigurationError, trace_of
from gateway.home import Home
from gateway.home.settings import SECURITY
from gateway.zones.http_paths import ROOT

_log = logging.getLogger(__name__)
_NOT_LOGGED_IN, _TOO_LARGE = 401, 413
_ALLOWS = "style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"
_MORE_BYTES = dict.fromkeys(("/work/providers/import", f"{ROOT}/providers/import"), 4 * MOST_OF_A_PART)
"""The most bytes of a request with a list of the largest size, written as a form or as JSON."""
_TOO_LARGE_FILE = f"That file is too large: {MOST_OF_A_PART >> 20} MiB at most. Send it in several parts."


class _Unchanging(StaticFiles):
    """Static files for browsers to keep for a year: the address has a digest, so a change gives a new one."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


_ROUTES = [
    Route("/login", entering.show_login, methods=["GET"]),
    Route("/login", entering.log_in, methods=["POST"]),
    Route("/login/openid/back", entering.return_from_openid, methods=["GET"]),
    Route("/login/openid/done", entering.finish_openid, methods=["GET"]),
    Route("/invitation", entering.show_invitation, methods=["GET"]),
    Route("/invitation", entering.take_invitation, methods=["POST"]),
    Route("/invitation/passkey", entering.enrol, methods=["POST"]),
    Route("/logout", entering.log_out, methods=["POST"]),
    Route("/language/{language}", entering.choose_language, methods=["GET"]),
    Route("/me", entering.page_of("me", "me.html"), methods=["GET"]),
    Route("/me", entering.leave_first_steps, methods=["POST"]),
    Route("/", pages.show_today, methods=["GET"]),
    Route("/mailboxes/{team}", pages.show_mailbox, methods=["GET"]),
    Route("/mailboxes/{team}", pages.change_files, methods=["POST"]),
    Route("/mailboxes/{team}/{reference}", entering.page_of("file", "file.html", "removed"), methods=["GET"]),
    Route("/recall/{reference}", pages.recall, methods=["POST"]),
    Route("/held", lambda _: see("/work/held/list"), methods=["GET"]),
    Route("/held/{reference}", pages.show_held_file, methods=["GET"]),
    Route("/schools", entering.page_of("schools", "schools.html", "late", "on", "page"), methods=["GET"]),
    Route("/schools/{provider}", entering.page_of("school", "school.html", "before"), methods=["GET"]),
    Route("/agreement", entering.page_of("agreement", "agreement.html"), methods=["GET"]),
    Route(
        "/agreement/policies",
        entering.page_of("policies", "policies.html", "before", "after", "days"),
        methods=["GET"],
    ),
    Route("/agreement/policies", pages.decide_policies, methods=["POST"]),
    Route("/agreement/policies/edit", pages.edit_policies, methods=["GET", "POST"]),
    Route("/agreement/policies/propose", pages.propose_policies, methods=["POST"]),
    Route("/evidence", entering.page_of("openings", "evidence.html", "before"), methods=["GET"]),
    Route("/evidence/receipt", pages.verify_receipt, methods=["POST"]),
    Route("/work", act_pages.show_acts, methods=["GET"]),
    Route("/work/{noun}/{verb}", act_pages.show_act, methods=["GET"]),
    Route("/work/{noun}/{verb}", act_pages.carry_out, methods=["POST"]),
    Route("/watch", entering.page_of("watch", "watch.html"), methods=["GET"]),
    Route(SECURITY, entering.show_security, methods=["GET"]),
    *api.ROUTES,
    Mount(STATIC_PATH, GZipMiddleware(_Unchanging(directory=FOLDER / "static"))),
]


def run_console(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve the console of `home` until SIGTERM or SIGINT; return the exit status.
    `host` and `port` override the settings. Print `ready console ORIGIN` when accepting connections.
    ConfigurationError names the obstacle to starting.
    """

    async def served(stop: asyncio.Event) -> None:
        async for attempt in patiently(ConfigurationError):
            with attempt:
                async with inside_of(home) as inside:
                    knows = await settings_of(inside)
        async with inside_of(home) as inside:
            pages = {one: templates(knows.zone, one) for one in LANGUAGES}

            def application_of(origin: str) -> ASGIApp:
                return application(Site(inside, knows, origin, pages))

            await serve("console", knows, application_of, stop, host=host, port=port)

    return run(served)


def application(site: Site) -> ASGIApp:
    """Return the console application, wrapped in a `Guard` that checks the origin and size of requests."""
    app = Starlette(
        routes=_ROUTES,
        exception_handlers={
            DeclinedInside: _declined,
            NotOurFormError: _not_ours,
            HTTPException: _no_page,
            ValueError: _no_page,
            Exception: _failed,
        },
    )
    app.state.site = site
    return Guard(app, site.origin, allows=_ALLOWS, larger=_MORE_BYTES, programs=(f"{ROOT}/",))


async def _declined(request: Request, error: Exception) -> Response:
    """Show a refusal by the inside as a page; if nobody is logged in, show the login page.
    After the login, the person comes to the page first asked for, with the values typed before.
    """
    status = error.status if isinstance(error, DeclinedInside) else 503
    if status != _NOT_LOGGED_IN:
        return _problem(request, status, str(error))
    site, address = site_of(request), request.url.path
    if request.method == "POST":
        response = await entering.show_login(request, address, await _typed(request), status=_NOT_LOGGED_IN)
    elif request.headers.get("sec-fetch-site") == "cross-site" and not site.held_by(request, "session"):
        # A link elsewhere led here: browsers send strict cookies only with requests from own pages.
        onward = f"{address}?{request.url.query}" if request.url.query else address
        response = site.page(request, "onward.html", onward=onward)
    else:
        response = see("/login")
        if address != "/":
            site.set_secret(response, entering.TO, f"{address}?{request.url.query}".rstrip("?"))
    site.drop_secret(response, "session")
    return response


async def _typed(request: Request) -> list[tuple[str, str]]:
    """Return names and values of a form in the request, without files, token and signature."""
    form = await form_in(request)
    return [
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and name not in {"token", "credential"}
    ]


async def _not_ours(request: Request, _: Exception) -> Response:
    """Show again, filled in, a form sent with the token of an earlier session, to be sent once more.
    The form as first sent had no effect. If nobody is logged in, show an error page.
    """
    kept, path = await _typed(request), request.url.path
    if path.startswith(("/login", "/invitation")) or not site_of(request).held_by(request, "session"):
        return _problem(request, 403, "That form is too old, or not from this session. Open the page again.")
    response = entering.resume(request, path, kept)
    response.status_code = 403
    return response


async def _no_page(request: Request, error: Exception) -> Response:
    """Show an error page for an unknown page or an invalid request, such as one with too many files."""
    if isinstance(error, ValueError):
        return _problem(request, 400, "That request does not make sense.")
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == _TOO_LARGE:
        return _problem(request, status, _TOO_LARGE_FILE)
    return _problem(request, status, "There is no such page.")


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("page-failed %s", trace_of(error))
    return _problem(request, 500, "Something went wrong here. It is in the log of the gateway.")


def _problem(request: Request, status: int, problem: str) -> Response:
    return site_of(request).page(request, "problem.html", status=status, problem=problem)
