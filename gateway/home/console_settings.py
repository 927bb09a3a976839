"""What an administrator sets of the console: where it listens, by which name, who logs staff in."""

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
    """An address that browsers let passkeys work at."""
    if not _ORIGIN.fullmatch(text):
        raise ValueError("it is https:// and a name, without a path: https://gateway.example.gov.uk")
    return text


def _issuer(text: str) -> str:
    """The address of an OpenID Connect provider."""
    if not _ISSUER.fullmatch(text):
        raise ValueError("it is https:// and what follows, as the provider's tokens name it")
    return text


class OpenIdSettings(File):
    """The OpenID Connect provider at which staff log in, besides passkeys.

    `issuer`: its address, as its tokens name it. `client_secret_file` holds what proves us to it, where it
    gave us something. `name`: what people call it.
    """

    issuer: Annotated[str, AfterValidator(_issuer)]
    client_id: str = Field(min_length=1, max_length=200)
    client_secret_file: Path | None = None
    name: str = Field(default="the council's account", min_length=1, max_length=60)

    def secret(self) -> str | None:
        """What proves us to the provider. ConfigurationError where it cannot be read."""
        if self.client_secret_file is None:
            return None
        try:
            return self.client_secret_file.read_text("utf-8").strip()
        except OSError as error:
            raise ConfigurationError(
                f"[console.openid]: {self.client_secret_file} cannot be read: {error.strerror}"
            ) from None


class ConsoleSettings(File):
    """Where the console listens, and what browsers know it by.

    `origin`: the address that people type, without a path, such as https://gateway.example.gov.uk; none is
    http://localhost with the port, which works on this machine alone. `certificate` and `certificate_key`:
    for HTTPS without a reverse proxy in front; `proxies`: the addresses of those that are; `openid`: where
    staff may log in besides.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=2224, ge=0, le=65535)
    origin: Annotated[str, AfterValidator(_origin)] | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    proxies: tuple[str, ...] = ()
    openid: OpenIdSettings | None = None
