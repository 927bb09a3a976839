"""The console API: the console sends each question over HTTP on a Unix socket, and gets the answer.

A question may be declined with a sentence. Errors leave only as fixed answers: no exception text reaches a
person unless written for people.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from functools import cache
from inspect import signature
from typing import Any, NamedTuple, TypeVar, get_type_hints

from pydantic import BaseModel, ValidationError, create_model
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.access import QUESTIONS, AccessRight
from gateway.acts.mailboxes import CollectFile
from gateway.errors import Fault, GatewayError, NotFoundError, trace_of
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.mailboxes.console_api import carrying_out, evidence, files, logins, policies, schools, today
from gateway.mailboxes.console_api.carrying_out import for_pages, learn_acts, telling_what
from gateway.mailboxes.console_api.challenges import Challenges, GuessedError, SharedChallenges
from gateway.mailboxes.console_api.context import (
    NOT_HERE,
    NOT_LOGGED_IN,
    Caller,
    ConsoleContext,
    DecliningError,
    caller,
    team_named,
)
from gateway.mailboxes.console_api.openid import OpenIdProvider
from gateway.mailboxes.contents import FileOrder, OpenContent
from gateway.mailboxes.mailbox_access import AccessEnded, Person
from gateway.mailboxes.names import file_name
from gateway.mailboxes.tree import SharedResources
from gateway.ssh.answers import Declined
from gateway.ssh.door import Penalties
from gateway.zones.console_api import ConsoleQuestion, Declining, Shown
from gateway.zones.console_api.serving import QuietServer, at_work, config_of, listening

_log = logging.getLogger(__name__)
T = TypeVar("T")
_PIECE = 256 * 1024
_OURS = 503
_MOST_BYTES = 2 * 1024**2
"""More than any question needs: the longest is a receipt, up to six times as long in JSON."""
_TROUBLE = "The gateway cannot do this at the moment. Try again; then tell whoever runs it."
_TOLD: tuple[tuple[type[Exception], int, int, str], ...] = (
    (AccessEnded, 401, 401, NOT_LOGGED_IN),
    (HTTPException, 413, 413, "The question is too long."),
    (NotFoundError, 404, 404, NOT_HERE),
    (ValidationError, 400, 422, "That request does not make sense."),
    (Fault, _OURS, _OURS, _TROUBLE),
    (Declined, 403, 404, ""),
    (GatewayError, 403, 409, ""),
    (Exception, _OURS, _OURS, _TROUBLE),
)
"""The answer to each kind of error, first match: the HTTP status for people, the status for programs, and the
sentence; "" for the text of the error."""


class Way(NamedTuple):
    """The way to answer a question: by the function `answer`. Its keyword parameters are the question's
    fields. `writes`: True if answering changes something. `own`: True if the answer is from the caller's own
    mailboxes. If both are False, the answer is limited to files within the person's sight.
    """

    answer: Callable[..., BaseModel | Shown]
    writes: bool = False
    own: bool = False


WAYS = {
    # Asked before anybody is logged in: `gateway/access.py` has them as unnamed.
    "settings": Way(logins.ask_settings),
    "api": Way(carrying_out.describe),
    "begin-login": Way(logins.begin_login),
    "log-in": Way(logins.log_in, writes=True),
    "begin-enrolment": Way(logins.begin_enrolment),
    "enrol": Way(logins.enrol, writes=True),
    "begin-openid": Way(logins.begin_openid),
    "finish-openid": Way(logins.finish_openid, writes=True),
    # Asked by persons and programs.
    "log-out": Way(logins.log_out, writes=True),
    "leave-first-steps": Way(logins.leave_first_steps, writes=True),
    "confirm": Way(logins.confirm),
    "acts": Way(carrying_out.ask_acts),
    "ask": Way(carrying_out.ask, own=True),
    "carry-out": Way(carrying_out.carry_out, writes=True),
    # Asked to show a page.
    "agreement": Way(evidence.ask_agreement),
    "file": Way(files.ask_file, own=True),
    "held-file": Way(files.ask_held_file),
    "mailbox": Way(files.ask_mailbox, own=True),
    "me": Way(logins.ask_me),
    "openings": Way(evidence.ask_openings),
    "policies": Way(policies.ask_policies),
    "policy-edit": Way(policies.ask_edit),
    "receipt": Way(evidence.verify_receipt),
    "school": Way(schools.ask_school),
    "schools": Way(schools.ask_schools),
    "today": Way(today.ask_today),
    "watch": Way(evidence.ask_watch),
}
"""Every question by name but `collect`, whose answer is no JSON."""


@cache
def fields_of(answer: Callable[..., object]) -> type[BaseModel]:
    """Return a model of a function's keyword parameters, to validate the fields of a question."""
    types = get_type_hints(answer, include_extras=True)
    declared: dict[str, Any] = {
        one.name: (types[one.name], ... if one.default is one.empty else one.default)
        for one in signature(answer).parameters.values()
        if one.kind is one.KEYWORD_ONLY
    }
    return create_model("Fields", **declared)


class ConsoleApi:
    """The HTTP application of the console API. Blocking work runs in the threads of `resources`."""

    def __init__(self, console: ConsoleContext, resources: SharedResources) -> None:
        self._console = console
        self._resources = resources
        routes = [
            Route("/collect", self._guarded(self._collect), methods=["POST"]),
            Route("/{question}", self._guarded(self._answer), methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def _answer(self, request: Request) -> Response:
        name = str(request.path_params["question"])
        if (way := WAYS.get(name)) is None:
            raise NotFoundError(name)
        question = ConsoleQuestion.model_validate_json(await _asked(request))
        threads = self._resources.writers if way.writes else self._resources.readers
        return await _in(threads, self._answered, name, way, question)

    def _answered(self, name: str, way: Way, question: ConsoleQuestion) -> Response:
        """Answer the question called `name`; ignore fields that the answering function does not take."""
        console, fields = self._console, fields_of(way.answer)
        if name != "settings":  # Which the console asks before it has an address.
            console.check_origin(question.origin)
        asked_by: Caller | ConsoleQuestion = question
        me: Shown | None = None
        if QUESTIONS[name] is not AccessRight.UNNAMED:
            asked_by = who = caller(console, question)
            if way.writes and name != "log-out":
                who.check_confirmed()
            who.check_question(name)
            teams = [team_named(console.catalogue(), team) for team in who.teams]
            me = {"name": who.name, "teams": teams, "may": who.may}
            if not way.writes and not way.own:
                console = console.within(who.sight)
        parts = dict(fields.model_validate(question.fields))
        with telling_what(who, parts["act"], parts["fields"]) if "act" in parts else contextlib.nullcontext():
            said = way.answer(console, asked_by, **parts)
        return Response(to_json({"me": me, "said": said}), media_type="application/json")

    def _guarded(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """Return a handler that turns an error of `answer` into a sentence, and logs the gateway's faults."""

        async def guarded(request: Request) -> Response:
            try:
                answered: Response = await answer(request)
            except Exception as error:  # noqa: BLE001 - this is the boundary
                if isinstance(error, GuessedError):
                    await asyncio.sleep(error.pause)
                if isinstance(error, DecliningError):
                    status, told, sentence, parts = error.status, error.to_programs, "", error.parts
                else:
                    _, status, told, sentence = next(one for one in _TOLD if isinstance(error, one[0]))
                    parts = {}
                if status == _OURS:
                    _log.error("console-api-failed %s", trace_of(error))
                said = Declining(status=told, sentence=sentence or for_pages(str(error)), **parts)
                return JSONResponse(said.model_dump(), status_code=status)
            return answered

        return guarded

    async def _collect(self, request: Request) -> Response:
        """Open the team's view of a file, record the collection, then stream the view."""
        question = ConsoleQuestion.model_validate_json(await _asked(request))
        self._console.check_origin(question.origin)
        team, reference = (str(question.fields.get(name, "")) for name in ("team", "reference"))
        readers = self._resources.readers
        who = await _in(readers, caller, self._console, question)
        who.check_question("collect")
        who.check_act(CollectFile.command, CollectFile.right, by_program=CollectFile.by_program)
        mailboxes = self._console.mailboxes
        with telling_what(who, CollectFile.command, question.fields):
            place = await _in(readers, mailboxes.place, who.person, team, reference)
            order = await _in(readers, mailboxes.order, who.person, place)
        content = await self._resources.contents.borrow(order, who.name)
        try:
            await _in(self._resources.writers, mailboxes.collect, who.person, place, content.given)
        except BaseException:
            self._resources.contents.give_back(content, who.name)
            raise
        return _FileGiven(self._resources, who.person, content, order)


class _FileGiven(StreamingResponse):
    """A streaming response with a collected file; the file is closed even if the client leaves early."""

    def __init__(
        self, resources: SharedResources, person: Person, content: OpenContent, order: FileOrder
    ) -> None:
        self._resources, self._person, self._content = resources, person, content
        self._order = order  # Not the content's: whoever opened the content first may be of another team.
        name = file_name(order.delivery)
        headers = {"content-length": str(content.given.size), "x-gateway-name": name}
        super().__init__(self._pieces(), media_type="application/octet-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._resources.contents.give_back(self._content, self._person.name)

    async def _pieces(self) -> AsyncIterator[bytes]:
        """Yield the file piece by piece; stop if it is withdrawn, or the person's access ends."""
        mailboxes, offset = self._resources.mailboxes, 0
        while True:
            await _in(self._resources.readers, mailboxes.check_reading, self._person, self._order)
            piece = self._resources.contents.read(self._content, offset, _PIECE)
            if not piece:
                return
            yield piece
            offset += len(piece)


async def _asked(request: Request) -> bytes:
    """Return the body of a question. HTTPException as soon as the body exceeds the maximum length."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise HTTPException(413)
    return bytes(body)


async def _in(threads: Executor, call: Callable[..., T], *arguments: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, call, *arguments)


def console_context(home: Home, resources: SharedResources) -> ConsoleContext:
    """Make the context of the console API of `home`."""
    settings = load_settings(home)
    openid = settings.console.openid
    return ConsoleContext(
        home=home,
        settings=settings,
        mailboxes=resources.mailboxes,
        challenges=SharedChallenges(resources.mailboxes.registry)
        if settings.host.shares
        else Challenges(time.monotonic),
        penalties=Penalties(resources.limits, time.monotonic),
        limits=resources.limits,
        openid=None if openid is None else OpenIdProvider(openid),
    )


@contextlib.asynccontextmanager
async def console_api_open(home: Home, resources: SharedResources) -> AsyncIterator[None]:
    """Answer the console's questions until the context ends."""
    console = console_context(home, resources)
    console.judged()  # Computed now, so that the first question need not wait.
    learn_acts()
    api = ConsoleApi(console, resources)
    async with at_work(QuietServer(config_of(api.app)), [listening(home.console)]):
        yield
