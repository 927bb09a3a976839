"""Passkeys by which people of a provider log in at the web door (W3C WebAuthn Level 3).

A passkey is enrolled, confirmed, published and revoked as any SSH key. It is the OpenSSH key of the kind
sk-ecdsa-sha2-nistp256@openssh.com (OpenSSH, PROTOCOL.u2f) whose application is "ssh:" and the host of the
web door, WebAuthn's relying party. No other key is admitted here. Nor does a passkey log in over SSH: what it
signs names the host alone, and SSH demands the whole application.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncssh
from asyncssh.packet import PacketDecodeError, SSHPacket
from webauthn import generate_authentication_options, options_to_json, verify_authentication_response
from webauthn.helpers import base64url_to_bytes, encode_cbor
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import UserVerificationRequirement

from gateway.home import PROVIDER_ID, Published

SECONDS = 300.0
"""How long a challenge may be signed."""
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


@dataclass(frozen=True, slots=True)
class WebPasskey:
    """A passkey of a provider: its SSH key, and its public key as a COSE key (RFC 9052)."""

    provider: str
    key: asyncssh.SSHKey
    cose: bytes


class WebChallenges:
    """WebChallenges for browsers, each good for one of them, once. Nothing is kept before a login.

    `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(_DIGEST_BYTES)
        self._used: dict[bytes, float] = {}

    def give(self, browser: str) -> bytes:
        """Return a challenge for the browser that holds a secret."""
        return self._made(browser, secrets.token_bytes(8) + int(self._clock() + SECONDS).to_bytes(8))

    def take(self, browser: str, challenge: bytes) -> bool:
        """Return True for an unused challenge of this browser in time."""
        now, head = self._clock(), challenge[:16]
        until = int.from_bytes(head[8:])
        genuine = bool(browser) and hmac.compare_digest(self._made(browser, head), challenge)
        return genuine and now < until and challenge not in self._used

    def use(self, challenge: bytes) -> None:
        """Let a signed challenge not be used again."""
        now = self._clock()
        self._used = {known: until for known, until in self._used.items() if until > now}
        self._used[challenge] = now + SECONDS

    def _made(self, browser: str, head: bytes) -> bytes:
        return head + hmac.digest(self._secret, head + browser.encode(), hashlib.sha256)


def to_sign(origin: str, challenge: bytes) -> str:
    """Return the browser's options (JSON) to sign with any passkey that it holds for this site."""
    options = generate_authentication_options(
        rp_id=host_of(origin),
        challenge=challenge,
        timeout=int(SECONDS * 1000),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def host_of(origin: str) -> str:
    """Return the relying party of an origin: its host."""
    return urlsplit(origin).hostname or ""


def claimed(assertion: bytes) -> tuple[str, bytes]:
    """Return the provider and the challenge that an assertion claims. ValueError for no assertion."""
    try:
        response = json.loads(assertion)["response"]
        provider = base64url_to_bytes(response["userHandle"]).decode("ascii").partition(":")[0]
        challenge = json.loads(base64url_to_bytes(response["clientDataJSON"]))["challenge"]
        return provider, base64url_to_bytes(challenge)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError("no assertion") from None


def signer(
    published: Published, origin: str, provider: str, assertion: bytes, challenge: bytes
) -> tuple[WebPasskey, int] | None:
    """Return the published passkey of `provider` that signed the challenge at `origin`, and its count.

    For a worker thread. None where no such passkey has; an unknown provider takes the same steps.
    """
    known = list(of_provider(published, provider, host_of(origin)))
    if not known:
        _count(origin, _cose(_GENERATOR), assertion, challenge)
    for passkey in known:
        if (count := _count(origin, passkey.cose, assertion, challenge)) is not None:
            return passkey, count
    return None


def _count(origin: str, cose: bytes, assertion: bytes, challenge: bytes) -> int | None:
    """Return the count of signatures in an assertion by this key; None where another made it."""
    try:
        return verify_authentication_response(
            credential=assertion.decode("utf-8"),
            expected_challenge=challenge,
            expected_rp_id=host_of(origin),
            expected_origin=origin,
            credential_public_key=cose,
            credential_current_sign_count=0,
            require_user_verification=True,
        ).new_sign_count
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
        return None


def of_provider(published: Published, provider: str, host: str) -> Iterator[WebPasskey]:
    """Yield the passkeys published for a provider whose relying party is `host`."""
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
            yield WebPasskey(provider, key, _cose(point))


def _cose(point: bytes) -> bytes:
    """Return the COSE key of a point: EC2, ES256, P-256, x, y."""
    return encode_cbor({1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
