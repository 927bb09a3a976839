"""Answer programs: the path of each act is made of the words of its command (`/openapi.json` lists all).

A request has the credential of a program in its header (RFC 6750). The inside decides on every request.
Refusals are problem details (RFC 9457).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.browsing.guard import problem
from gateway.console.entering import site_of
from gateway.console.inside import DeclinedInside
from gateway.console.pages import collected
from gateway.console.site import address_of
from gateway.errors import trace_of
from gateway.zones.console_api import PAGE, ConsoleQuestion, Declining
from gateway.zones.http_paths import CREDENTIAL, ROOT, row_number

_log = logging.getLogger(__name__)
_COLLECTING = "mailbox collect"
_MOST = 500
"""The most rows of a list in one answer, as the inside allows."""
_HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"www-authenticate": "Bearer"},
    HTTPStatus.METHOD_NOT_ALLOWED: {"allow": "GET"},
}
_TROUBLE = "The gateway cannot do this at the moment. Try again; then tell whoever runs it."


async def _describe(request: Request) -> Response:
    """Return the OpenAPI description of the API to anybody. The description is the same for every gateway."""
    reply = await site_of(request).ask(request, "api")
    return Response(reply.said["document"], media_type="application/json")


async def _ask(request: Request) -> Response:
    """Answer a program's question (an act without effect). For "mailbox collect", stream the file."""
    act, query = _act(request), request.query_params
    if act == _COLLECTING:
        if request.method != "GET":  # HEAD comes here, too, and brings no file.
            return _problem(HTTPStatus.METHOD_NOT_ALLOWED, "A file is collected by GET alone.")
        wanted = {name: query.get(name, "") for name in ("team", "reference")}
        return await collected(site_of(request), _question(request, **wanted))
    fields = {
        name: tuple(values) if len(values := query.getlist(name)) > 1 else values[0]
        for name in query
        if name not in {"limit", "after"}
    }
    limit = row_number(query.get("limit", str(PAGE)))
    if not limit or limit > _MOST:
        return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"limit: enter a number of rows from 1 to {_MOST}")
    return await _whole(
        request, "ask", act=act, fields=fields, whole=True, after=query.get("after", ""), limit=limit
    )


async def _carry_out(request: Request) -> Response:
    """Carry out an act; a repeated Idempotency-Key gets the first answer again."""
    try:
        fields = json.loads(await request.body())
    except (ValueError, RecursionError):
        return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The body of the request is no JSON.")
    if isinstance(fields, dict):  # Many clients write null for what is not given.
        fields = {name: value for name, value in fields.items() if value is not None}
    key = request.headers.get("idempotency-key", "")
    return await _whole(request, "carry-out", act=_act(request), fields=fields, key=key)


def _act(request: Request) -> str:
    return str(request.path_params["act"]).replace("/", " ")


def _question(request: Request, **fields: object) -> ConsoleQuestion:
    """Return a question with the program's credential from the request. DeclinedInside without one."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.startswith(CREDENTIAL):
        said = Declining(status=401, sentence="The request needs the credential of a program.")
        raise DeclinedInside(401, said)
    origin, address = site_of(request).origin, address_of(request)
    return ConsoleQuestion(origin=origin, address=address, session=secret, fields=fields)


async def _whole(request: Request, name: str, **fields: object) -> Response:
    reply = await site_of(request).inside.ask(name, _question(request, **fields))
    return Response(reply.said["whole"], media_type="application/json")


def _problem(status: int, detail: str) -> Response:
    return problem(status, detail, _HEADERS.get(status))


def _answering(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler `answer`, wrapped to return each refusal or error as problem details (RFC 9457)."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except DeclinedInside as declined:
            return _problem(declined.to_programs, str(declined))
        except (ValidationError, ValueError):
            return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The request does not make sense.")
        except HTTPException as error:
            return _problem(error.status_code, "There is no such thing.")
        except Exception as error:  # noqa: BLE001 - this is the boundary
            _log.error("api-failed %s", trace_of(error))
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, _TROUBLE)

    return answered


ROUTES = [
    Route("/openapi.json", _answering(_describe), methods=["GET"]),
    Route(f"{ROOT}/{{act:path}}", _answering(_ask), methods=["GET"]),
    Route(f"{ROOT}/{{act:path}}", _answering(_carry_out), methods=["POST"]),
]
"""The addresses of programs."""
