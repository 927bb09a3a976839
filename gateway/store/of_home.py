"""Choose a home's store: its folder sealed/, or the S3 store in its settings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import Settings, load_settings
from gateway.store.folder import SealedFolder
from gateway.store.store import Store

if TYPE_CHECKING:
    from gateway.store.objects import ObjectStore
    from gateway.store.shared_copies import SharedCopies, SharedPolicies

# Packages for an S3 store are imported only for one: other homes do not have them.


def store_of(home: Home, settings: Settings | None = None) -> Store:
    """Return the store of a home, by `settings` if given.

    ConfigurationError for a store unsupported by this installation.
    """
    known = settings or load_settings(home)
    return SealedFolder(home.root / "sealed") if known.store.url is None else _shared(home, known)


def copies_of(home: Home, settings: Settings) -> SharedCopies | None:
    """Return the store of copies sealed by other hosts; None for the home's own folder."""
    if settings.store.url is None:
        return None
    store = _shared(home, settings)
    from gateway.store.shared_copies import SharedCopies  # noqa: PLC0415

    return SharedCopies(store.client)


def policies_of(home: Home, settings: Settings) -> SharedPolicies | None:
    """Return the store of policy versions shared by hosts; None for a host working alone."""
    if not settings.host.shares:
        return None
    store = _shared(home, settings)
    from gateway.store.shared_copies import SharedPolicies  # noqa: PLC0415

    return SharedPolicies(store.client)


def check_store(home: Home, settings: Settings) -> None:
    """Raise ConfigurationError for a store replacing files silently; OSError without an answer."""
    if settings.store.url is not None:
        store = store_of(home, settings)
        from gateway.store.conformance import check  # noqa: PLC0415

        check(store)


def faults_of_store(home: Home, settings: Settings) -> Iterator[str]:
    """Yield the promises broken by a home's store. OSError without an answer."""
    if settings.store.url is not None:
        store = store_of(home, settings)
        from gateway.store.conformance import faults_of  # noqa: PLC0415

        yield from faults_of(store)


@lru_cache(maxsize=4)
def _shared(home: Home, settings: Settings) -> ObjectStore:
    """Return the process's single client, reusing its connections."""
    try:
        from gateway.store.objects import object_store  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise ConfigurationError(
            "gateway.toml: store: an S3 store needs more packages: pip install 'gateway[cluster]'"
        ) from None
    return object_store(settings.store, scratch=home.root / "sealed")
