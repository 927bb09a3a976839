"""Choose a home's store: an S3 store, or the folder sealed/, in which each file is complete or absent."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from gateway.errors import ConfigurationError, as_fault
from gateway.home import REFERENCE, Home, checked_reference
from gateway.home.settings import Settings, load_settings
from gateway.store import Kept
from gateway.zones.failpoints import passing
from gateway.zones.memory import closing_descriptor
from gateway.zones.spool import fsync_folder, private_mode, write_durably

_CHUNK = 1024**2
_LARGE, _SYNCED_AT_ONCE = 8 * _CHUNK, 64 * _CHUNK
_FILE, _SESSION, _ASIDE = ".sealed", ".session", ".part"


if TYPE_CHECKING:
    from gateway.store.objects import ObjectStore

Store: TypeAlias = "SealedFolder | ObjectStore"
"""The sealed files of all transfers, and a session key for a few.

An OSError from any method means that the result is unknown, and the call may be repeated. `put` stores all or
nothing, and raises FileExistsError for a different file under its reference in a store shared by hosts: that
file stays unchanged. `settle` comes before reporting files as safe; after an OSError none of them counts as
stored. `reading` and `reading_session` yield descriptors at the start, for this process and its child
processes; FileNotFoundError for a missing file, another OSError for a changed one, as far as detectable.
"""


@dataclass(frozen=True, slots=True)
class SealedFolder:
    """A store in the folder sealed/ of a home: files REFERENCE.sealed, and session keys REFERENCE.session."""

    root: Path

    def put(self, reference: str, source: int, size: int) -> Kept:
        """Store at most `size` bytes read from a descriptor; return the size and digest of the file.
        The name of the file is durable only after `settle`. The file is copied, never moved: a captured
        intake must not keep a handle on stored files.
        """
        target = self.path(reference)
        aside = target.with_suffix(_ASIDE)
        flags, mode = os.O_WRONLY | os.O_CREAT | os.O_TRUNC, private_mode(self.root)
        try:
            with os.fdopen(os.open(aside, flags, mode), "wb") as file:
                digest, copied = hashlib.sha256(), 0
                if size >= _LARGE:
                    copied = _copied_at_once(source, file, size, digest.update)
                while chunk := os.read(source, min(_CHUNK, size - copied)):
                    digest.update(chunk)
                    file.write(chunk)
                    copied += len(chunk)
                file.flush()
                os.fsync(file.fileno())
            passing("claim.copied")
            aside.rename(target)
            passing("claim.stored")
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        return Kept(copied, digest.hexdigest())

    def put_session(self, reference: str, session: bytes) -> None:
        """Store a file's session key, resealed to a newer key of the gateway. Durable after return."""
        write_durably(self.session(reference), session, mode=private_mode(self.root))

    def settle(self) -> None:
        """Sync the folder, so names of files just stored survive a crash."""
        fsync_folder(self.root)
        passing("claim.durable")

    def path(self, reference: str) -> Path:
        """Return the path of a file, existing or not."""
        return self.root / f"{checked_reference(reference)}{_FILE}"

    def session(self, reference: str) -> Path:
        """Return the path of a file's session key, existing or not; few files have one."""
        return self.root / f"{checked_reference(reference)}{_SESSION}"

    def reading(self, reference: str, most: int | None = None) -> AbstractContextManager[int]:
        """Return a context that opens a file and yields its descriptor. `most` is ignored here."""
        del most
        return _opened(self.path(reference))

    @contextmanager
    def reading_session(self, reference: str) -> Iterator[int | None]:
        """Yield a descriptor of a file's session key; None if none is stored."""
        with ExitStack() as stack:
            descriptor: int | None = None
            with suppress(FileNotFoundError):
                descriptor = stack.enter_context(_opened(self.session(reference)))
            yield descriptor

    def digest(self, reference: str) -> str:
        """Return the SHA-256 (hex) of the stored file, read anew."""
        with self.path(reference).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def has(self, reference: str) -> bool:
        """Return True if a file is stored under the reference."""
        return self.path(reference).exists()

    def references(self) -> Iterator[str]:
        """Yield the references of the stored files, in order."""
        yield from self._named(_FILE)

    def sessions(self) -> Iterator[str]:
        """Yield the references of the stored session keys, in order."""
        yield from self._named(_SESSION)

    def _named(self, suffix: str) -> list[str]:
        found = (path.stem for path in self.root.glob(f"*{suffix}"))
        return sorted(name for name in found if REFERENCE.fullmatch(name))

    def remove(self, references: Iterable[str]) -> None:
        """Remove files and their session keys, durably after return."""
        for reference in references:
            self.path(reference).unlink(missing_ok=True)
            self.session(reference).unlink(missing_ok=True)
        fsync_folder(self.root)

    def free(self) -> int:
        """Return the number of free bytes on the disk of the folder."""
        return shutil.disk_usage(self.root).free


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    with closing_descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)) as descriptor:
        yield descriptor


def _copied_at_once(source: int, target: BinaryIO, size: int, digest: Callable[[bytes], None]) -> int:
    """Copy at most `size` bytes, hashing (by `digest`) and syncing in threads; return the number of bytes."""
    copied = unsynced = 0
    with ThreadPoolExecutor(1, "hash") as hashing, ThreadPoolExecutor(1, "sync") as syncing:
        hashed: Future[None] = hashing.submit(lambda: None)
        synced: Future[None] = syncing.submit(lambda: None)
        while chunk := os.read(source, min(_CHUNK, size - copied)):
            hashed.result()
            hashed = hashing.submit(digest, chunk)
            target.write(chunk)
            copied, unsynced = copied + len(chunk), unsynced + len(chunk)
            if unsynced >= _SYNCED_AT_ONCE:
                synced.result()  # A disk's error is told once.
                synced, unsynced = syncing.submit(os.fdatasync, target.fileno()), 0
        hashed.result()
        synced.result()
    return copied


# Packages for an S3 store are imported only for one: other homes do not have them.


def store_answers() -> AbstractContextManager[None]:
    """Raise a Fault in place of an OSError of the sealed store inside the context."""
    return as_fault("the sealed store does not answer")


def store_of(home: Home, settings: Settings | None = None) -> Store:
    """Return the store of a home, as named in `settings`, by default those in gateway.toml.
    ConfigurationError for an S3 store if the packages for S3 are not installed.
    """
    known = settings or load_settings(home)
    return SealedFolder(home.root / "sealed") if known.store.url is None else _shared(home, known)


def shared_store(home: Home, settings: Settings) -> ObjectStore | None:
    """Return the S3 store of a home; None for a home whose store is the folder sealed/."""
    return None if settings.store.url is None else _shared(home, settings)


def check_store(home: Home, settings: Settings) -> None:
    """Raise ConfigurationError if the S3 store replaces files silently; OSError if it does not answer."""
    for fault in list(faults_of_store(home, settings, overwrites_alone=True)):
        raise ConfigurationError(f"gateway.toml: store: {fault}")


def faults_of_store(home: Home, settings: Settings, *, overwrites_alone: bool = False) -> Iterator[str]:
    """Yield a sentence for each fault found by testing a home's S3 store; none for a store in a folder.
    `overwrites_alone`: only test if the store replaces files silently. OSError if the store does not answer.
    """
    if (store := shared_store(home, settings)) is not None:
        yield from store.faults(overwrites_alone=overwrites_alone)


@lru_cache(maxsize=4)
def _shared(home: Home, settings: Settings) -> ObjectStore:
    """Return the home's S3 store, the same object for the whole process, so connections are reused."""
    try:
        from gateway.store.objects import ObjectStore, client_of  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise ConfigurationError(
            "gateway.toml: store: an S3 store needs more packages: pip install 'gateway[cluster]'"
        ) from None
    return ObjectStore(client_of(settings.store), home.root / "sealed")
