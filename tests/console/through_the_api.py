"""A hostile console: it asks the inside whatever it likes, over the real socket."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvloop

from gateway.mailboxes.console_api.api import console_api_open
from gateway.mailboxes.server import open_resources
from gateway.registry import keys, logins, roles
from gateway.registry.roles import Role
from gateway.zones.console_api.serving import socket_in
from tests.console import on_trial  # noqa: F401 - it watches every act that is tried
from tests.console.soft_key import SoftKey
from tests.mailboxes.mailroom import Mailroom

ORIGIN = "http://localhost:2224"
HERE = "192.0.2.10"


class Console:
    """What stands in the console's place, with no scruples."""

    def __init__(self, room: Mailroom, client: httpx.Client, clock: Callable[[], datetime]) -> None:
        self.room = room
        self.client = client
        self._clock = clock

    def ask(self, question: str, /, *, session: str = "", **parts: Any) -> httpx.Response:
        """Ask, as somebody whose session it is, or as nobody."""
        envelope = {name: parts.pop(name) for name in ("address", "origin", "unattended") if name in parts}
        asked = {"origin": ORIGIN, "address": HERE, "session": session, "fields": parts, **envelope}
        return self.client.post(f"/{question}", json=asked)

    def said(self, question: str, /, **parts: Any) -> dict[str, Any]:
        """The answer; fails where it is declined."""
        response = self.ask(question, **parts)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()["said"]
        return answer

    def invite(self, name: str, hours: float = 1) -> str:
        """The code of a one-time link for a person."""
        code, now = secrets.token_urlsafe(32), self._clock()
        with self.room.registry.write() as session:
            logins.invite(
                session,
                name,
                code,
                by=f"whoever enrolled {name}",
                at=now,
                ends_at=now + timedelta(hours=hours),
            )
        return code

    def enrolled(self, name: str, key: SoftKey) -> str:
        """Let a person make a passkey and read its number out; the secret of the session that began."""
        session = self.unconfirmed(name, key)
        self.confirm(name)
        return session

    def unconfirmed(self, name: str, key: SoftKey) -> str:
        """Let a person make a passkey; the secret of the session that begins."""
        code, browser = self.invite(name), secrets.token_urlsafe(32)
        told = self.said("begin-enrolment", browser=browser, code=code)
        assert told["name"] == name
        made = key.made(told["options"], ORIGIN)
        return str(self.said("enrol", browser=browser, code=code, attestation=made)["session"])

    def confirm(self, name: str) -> None:
        """Let somebody have read the numbers of their passkeys out."""
        with self.room.registry.write() as session:
            for each in keys.list_keys(session, "staff", name):
                if each.unconfirmed:
                    keys.approve_key(session, each)

    def to_log_in(self, browser: str) -> str:
        """What a passkey is asked to sign."""
        return str(self.said("begin-login", browser=browser)["options"])

    def logged_in(self, key: SoftKey) -> str:
        """The secret of a new session."""
        browser = secrets.token_urlsafe(32)
        signed = key.signed(self.to_log_in(browser), ORIGIN)
        return str(self.said("log-in", browser=browser, assertion=signed)["session"])

    def signed(self, session: str, key: SoftKey, /, **parts: Any) -> httpx.Response:
        """Do an act of weight as somebody who confirms it with this passkey."""
        first = self.ask("carry-out", session=session, **parts)
        assert first.status_code == 409, first.text
        assertion = key.signed(first.json()["options"], ORIGIN)
        return self.ask("carry-out", session=session, **parts, assertion=assertion)

    def grant(self, name: str, role: Role) -> None:
        with self.room.registry.write() as session:
            roles.grant(session, name, role, by=f"whoever enrolled {name}", at=self._clock())


@contextmanager
def console_api_of(
    room: Mailroom, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Console]:
    """The console API of a home, open, and who asks through it."""
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    with open_resources(room.home, clock) as resources:

        async def main() -> None:
            loops.append(asyncio.get_running_loop())
            async with console_api_open(room.home, resources):
                ready.set()
                await stop.wait()

        thread = threading.Thread(target=lambda: uvloop.run(main()))
        thread.start()
        assert ready.wait(60)
        try:
            with socket_in(room.home.console) as place:
                transport = httpx.HTTPTransport(uds=place)
                with httpx.Client(transport=transport, base_url="http://inside", timeout=30) as client:
                    yield Console(room, client, clock)
        finally:
            loops[0].call_soon_threadsafe(stop.set)
            thread.join(60)
            assert not thread.is_alive()
