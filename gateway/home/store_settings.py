"""The settings of the store of sealed files in gateway.toml."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from gateway.home.settings_file import File, written_as

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*)/?")


def _endpoint(url: str) -> str:
    """Return a store's address if it uses TLS or is on this machine; ValueError otherwise."""
    parts = urlsplit(url)
    if not parts.hostname or parts.path.strip("/") or parts.username or parts.query:
        raise ValueError("it has to be https://HOST or https://HOST:PORT")
    try:
        is_here = ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        is_here = parts.hostname == "localhost"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
        raise ValueError("it has to begin with https://; http:// is for an address of this machine only")
    return url.rstrip("/")


class StoreSettings(File):
    """[store] of gateway.toml. Without a `url`, sealed files lie in the home's folder sealed/.

    `url`: s3://BUCKET/FOLDER. `endpoint`: the store's address, https://HOST:PORT; Amazon's by default.
    `credentials_file`: a file readable only by the services, with access_key_id and secret_access_key.
    `ca_file`: a private certificate authority, in PEM. `seconds`: the time limit of one request, and again of
    all its retries together.
    """

    url: Annotated[str, written_as(_URL, "it has to be s3://BUCKET or s3://BUCKET/FOLDER")] | None = None
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    region: str = "us-east-1"
    credentials_file: Path | None = None
    ca_file: Path | None = None
    seconds: float = 30

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.url is not None and self.credentials_file is None:
            raise ValueError("credentials_file is missing: the file with access_key_id and secret_access_key")
        return self

    @property
    def place(self) -> tuple[str, str]:
        """The bucket in `url`, and the folder in it, "" if none is named. ValueError without a `url`."""
        found = _URL.fullmatch(self.url or "")
        if found is None:
            raise ValueError("no store is named")
        return found[1], found[2].strip("/")
