"""The console's settings: listening address, origin, login provider."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.errors import ConfigurationError
from gateway.home.settings_file import File

_ORIGIN = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?|http://localhost:[0-9]{1,5}")
_ISSUER = re.compile(r"https://[^\s?#]{1,300}|http://localhost:[0-9]{1,5}")


def _origin(text: str) -> str:
    """Return an origin at which browsers allow passkeys; ValueError otherwise."""
    if not _ORIGIN.fullmatch(text):
        raise ValueError("it is https:// and a name, without a path: https://gateway.example.gov.uk")
    return text


def _issuer(text: str) -> str:
    """Return the address of an OpenID Connect provider; ValueError otherwise."""
    if not _ISSUER.fullmatch(text):
        raise ValueError("it is https:// and what follows, as the provider's tokens name it")
    return text


class OpenIdSettings(File):
    """The OpenID Connect provider for staff logins, besides passkeys.

    `issuer`: the address named in tokens. `client_secret_file`: the client secret, if issued. `name`: the
    provider's name for people.
    """

    issuer: Annotated[str, AfterValidator(_issuer)]
    client_id: str = Field(min_length=1, max_length=200)
    client_secret_file: Path | None = None
    name: str = Field(default="the council's account", min_length=1, max_length=60)

    def secret(self) -> str | None:
        """Return the client secret, if any. ConfigurationError for an unreadable file."""
        if self.client_secret_file is None:
            return None
        try:
            return self.client_secret_file.read_text("utf-8").strip()
        except OSError as error:
            raise ConfigurationError(
                f"[console.openid]: {self.client_secret_file} cannot be read: {error.strerror}"
            ) from None


class ConsoleSettings(File):
    """The console's listening address, and its origin in browsers.

    `origin`: the address typed by people, without a path, such as https://gateway.example.gov.uk; by default
    http://localhost with the port, working on this machine alone. `certificate` and `certificate_key`: for
    HTTPS without a reverse proxy; `proxies`: the addresses of reverse proxies; `openid`: a further login for
    staff.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=2224, ge=0, le=65535)
    origin: Annotated[str, AfterValidator(_origin)] | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    proxies: tuple[str, ...] = ()
    openid: OpenIdSettings | None = None
