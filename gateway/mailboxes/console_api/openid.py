"""Identify a person through an OpenID Connect provider (OpenID Connect Core 1.0; RFC 7636).

The code exchange and the verification of the token against the provider's published keys happen inside, so
nothing depends on the console's word. State, nonce and code verifier derive from a challenge valid for one
browser, for a few minutes, once.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from gateway.errors import ConfigurationError, GatewayError
from gateway.home.settings import OpenIdSettings
from gateway.mailboxes.console_api.challenges import GuessedError
from gateway.zones.console_api import OF_AN_ACT

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

BACK = "/login/openid/back"
"""Where the provider sends the browser back to, at our origin."""
_KNOWN_SECONDS = 600.0
_UNREACHED_SECONDS = 30.0
"""The pause after a failed fetch, so that nobody opening the login page waits for a dead provider."""
_TIMEOUT = 5.0
_LEEWAY = 60
_MOST_BYTES = 512 * 1024
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class NotProvedError(GuessedError):
    """The OpenID provider did not prove the person's identity; the cause is not disclosed."""

    def __init__(self) -> None:
        super().__init__("Your account was not accepted. Try again, or ask for an invitation.")


class ProviderSilentError(GatewayError):
    """The OpenID provider cannot be reached, so nothing is proved or disproved, and nobody is penalised."""

    def __init__(self) -> None:
        super().__init__("The service that knows your account does not answer. Try again in a minute.")


def attempt_values(challenge: bytes, *, act: bool) -> tuple[str, str, str]:
    """Return the state, the nonce and the code verifier of a login attempt, made from a challenge.
    The browser brings the state back, and the provider's token repeats the nonce. The verifier, sent with the
    request for the token, proves who began the login (RFC 7636, 4.1). `act`: the login confirms an act.
    """
    made = (hmac.new(challenge, what, hashlib.sha256) for what in (b"state", b"nonce", b"verifier"))
    state, nonce, verifier = (urlsafe_b64encode(one.digest()).decode().rstrip("=") for one in made)
    return (OF_AN_ACT if act else "") + state, nonce, verifier


class OpenIdProvider:
    """An OpenID provider, thread-safe. Its published metadata is fetched again every few minutes."""

    def __init__(self, settings: OpenIdSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, dict[str, Any] | type[GatewayError]]] = {}

    def address(self, challenge: bytes, origin: str, *, act: bool = False) -> str:
        """Return the provider's login URL for one attempt, made from a challenge.
        `act`: the login is to confirm an act, so the provider must ask for a new login.
        """
        more: dict[str, Any] = {"prompt": "login", "max_age": 0} if act else {}
        state, nonce, verifier = attempt_values(challenge, act=act)
        with self._client(origin) as client:
            told, _ = client.create_authorization_url(
                self._about()["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=verifier,
                **more,
            )
        return str(told)

    def subject(
        self, challenge: bytes, origin: str, *, code: str, state: str, now: datetime, since: datetime | None
    ) -> str:
        """Return the subject identifier of the person who logged in. NotProvedError without proof,
        ProviderSilentError without an answer.
        `since`: the login must be later, because it confirms an act; None for a login that begins a session.
        """
        expected, nonce, verifier = attempt_values(challenge, act=since is not None)
        if not hmac.compare_digest(state.encode(), expected.encode()):
            raise NotProvedError
        from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - an extra, rarely installed

        with self._client(origin) as client:
            client.register_compliance_hook("access_token_response", _answered)
            try:
                told = client.fetch_token(
                    self._about()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                )
                token = str(told["id_token"])
            except httpx.TransportError:
                raise ProviderSilentError from None
            except (AuthlibBaseError, httpx.HTTPError, KeyError, ValueError):
                raise NotProvedError from None
        claims = self._claims(nonce, token, now)
        if since is not None:  # Core, 3.1.2.1, max_age.
            at = claims.get("auth_time")
            if not isinstance(at, int | float) or at < since.timestamp() - _LEEWAY:
                raise NotProvedError
        return str(claims["sub"])

    def _claims(self, nonce: str, token: str, now: datetime) -> Mapping[str, Any]:
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415 - an extra, rarely installed
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        known = self.settings
        try:
            keys = KeySet.import_key_set(self._published(self._about()["jwks_uri"]))  # type: ignore[arg-type]
            decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "values": [known.issuer]},
                    "aud": {"essential": True, "values": [known.client_id]},
                },
                {"nonce": nonce, "client_id": known.client_id},
            )
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
        except (JoseError, ValueError, KeyError, TypeError):
            raise NotProvedError from None
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise NotProvedError
        found: Mapping[str, Any] = claims
        return found

    def _client(self, origin: str) -> OAuth2Client:
        try:
            from authlib.integrations.httpx_client import OAuth2Client  # noqa: PLC0415 - an extra
        except ImportError:
            raise ConfigurationError("[console.openid]: install the extra: gateway[openid]") from None
        return OAuth2Client(
            client_id=self.settings.client_id,
            client_secret=self.settings.secret(),
            redirect_uri=f"{origin}{BACK}",
            scope="openid",
            code_challenge_method="S256",
            timeout=_TIMEOUT,
        )

    def _about(self) -> dict[str, Any]:
        """Return the provider's metadata. NotProvedError if another issuer answers."""
        told = self._published(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != self.settings.issuer:
            raise NotProvedError
        return told

    def _published(self, address: str) -> dict[str, Any]:
        """Return JSON from a URL. NotProvedError if the answer failed, is too long or is no object;
        ProviderSilentError if there is none.
        """
        with self._lock:
            until, told = self._known.get(address, (0.0, NotProvedError))
            if self._clock() >= until:
                told = _fetched(address)
                seconds = _KNOWN_SECONDS if isinstance(told, dict) else _UNREACHED_SECONDS
                self._known[address] = (self._clock() + seconds, told)
        if isinstance(told, dict):
            return told
        raise told


def _answered(answer: httpx.Response) -> httpx.Response:
    """Return the answer. ProviderSilentError for the status of a broken server."""
    if answer.status_code >= 500:  # noqa: PLR2004 - RFC 9110, 15.6
        raise ProviderSilentError
    return answer


def _fetched(address: str) -> dict[str, Any] | type[GatewayError]:
    """Return the JSON object at a URL, or the error that says why there is none."""
    try:
        answer = _answered(httpx.get(address, timeout=_TIMEOUT)).raise_for_status()
        told = answer.json() if len(answer.content) <= _MOST_BYTES else None
    except (httpx.TransportError, ProviderSilentError):
        return ProviderSilentError
    except (httpx.HTTPError, ValueError):
        return NotProvedError
    return told if isinstance(told, dict) else NotProvedError
