"""Keep the logins at the web door, under the limits, penalties, idle time and revocation of SSH logins.

A passkey is enrolled, confirmed, published and revoked as any SSH key. It is the OpenSSH key of the kind
sk-ecdsa-sha2-nistp256@openssh.com (OpenSSH, PROTOCOL.u2f) whose application is "ssh:" and the host of the web
door, WebAuthn's relying party. No other key is admitted here. Nor can a passkey log in over SSH, since a
browser signs for the host, without the "ssh:" that SSH demands.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Iterator

import asyncssh
from asyncssh.packet import PacketDecodeError, SSHPacket
from webauthn.helpers import base64url_to_bytes, encode_cbor

from gateway.home import PROVIDER_ID, Published
from gateway.intake.disk import on_disk
from gateway.ssh.answers import Declined, denied, failed
from gateway.ssh.door import Guest
from gateway.ssh.serving import LoggedIn, Service
from gateway.zones.passkeys import SECONDS, host_of, verified_count

_KIND = "sk-ecdsa-sha2-nistp256@openssh.com"
_LINE = re.compile(rf"{re.escape(_KIND)} [A-Za-z0-9+/=]{{100,1000}}")
_POINT_BYTES = 65
# Tried for unknown providers. Anybody can sign with it (its secret is 1), and it lets nobody in.
_GENERATOR = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"  # pragma: allowlist secret
)
_UNCOMPRESSED = 4
_DIGEST_BYTES = 32


def signer(
    published: Published, origin: str, provider: str, assertion: bytes, challenge: bytes
) -> tuple[asyncssh.SSHKey, int] | None:
    """Return the published passkey of `provider` that signed `challenge`, and its count of signatures so far.
    Return None if no published passkey did. `assertion`: the browser's answer, in JSON. `origin`: the web
    door's address in browsers. For an unknown provider the same work is done, so the time taken shows nobody
    which providers exist. Call in a worker thread.
    """
    known = list(passkeys_of(published, provider, host_of(origin)))
    text = assertion.decode("utf-8", "replace")
    if not known:
        verified_count(text, challenge, origin, _cose(_GENERATOR), 0)
    for key, cose in known:
        if (count := verified_count(text, challenge, origin, cose, 0)) is not None:
            return key, count
    return None


def passkeys_of(published: Published, provider: str, host: str) -> Iterator[tuple[asyncssh.SSHKey, bytes]]:
    """Yield the passkeys published for a provider with `host` as relying party: SSH key, and COSE key."""
    if PROVIDER_ID.fullmatch(provider) is None:
        return
    try:
        text = (published.provider(provider) / "authorized_keys").read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in _LINE.findall(text):
        try:
            key = asyncssh.import_public_key(line)
            packet = SSHPacket(key.public_data)
            _, curve, point, application = (packet.get_string() for _ in range(4))
        except (ValueError, PacketDecodeError):
            continue
        known = curve == b"nistp256" and len(point) == _POINT_BYTES and point[0] == _UNCOMPRESSED
        if known and application == f"ssh:{host}".encode():
            yield key, _cose(point)


def _cose(point: bytes) -> bytes:
    """Return the COSE key (RFC 9052) of a point: EC2, ES256, P-256, x, y."""
    return encode_cbor({1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})


_log = logging.getLogger(__name__)

NOT_ACCEPTED = denied(
    "The passkey was not accepted. It may not be confirmed yet: ask the local authority, and try again."
)
TOO_MANY = failed("Too many people are logging in at the moment; try again in a minute.")
_LONGEST_SECONDS = 12 * 3600.0
CLIENT = "web"
"""How a login at the web door is told on receipts, in the place of an SSH client's version."""


class WebLogin:
    """One login at the web door, counted as a connection. `digest`: that of the secret in the cookie."""

    def __init__(self, sessions: WebSessions, address: str) -> None:
        self._sessions = sessions
        self.address = address
        self.provider = ""  # Known once the login is proved, as is the key.
        self.key: asyncssh.SSHKey | None = None
        self.guest: Guest | None = None
        self.digest = ""
        self.until = time.monotonic() + _LONGEST_SECONDS
        self.ended = False

    def abort(self) -> None:
        """End the login at once and free its connection slot; harmless when repeated."""
        self.ended = True
        self._sessions.open.pop(self.digest, None)
        if self.guest is not None:
            self._sessions.intake.door.leave(self.guest)

    async def still_welcome(self) -> bool:
        """Return True if the passkey is still published for its provider, and the login is not too old."""
        if self.key is None or time.monotonic() > self.until:
            return False
        return await self._sessions.intake.holds_key(self.provider, self.key, self.address)

    @property
    def by(self) -> LoggedIn:
        """The login as recorded with uploads: the provider, the key's fingerprint, and the client program."""
        assert self.key is not None  # noqa: S101 - only a proven login is asked
        return LoggedIn(self.provider, self.key.get_fingerprint(), CLIENT)


class WebSessions:
    """The logins at the web door whose address in browsers is `origin`.
    A login challenge is valid once, for one browser. Nothing is stored about a challenge before it is used.
    """

    def __init__(self, intake: Service, published: Published, origin: str) -> None:
        self.intake = intake
        self._published = published
        self._origin = origin
        self._secret = secrets.token_bytes(_DIGEST_BYTES)  # Of the challenges.
        self._used: dict[bytes, float] = {}  # The challenges used, and until when each would be valid.
        self.open: dict[str, WebLogin] = {}  # By the digest of the secret.
        self._counts: dict[str, int] = {}  # Of signatures, by passkey: a copy of one would fall behind.

    def challenge(self, browser: str) -> bytes:
        """Return a new challenge for the browser that holds the secret `browser`."""
        head = secrets.token_bytes(8) + int(time.monotonic() + SECONDS).to_bytes(8)
        return self._made(browser, head)

    def _made(self, browser: str, head: bytes) -> bytes:
        return head + hmac.digest(self._secret, head + browser.encode(), hashlib.sha256)

    def _is_valid(self, browser: str, challenge: bytes) -> bool:
        """Return True for a challenge given to this browser, neither used nor expired."""
        now, head = time.monotonic(), challenge[:16]
        until = int.from_bytes(head[8:])
        genuine = bool(browser) and hmac.compare_digest(self._made(browser, head), challenge)
        return genuine and now < until and challenge not in self._used

    async def log_in(self, browser: str, address: str, assertion: bytes) -> str:
        """Return the secret of a new session.

        Declined where no published passkey has signed, or where a limit on connections or sessions is
        reached.
        """
        door, login = self.intake.door, WebLogin(self, address)
        guest = door.enter(login.abort, address, login.still_welcome)
        if guest is None:
            raise Declined(TOO_MANY)
        login.guest = guest
        logged_in = False
        try:
            await asyncio.sleep(guest.held)
            login.provider, login.key = await self._proved(browser, assertion) or ("", None)
            if login.key is None or not await login.still_welcome():
                door.punish(guest, tried=True)
                raise Declined(NOT_ACCEPTED)
            if login.ended or not door.log_in(guest, login.provider) or not door.begin_session(guest):
                raise Declined(TOO_MANY)
            logged_in = True
        finally:
            if not logged_in:  # Also where reading failed, or the browser went away.
                door.leave(guest)
        secret = secrets.token_urlsafe(32)
        login.digest = hashlib.sha256(secret.encode()).hexdigest()
        self.open[login.digest] = login
        _log.info(
            "login %s key=%s client=web", self.intake.shown(login.provider), login.key.get_fingerprint()
        )
        return secret

    async def _proved(self, browser: str, assertion: bytes) -> tuple[str, asyncssh.SSHKey] | None:
        """Return the provider, and its passkey that signed a valid challenge of this browser; else None."""
        try:
            response = json.loads(assertion)["response"]
            provider = base64url_to_bytes(response["userHandle"]).decode("ascii").partition(":")[0]
            stated = json.loads(base64url_to_bytes(response["clientDataJSON"]))["challenge"]
            challenge = base64url_to_bytes(stated)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        if not self._is_valid(browser, challenge):
            return None
        proved = await on_disk(signer, self._published, self._origin, provider, assertion, challenge)
        # Meanwhile the same assertion may have come a second time.
        if proved is None or not self._is_valid(browser, challenge):
            return None
        now = time.monotonic()
        self._used = {known: until for known, until in self._used.items() if until > now}
        self._used[challenge] = now + SECONDS
        key, count = proved
        fingerprint = key.get_fingerprint()
        if count and count <= self._counts.get(fingerprint, 0):
            return None
        self._counts[fingerprint] = count
        return provider, key

    def find(self, secret: str, address: str) -> WebLogin | None:
        """Return the login with this secret and address, and record activity; None if there is none."""
        login = self.open.get(hashlib.sha256(secret.encode()).hexdigest())
        if login is None or login.address != address or time.monotonic() > login.until:
            return None
        if login.guest is not None:
            self.intake.door.touch(login.guest)
        return login
