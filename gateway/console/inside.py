"""The console's client of the console API, which the mailboxes service offers (“the inside”)."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import NamedTuple

import httpx
from pydantic_core import from_json

from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home
from gateway.zones.console_api import ConsoleKnows, ConsoleQuestion, Declining, Shown
from gateway.zones.console_api.serving import KEPT_SECONDS, socket_in

_SECONDS = 120.0
# Idle connections expire here before they do inside, so that no question meets a closed one.
_LIMITS = httpx.Limits(max_connections=64, keepalive_expiry=KEPT_SECONDS / 2)
_UNREACHED = Declining(
    status=503, sentence="The inside of the gateway does not answer at the moment. Try again in a minute."
)


class DeclinedInside(GatewayError):  # noqa: N818 - an answer, seldom an error
    """A refusal by the inside: an HTTP status for browsers, and a sentence.

    - `options`: if a passkey has to sign first, the options of the browser's request to the passkey.
    - `again`: the address of a login by which a person without a passkey confirms the act instead.
    - `to_programs`: the HTTP status for programs. `fields`: a sentence for each wrong field, by name.
    """

    def __init__(self, status: int, said: Declining) -> None:
        super().__init__(said.sentence)
        self.status, self.to_programs, self.fields = status, said.status, said.fields
        self.options, self.again = said.options, said.again


class Reply(NamedTuple):
    """An answer of the inside (`said`), with the name, teams and rights of the logged-in person (`me`).
    Times are text.
    """

    me: Shown
    said: Shown


class Inside:
    """A client of the console API of one home."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, name: str, question: ConsoleQuestion) -> Reply:
        """Send a question to the function `name` of the API; return the answer. DeclinedInside if refused."""
        try:
            response = await self._client.post(f"/{name}", content=question.model_dump_json())
        except httpx.TransportError:
            raise DeclinedInside(503, _UNREACHED) from None
        if response.status_code != httpx.codes.OK:
            raise _declined(response)
        return Reply(**from_json(response.content))

    @asynccontextmanager
    async def collected(self, question: ConsoleQuestion) -> AsyncIterator[httpx.Response]:
        """Collect a file; yield a response that streams the file. DeclinedInside if the inside refuses."""
        try:
            async with self._client.stream(
                "POST", "/collect", content=question.model_dump_json()
            ) as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise _declined(response)
                yield response
        except httpx.TransportError:
            raise DeclinedInside(503, _UNREACHED) from None


@asynccontextmanager
async def inside_of(home: Home) -> AsyncIterator[Inside]:
    """Yield a client of the console API of `home`. ConfigurationError if the API's socket is missing."""
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
    """Return the settings that the console gets from the inside. ConfigurationError without an answer."""
    try:
        reply = await inside.ask("settings", ConsoleQuestion(origin="", address=""))
        return ConsoleKnows.model_validate(reply.said)
    except DeclinedInside as declined:
        raise ConfigurationError(f"the settings could not be asked for: {declined}") from None


def _declined(response: httpx.Response) -> DeclinedInside:
    try:
        said = Declining.model_validate_json(response.content)
    except ValueError:
        return DeclinedInside(503, _UNREACHED)
    return DeclinedInside(response.status_code, said)
