"""Which store a home has: its folder sealed/, or the S3 store that its settings name."""

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
    from gateway.store.shared_copies import SharedCopies
    from gateway.store.shared_policies import SharedPolicies

# What an S3 store needs is imported where one is named: nobody else has, or waits for, its packages.


def store_of(home: Home, settings: Settings | None = None) -> Store:
    """The store of a home, by its settings or by `settings`, where these are known already.

    ConfigurationError where gateway.toml names a store that this installation cannot use.
    """
    known = settings or load_settings(home)
    return SealedFolder(home.root / "sealed") if known.store.url is None else _shared(home, known)


def copies_of(home: Home, settings: Settings) -> SharedCopies | None:
    """Where hosts find the copies that others have sealed; None where the store is the home's own folder."""
    if settings.store.url is None:
        return None
    store = _shared(home, settings)
    from gateway.store.shared_copies import SharedCopies  # noqa: PLC0415

    return SharedCopies(store.client)


def policies_of(home: Home, settings: Settings) -> SharedPolicies | None:
    """Where several hosts find versions of the policies; None where a host works alone."""
    if not settings.host.shares:
        return None
    store = _shared(home, settings)
    from gateway.store.shared_policies import SharedPolicies  # noqa: PLC0415

    return SharedPolicies(store.client)


def check_store(home: Home, settings: Settings) -> None:
    """ConfigurationError where a home's store may replace files silently; OSError: it does not answer."""
    if settings.store.url is not None:
        store = store_of(home, settings)
        from gateway.store.conformance import check  # noqa: PLC0415

        check(store)


def faults_of_store(home: Home, settings: Settings) -> Iterator[str]:
    """Every promise that the store of a home does not keep. OSError where it does not answer."""
    if settings.store.url is not None:
        store = store_of(home, settings)
        from gateway.store.conformance import faults_of  # noqa: PLC0415

        yield from faults_of(store)


@lru_cache(maxsize=4)
def _shared(home: Home, settings: Settings) -> ObjectStore:
    """One client for a process: it keeps its connections."""
    try:
        from gateway.store.objects import object_store  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise ConfigurationError(
            "gateway.toml: store: an S3 store needs more packages: pip install 'gateway[cluster]'"
        ) from None
    return object_store(settings.store, scratch=home.root / "sealed")
