"""Logins at the web door: guests at intake's own door, with its caps, penalties, idle time and revocation."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from typing import Protocol

import asyncssh

from gateway.home import Published
from gateway.intake.disk import on_disk
from gateway.intake.passkeys import WebChallenges, WebPasskey, claimed, signer
from gateway.intake.tree import ProviderTree
from gateway.ssh.answers import Declined, denied, failed
from gateway.ssh.door import Door, Guest
from gateway.ssh.visitor import LoggedIn

_log = logging.getLogger(__name__)

NOT_ACCEPTED = denied(
    "The passkey was not accepted. It may not be confirmed yet: ask the local authority, and try again."
)
TOO_MANY = failed("Too many people are logging in at the moment; try again in a minute.")
_LONGEST_SECONDS = 12 * 3600.0
CLIENT = "web"
"""How a login at the web door is told on receipts, in the place of an SSH client's version."""


class RunningIntake(Protocol):
    """What the web door asks of the running intake, whose rules hold at both doors."""

    door: Door

    def shown(self, name: str) -> str:
        """Return the provider's id, for log lines."""
        ...

    async def holds_key(self, name: str, key: asyncssh.SSHKey, address: str) -> bool:
        """Return True if `key` is published for the provider `name`, and may be used from `address`."""
        ...

    def tree(self, by: LoggedIn) -> ProviderTree:
        """Return the tree of a logged-in provider."""
        ...


class WebLogin:
    """One login, with the door's interface of a connection. `secret` is kept as a digest only."""

    def __init__(self, sessions: WebSessions, address: str) -> None:
        self._sessions = sessions
        self.address = address
        self.passkey: WebPasskey | None = None
        self.guest: Guest | None = None
        self.digest = ""
        self.until = time.monotonic() + _LONGEST_SECONDS
        self.ended = False

    def abort(self) -> None:
        """End the login at once, and give its place at the door back."""
        self.ended = True
        self._sessions.forget(self)

    async def still_welcome(self) -> bool:
        """Return True if the passkey is still published for its provider."""
        one = self.passkey
        if one is None or time.monotonic() > self.until:
            return False
        return await self._sessions.intake.holds_key(one.provider, one.key, self.address)

    @property
    def by(self) -> LoggedIn:
        """The login, as uploads tell of it."""
        assert self.passkey is not None  # noqa: S101 - only a proven login is asked
        return LoggedIn(self.passkey.provider, self.passkey.key.get_fingerprint(), CLIENT)


class WebSessions:
    """The logins at the web door of `origin`."""

    def __init__(self, intake: RunningIntake, published: Published, origin: str) -> None:
        self.intake = intake
        self._published = published
        self._origin = origin
        self.challenges = WebChallenges()
        self._open: dict[str, WebLogin] = {}
        self._counts: dict[str, int] = {}  # Of signatures, by passkey: a copy of one would fall behind.

    async def log_in(self, browser: str, address: str, assertion: bytes) -> str:
        """Return the secret of a new session. Declined without the signature of a published passkey."""
        door, login = self.intake.door, WebLogin(self, address)
        guest = door.enter(login, address, login.still_welcome)
        if guest is None:
            raise Declined(TOO_MANY)
        login.guest = guest
        logged_in = False
        try:
            await asyncio.sleep(guest.held)
            login.passkey = await self._proved(browser, assertion)
            if login.passkey is None or not await login.still_welcome():
                door.punish(guest, tried=True)
                raise Declined(NOT_ACCEPTED)
            if login.ended or not door.log_in(guest, login.passkey.provider) or not door.begin_session(guest):
                raise Declined(TOO_MANY)
            logged_in = True
        finally:
            if not logged_in:  # Also where reading failed, or the browser went away.
                door.leave(guest)
        secret = secrets.token_urlsafe(32)
        login.digest = _digest(secret)
        self._open[login.digest] = login
        shown = self.intake.shown(login.passkey.provider)
        _log.info("login %s key=%s web", shown, login.passkey.key.get_fingerprint())
        return secret

    async def _proved(self, browser: str, assertion: bytes) -> WebPasskey | None:
        try:
            provider, challenge = claimed(assertion)
        except ValueError:
            return None
        if not self.challenges.take(browser, challenge):
            return None
        proved = await on_disk(signer, self._published, self._origin, provider, assertion, challenge)
        # Meanwhile the same assertion may have come a second time.
        if proved is None or not self.challenges.take(browser, challenge):
            return None
        self.challenges.use(challenge)
        passkey, count = proved
        fingerprint = passkey.key.get_fingerprint()
        if count and count <= self._counts.get(fingerprint, 0):
            return None
        self._counts[fingerprint] = count
        return passkey

    def find(self, secret: str, address: str) -> WebLogin | None:
        """Return the login of a session's secret, asked from its own address; note the activity."""
        login = self._open.get(_digest(secret)) if secret else None
        if login is None or login.address != address or time.monotonic() > login.until:
            return None
        if login.guest is not None:
            self.intake.door.touch(login.guest)
        return login

    def forget(self, login: WebLogin) -> None:
        """Forget an ended login; harmless when repeated."""
        self._open.pop(login.digest, None)
        if login.guest is not None:
            self.intake.door.leave(login.guest)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
