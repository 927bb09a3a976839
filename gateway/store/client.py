"""A client of an S3 store, made from the settings; its failures are OSErrors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from errno import EACCES, EEXIST, EREMOTEIO
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from gateway.errors import ConfigurationError
from gateway.home.settings import read_toml
from gateway.home.settings_file import File
from gateway.home.store_settings import StoreSettings

if TYPE_CHECKING:  # There when types are checked only.
    from obstore.store import ClientConfig, S3Config

_TRIES_AGAIN = 2
_CONNECT = "5s"
_SHOWN = 300
_log = logging.getLogger(__name__)


class Credentials(File):
    """The contents of `credentials_file`."""

    access_key_id: str
    secret_access_key: str


def client_of(settings: StoreSettings) -> S3Store:
    """Return a client. ConfigurationError for credentials unreadable, or readable by others."""
    file = settings.credentials_file or Path()
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    if mode & 0o007:
        raise ConfigurationError(f"{file} is open to other users: chmod 600 {file}")
    credentials = read_toml(file, Credentials)
    config: S3Config = {
        "region": settings.region,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "checksum_algorithm": "SHA256",
    }
    if settings.endpoint is not None:
        config["endpoint"] = settings.endpoint
    return S3Store(
        settings.bucket,
        prefix=settings.folder or None,
        config=config,
        client_options=_client_options(settings),
        retry_config={
            "max_retries": _TRIES_AGAIN,
            "retry_timeout": timedelta(seconds=settings.seconds),
        },
    )


def _client_options(settings: StoreSettings) -> ClientConfig:
    options: ClientConfig = {
        "allow_http": (settings.endpoint or "").startswith("http://"),
        "connect_timeout": _CONNECT,
        "timeout": timedelta(seconds=settings.seconds),
    }
    if settings.ca_file is not None:
        try:
            options["root_certificate"] = settings.ca_file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{settings.ca_file}: {error.strerror}") from None
    return options


@contextmanager
def as_os_error() -> Iterator[None]:
    """Turn failures of the store or the network into OSError; FileNotFoundError passes unchanged."""
    try:
        yield
    except AlreadyExistsError:
        raise FileExistsError(EEXIST, "it is there already") from None
    except (PermissionDeniedError, UnauthenticatedError) as error:
        _log.error("the store: %s", _first_line(error))
        raise PermissionError(EACCES, "the store does not take these credentials for it") from None
    except BaseError as error:
        _log.error("the store: %s", _first_line(error))
        raise OSError(EREMOTEIO, "the store does not do it") from None


def _first_line(error: Exception) -> str:
    """Return an error in one line, including the keys of objects, made of references."""
    return str(error).partition("\n")[0][:_SHOWN]
