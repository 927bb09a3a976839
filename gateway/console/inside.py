"""The console's client of the console API: send questions, return answers, raise refusals."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
from pydantic import JsonValue, TypeAdapter
from pydantic_core import from_json

from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home
from gateway.home.settings_file import File
from gateway.zones.console_api import ConsoleQuestion, OfPerson
from gateway.zones.console_api.answers import ConsoleKnows, Declining, Me
from gateway.zones.console_api.questions import AskSettings, Collect
from gateway.zones.console_api.serving import KEPT_SECONDS, socket_in

A = TypeVar("A")
F = TypeVar("F", bound=File)
Shown = dict[str, Any]
"""What a page shows: JSON, whose moments and days are text."""
_SHOWN: TypeAdapter[Shown] = TypeAdapter(dict[str, JsonValue])
_SECONDS = 120.0
# Idle connections expire here before they do inside, so that no question meets a closed one.
_LIMITS = httpx.Limits(max_connections=64, keepalive_expiry=KEPT_SECONDS / 2)
_UNREACHED = Declining(
    status=503, sentence="The inside of the gateway does not answer at the moment. Try again in a minute."
)


class DeclinedInside(GatewayError):  # noqa: N818 - an answer, seldom an error
    """A refusal by the inside: HTTP status and sentence; `options` if a passkey has to sign first.

    `again`: the address for a new login, for a person without a passkey. `to_programs`: the status in the
    API. `fields` are the wrong fields of a form, each with a sentence.
    """

    def __init__(self, status: int, said: Declining) -> None:
        super().__init__(said.sentence)
        self.status, self.to_programs, self.fields = status, said.status, said.fields
        self.options, self.again = said.options, said.again


@dataclass(frozen=True, slots=True)
class Reply(Generic[A]):
    """An answer for a logged-in person, with the person's name and rights."""

    me: Me
    said: A


class Inside:
    """A client of the console API of one home."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, question: ConsoleQuestion) -> Shown:
        """Send a question that needs no login; return the answer. DeclinedInside if refused."""
        return _SHOWN.validate_python((await self._sent(question))["said"])

    async def reply(self, question: OfPerson, kind: type[F]) -> Reply[F]:
        """Send a question of a logged-in person; return the answer as `kind`. DeclinedInside if refused."""
        whole = await self._sent(question)
        return Reply(Me.model_validate(whole["me"]), kind.model_validate(whole["said"]))

    async def shown(self, question: OfPerson) -> Reply[Shown]:
        """Return the contents of a page for a logged-in person. DeclinedInside if refused."""
        whole = await self._sent(question)
        return Reply(Me.model_validate(whole["me"]), _SHOWN.validate_python(whole["said"]))

    @asynccontextmanager
    async def collected(self, question: Collect) -> AsyncIterator[httpx.Response]:
        """Yield a collected file as a streaming response. DeclinedInside if refused."""
        try:
            async with self._client.stream(
                "POST", question.path(), json=question.model_dump(mode="json")
            ) as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise _declined(response)
                yield response
        except httpx.TransportError:
            raise DeclinedInside(503, _UNREACHED) from None

    async def _sent(self, question: ConsoleQuestion) -> dict[str, object]:
        try:
            response = await self._client.post(question.path(), content=question.model_dump_json())
        except httpx.TransportError:
            raise DeclinedInside(503, _UNREACHED) from None
        if response.status_code != httpx.codes.OK:
            raise _declined(response)
        whole: dict[str, object] = from_json(response.content)
        return whole


@asynccontextmanager
async def inside_of(home: Home) -> AsyncIterator[Inside]:
    """Yield a client of the console API of `home`. ConfigurationError if its socket is missing."""
    with ExitStack() as stack:
        try:
            place = stack.enter_context(socket_in(home.console))
        except FileNotFoundError:
            raise ConfigurationError(
                f"{home.console} is missing: the mailboxes make it when they start (gateway serve mailboxes)"
            ) from None
        transport = httpx.AsyncHTTPTransport(uds=place, limits=_LIMITS)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://inside", timeout=_SECONDS
        ) as client:
            yield Inside(client)


async def settings_of(inside: Inside) -> ConsoleKnows:
    """Return the settings that the console needs. ConfigurationError without an answer from inside."""
    try:
        return ConsoleKnows.model_validate(await inside.ask(AskSettings(origin="", address="")))
    except DeclinedInside as declined:
        raise ConfigurationError(f"the settings could not be asked for: {declined}") from None


def _declined(response: httpx.Response) -> DeclinedInside:
    try:
        said = Declining.model_validate_json(response.content)
    except ValueError:
        return DeclinedInside(503, _UNREACHED)
    return DeclinedInside(response.status_code, said)
