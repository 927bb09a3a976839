"""Tokens of an OpenID Connect provider that are not the one that was asked for: none logs anybody in."""

from __future__ import annotations

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from gateway.home.settings import OpenIdSettings
from gateway.mailboxes.console_api.openid import (
    NotProvedError,
    OpenIdProvider,
    ProviderSilentError,
    attempt_values,
)
from tests.ports import free_port

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
AT = int(NOW.timestamp())
CHALLENGE = b"c" * 32
STATE, NONCE, _ = attempt_values(CHALLENGE, act=False)
KEY = RSAKey.generate_key(2048, {"kid": "one"})
ANOTHER = RSAKey.generate_key(2048, {"kid": "one"})


class Told(ThreadingHTTPServer):
    """What the provider publishes, by path; its metadata from another place where it has `moved`; no good
    answer from the path that is `broken`.
    """

    token = broken = ""
    moved = False
    answers: dict[str, Any]

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Told

    def do_GET(self) -> None:
        if self.server.moved and not self.path.startswith("/there"):
            self.send_response(302)
            self.send_header("location", f"/there{self.path}")
            self.end_headers()
            return
        self._send(self.server.answers[self.path.removeprefix("/there")])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._send({"access_token": "a", "token_type": "Bearer", "id_token": self.server.token})

    def _send(self, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(503 if self.path == self.server.broken else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    server = Told(("localhost", 0), _Answer)
    about = {
        name: f"{server.issuer}/{name}" for name in ("token_endpoint", "jwks_uri", "authorization_endpoint")
    }
    server.answers = {
        "/.well-known/openid-configuration": {"issuer": server.issuer, **about},
        "/jwks_uri": {"keys": [KEY.as_dict(private=False)]},
    }
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def subject(told: Told, token: str) -> str:
    told.token = token
    provider = OpenIdProvider(OpenIdSettings(issuer=told.issuer, client_id="gateway"))
    return provider.subject(CHALLENGE, "http://localhost:1", code="c", state=STATE, now=NOW, since=None)


def claims(told: Told, **changed: object) -> dict[str, object]:
    known = {"iss": told.issuer, "aud": "gateway", "sub": "anna", "iat": AT, "exp": AT + 300}
    return {**known, "nonce": NONCE, **changed}


def signed(told: Told, key: RSAKey = KEY, **changed: object) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims(told, **changed), key)


def by_the_public_key(told: Told) -> str:
    """The public key as a shared secret, for whoever takes the token's word for the algorithm."""
    what = unsigned(told, "HS256").removesuffix(".")
    return f"{what}.{as_base64(hmac.digest(KEY.as_pem(private=False), what.encode(), 'sha256'))}"


def unsigned(told: Told, algorithm: str = "none") -> str:
    header = json.dumps({"alg": algorithm, "kid": "one"}).encode()
    return f"{as_base64(header)}.{as_base64(json.dumps(claims(told)).encode())}."


def as_base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def test_the_token_that_was_asked_for_is_taken(told: Told) -> None:
    assert subject(told, signed(told)) == "anna"


@pytest.mark.parametrize(
    "token",
    [
        lambda told: signed(told, iss="http://localhost:1"),
        lambda told: signed(told, aud="another"),
        lambda told: signed(told, nonce="another"),
        lambda told: signed(told, exp=AT - 61),
        lambda told: signed(told, sub=""),
        lambda told: signed(told, ANOTHER),
        by_the_public_key,
        unsigned,
    ],
    ids=["issuer", "audience", "nonce", "expired", "nobody", "key", "algorithm", "unsigned"],
)
def test_no_other_token_is_taken(told: Told, token: Callable[[Told], str]) -> None:
    with pytest.raises(NotProvedError):
        subject(told, token(told))


def test_metadata_of_another_issuer_is_not_taken(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    about = told.answers["/.well-known/openid-configuration"]
    monkeypatch.setitem(about, "issuer", "http://localhost:1")
    with pytest.raises(NotProvedError):
        subject(told, signed(told))


def test_metadata_is_followed_nowhere_else(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "moved", True)
    with pytest.raises(NotProvedError):
        subject(told, signed(told))


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", None], ids=lambda name: name or "all of it")
def test_a_provider_that_does_not_answer_is_not_told_as_a_wrong_account(
    told: Told, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    """Nothing was guessed, so nobody is penalised for it, and nobody asks for an invitation in vain."""
    nowhere = f"http://localhost:{free_port()}"
    if name is not None:
        monkeypatch.setitem(told.answers["/.well-known/openid-configuration"], name, nowhere)
    provider = OpenIdProvider(OpenIdSettings(issuer=told.issuer if name else nowhere, client_id="gateway"))
    told.token = signed(told)
    with pytest.raises(ProviderSilentError, match="does not answer"):
        provider.subject(CHALLENGE, "http://localhost:1", code="c", state=STATE, now=NOW, since=None)


@pytest.mark.parametrize("path", ["/token_endpoint", "/jwks_uri", "/.well-known/openid-configuration"])
def test_a_provider_that_is_broken_is_not_told_as_a_wrong_account(
    told: Told, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(told, "broken", path)
    with pytest.raises(ProviderSilentError, match="does not answer"):
        subject(told, signed(told))
