"""Show pages for entering and leaving the console: log in, log out, accept an invitation, make a passkey."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.console.inside import DeclinedInside, Reply
from gateway.console.site import LANGUAGE, LANGUAGES, Site, is_ours, see, text
from gateway.zones.console_api import OF_AN_ACT, Given, Shown

_ATTEMPT = "attempt"
_KEPT = "kept:"
TO = "to"
"""The cookie with the address of the page to be shown after the login."""


def site_of(request: Request) -> Site:
    """Return the site serving a request."""
    site: Site = request.app.state.site
    return site


async def show_security(request: Request) -> Response:
    """Show security.txt, the address for reports of security flaws (RFC 9116), to anybody."""
    told = site_of(request).knows.security_txt
    if told is None:
        raise HTTPException(404)
    return PlainTextResponse(told)


async def choose_language(request: Request) -> Response:
    """Set the language of the pages in the browser; redirect to the page of the choice."""
    chosen, to = request.path_params["language"], request.query_params.get("to", "")
    if chosen not in LANGUAGES:
        raise HTTPException(404)
    response, site = see(to if is_ours(to) else "/"), site_of(request)
    response.set_cookie(  # For a year; links from other sites send it as well.
        site.cookie(LANGUAGE), chosen, max_age=365 * 86400, path="/", secure=site.secure, httponly=True,
        samesite="lax",
    )  # fmt: skip
    return response


async def log_in(request: Request) -> Response:
    """Log a person in by a passkey. The new session replaces any other session in the browser."""
    site = site_of(request)
    form = await site.form(request, _ATTEMPT)
    browser = site.held_by(request, _ATTEMPT)
    try:
        reply = await site.ask(request, "log-in", browser=browser, assertion=text(form, "credential"))
    except DeclinedInside as declined:
        return await show_login(request, text(form, "to"), _kept(form), str(declined), declined.status)
    if is_ours(to := text(form, "to")):
        return resume(request, to, _kept(form), _entered(site, reply), reply.said["session"])
    return _entered(site, reply, site.held_by(request, TO))


def resume(
    request: Request,
    to: str,
    kept: Sequence[tuple[str, str]],
    entered: Response | None = None,
    secret: str = "",
) -> Response:
    """Show a page with what was typed in a form (`kept`), and a button to send the form to the page `to`.

    - `entered`: after a login, the response whose cookies are to be set as well.
    - `secret`: after a login, the secret of the new session, which the browser does not send yet.
    """
    response = site_of(request).page(request, "resume.html", secret=secret, to=to, kept=kept)
    for name, value in entered.raw_headers if entered else ():
        if name == b"set-cookie":
            response.raw_headers.append((name, value))
    return response


def _kept(form: FormData) -> list[tuple[str, str]]:
    """Return names and values of an earlier form, kept in hidden fields of the login page's form."""
    return [
        (name.removeprefix(_KEPT), str(value)) for name, value in form.multi_items() if name.startswith(_KEPT)
    ]


async def take_invitation(request: Request) -> Response:
    """Check the code of an invitation; show a page on which the browser makes a passkey."""
    site = site_of(request)
    form = await site.form(request, _ATTEMPT)
    code, browser = text(form, "code"), site.held_by(request, _ATTEMPT)
    try:
        told = (await site.ask(request, "begin-enrolment", browser=browser, code=code)).said
    except DeclinedInside as declined:
        return await show_invitation(request, str(declined), declined.status)
    return site.page(
        request, "new_passkey.html", held=_ATTEMPT, code=code, name=told["name"], options=told["options"],
        **await openid_link(request, browser, code),
    )  # fmt: skip


async def enrol(request: Request) -> Response:
    """Enrol the passkey made after an invitation, and log the person in."""
    site = site_of(request)
    form = await site.form(request, _ATTEMPT)
    try:
        reply = await site.ask(
            request, "enrol", browser=site.held_by(request, _ATTEMPT), code=text(form, "code"),
            attestation=text(form, "credential"),
        )  # fmt: skip
    except DeclinedInside as declined:
        return await show_invitation(request, str(declined), declined.status)
    return _entered(site, reply)


async def log_out(request: Request) -> Response:
    """End the session in this browser or, if the form says so, the person's sessions in other browsers."""
    site = site_of(request)
    form = await site.form(request)
    others = text(form, "others") == "yes"
    await site.ask(request, "log-out", others=others)
    if others:
        return site.see_said("/me", "Your other sessions are ended.")
    response = see("/login")
    site.drop_secret(response, "session")
    return response


async def shown(request: Request, page: str, *asked: str, **fields: Given) -> Reply:
    """Ask the inside for the contents of a page by name, with `fields` and the parameters of the path.
    `asked`: the query parameters to pass on; all others are dropped, since a foreign link could set any.
    """
    given = {name: value for name in asked if (value := request.query_params.get(name))}
    return await site_of(request).ask(request, page, **{**given, **request.path_params, **fields})


def page_of(page: str, template: str, *asked: str) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that asks the inside for the contents of `page` and renders the template `template`.
    `asked`: the names of the query parameters to pass on to the inside.
    """

    async def show(request: Request) -> Response:
        reply = await shown(request, page, *asked)
        return site_of(request).page(request, template, reply.me, seen=reply.said)

    return show


async def leave_first_steps(request: Request) -> Response:
    """Remove the list of first steps for new users from the person's start page."""
    site = site_of(request)
    await site.form(request)
    reply = await site.ask(request, "leave-first-steps")
    return site.see_said("/", reply.said["sentence"])


async def show_login(
    request: Request, to: str = "", kept: Sequence[tuple[str, str]] = (), problem: str = "", status: int = 200
) -> Response:
    """Show the login page, with a new challenge and a `problem`, if any, in words.
    `kept`: the values typed in a form for the page `to` before the login.
    """
    site, browser = site_of(request), secrets.token_urlsafe(32)
    options = ""
    try:
        options = (await site.ask(request, "begin-login", browser=browser)).said["options"]
    except DeclinedInside as declined:
        problem, status = problem or str(declined), declined.status
    response = site.page(
        request, "login.html", secret=browser, status=status, problem=problem, options=options, to=to,
        kept=kept, **await openid_link(request, browser),
    )  # fmt: skip
    site.set_secret(response, _ATTEMPT, browser)
    return response


async def openid_link(request: Request, browser: str, code: str = "") -> Shown:
    """Return `openid`, the address of the OpenID login, and `openid_name`, the name of the login service.

    - The address is "" if the inside refuses. Both are "" if no OpenID login is configured.
    - `browser`: the secret of the login attempt. `code`: the code of an invitation, if any.
    """
    site, address = site_of(request), ""
    with suppress(DeclinedInside):
        if site.knows.openid is not None:
            reply = await site.ask(request, "begin-openid", browser=browser, code=code)
            address = reply.said["address"]
    return {"openid": address, "openid_name": site.knows.openid or ""}


async def return_from_openid(request: Request) -> Response:
    """Show a page that leads on after an OpenID login: browsers send no cookies with another site's link."""
    given = {name: request.query_params.get(name, "") for name in ("code", "state")}
    return site_of(request).page(request, "onward.html", onward=f"/login/openid/done?{urlencode(given)}")


async def finish_openid(request: Request) -> Response:
    """Finish an OpenID login, or a new login by which a person without a passkey confirms an act."""
    site, query = site_of(request), request.query_params
    told = {"given": query.get("code", ""), "state": query.get("state", "")}
    if told["state"].startswith(OF_AN_ACT):
        reply = await site.ask(request, "confirm", **told)
        return site.page(request, "done.html", reply.me, sentence=reply.said["sentence"], back="/")
    browser = site.held_by(request, _ATTEMPT)
    try:
        reply = await site.ask(request, "finish-openid", browser=browser, **told)
    except DeclinedInside as declined:
        return await show_login(request, problem=str(declined), status=declined.status)
    return _entered(site, reply, site.held_by(request, TO))


async def show_invitation(request: Request, problem: str = "", status: int = 200) -> Response:
    """Show the page of an invitation link. The invitation is used up only when its form is sent."""
    site, browser = site_of(request), secrets.token_urlsafe(32)
    response = site.page(request, "invitation.html", secret=browser, status=status, problem=problem)
    site.set_secret(response, _ATTEMPT, browser)
    return response


def _entered(site: Site, reply: Reply, to: str = "/") -> Response:
    response = see(to if is_ours(to) else "/")
    site.drop_secret(response, _ATTEMPT)
    site.drop_secret(response, TO)
    site.set_secret(response, "session", reply.said["session"])
    return response
