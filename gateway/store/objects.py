"""Keep sealed files in an S3 store, through obstore. docs/cluster.md lists the keys of the objects.

No valid object is ever overwritten. If two hosts store different files under one reference, at least one of
them gets an error. A large file takes two steps, content and index, because S3 cannot put an object in parts
on the condition that the name is unused. As one file may be small and the other large, each host checks for
an object of the other kind after storing its own: at least one of the hosts finds one. A content without an
index, left by a dead host, is removed with its reference.

A copy is named by its digest, so it is the same on every host, and a host taking over fetches it.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from errno import EACCES, EEXIST, EREMOTEIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store
from pydantic import ValidationError

from gateway.errors import ConfigurationError
from gateway.home import REFERENCE, checked_provider, checked_reference
from gateway.home.settings import read_toml
from gateway.home.settings_file import File
from gateway.home.store_settings import StoreSettings
from gateway.store import Kept
from gateway.zones.failpoints import passing
from gateway.zones.memory import closing_descriptor, in_memory

if TYPE_CHECKING:  # There when types are checked only.
    from obstore.store import ClientConfig, S3Config

_TRIES_AGAIN = 2
_CONNECT = "5s"
_SHOWN = 300
SMALL_BYTES = 8 * 1024**2
_PART_BYTES = 8 * 1024**2  # S3's minimum is 5 MiB; ten thousand parts of this size are 80 GiB.
_PARTS_AT_ONCE = 2
_READ_BYTES = 1024**2
_DIGEST = "sha256"
_TOKEN_BYTES = 16
_SMALL, _LARGE, _CONTENT, _SESSION, _COPY, _POLICY = "small", "large", "content", "session", "copy", "policy"
_OTHER = {_SMALL: _LARGE, _LARGE: _SMALL}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AT_ONCE, _PROBE_BYTES = 8, 5 * 1024**2
_FIRST, _SECOND, _NOTE = b"the first", b"the second", "noted"
_OTHER_TEMPORARY = Path("/var/tmp")  # noqa: S108 - sealed data, in a nameless file
_log = logging.getLogger(__name__)


class Credentials(File):
    """The contents of the file that [store] names as `credentials_file`, in TOML."""

    access_key_id: str
    secret_access_key: str


def client_of(settings: StoreSettings) -> S3Store:
    """Return a client of the bucket that `settings` name.
    ConfigurationError if one of the files named there is unreadable, or if other users may read the
    credentials.
    """
    file = settings.credentials_file or Path()
    options: ClientConfig = {
        "allow_http": (settings.endpoint or "").startswith("http://"),
        "connect_timeout": _CONNECT,
        "timeout": timedelta(seconds=settings.seconds),
    }
    try:
        if file.stat().st_mode & 0o007:
            raise ConfigurationError(f"{file} is open to other users: chmod 600 {file}")
        if settings.ca_file is not None:
            options["root_certificate"] = settings.ca_file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: {error.strerror}") from None
    credentials = read_toml(file, Credentials)
    config: S3Config = {
        "region": settings.region,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "checksum_algorithm": "SHA256",
    }
    if settings.endpoint is not None:
        config["endpoint"] = settings.endpoint
    bucket, folder = settings.place
    return S3Store(
        bucket,
        prefix=folder or None,
        config=config,
        client_options=options,
        retry_config={"max_retries": _TRIES_AGAIN, "retry_timeout": timedelta(seconds=settings.seconds)},
    )


@contextmanager
def as_os_error() -> Iterator[None]:
    """Convert errors of the store or network inside the context to OSError; log the first line of their text.

    FileNotFoundError passes as it is.
    """
    try:
        yield
    except AlreadyExistsError:
        raise FileExistsError(EEXIST, "it is there already") from None
    except BaseError as error:
        # Object keys hold only references, so the first line names nobody.
        _log.error("the store: %s", str(error).partition("\n")[0][:_SHOWN])
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            raise PermissionError(EACCES, "the store does not take these credentials for it") from None
        raise OSError(EREMOTEIO, "the store does not do it") from None


class Large(File):
    """Content of the object large/REFERENCE: which uploaded content of a large file is the valid one."""

    token: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The sealed files in a folder of an S3 bucket. May be used by several threads at once.

    `scratch`: the folder for files too large for memory while being read.
    """

    client: S3Store
    scratch: Path

    def put(self, reference: str, source: int, size: int) -> Kept:
        """Store at most `size` bytes read from a descriptor; return the size and digest of what was stored.
        The file is durable after return.
        """
        start = b""
        while len(start) <= SMALL_BYTES and (
            part := os.read(source, min(_READ_BYTES, size - len(start), SMALL_BYTES + 1 - len(start)))
        ):
            start += part
        if len(start) <= SMALL_BYTES:
            kept = Kept(len(start), hashlib.sha256(start).hexdigest())
            self._create(_SMALL, reference, start, kept)
            passing("claim.stored")
            return kept
        digest, read = hashlib.sha256(), 0

        def parts() -> Iterator[bytes]:
            nonlocal read
            part = start
            while part:
                digest.update(part)
                read += len(part)
                yield part
                part = os.read(source, min(_READ_BYTES, size - read))

        token = secrets.token_hex(_TOKEN_BYTES)
        path = f"{_content(reference)}{token}"
        with as_os_error():
            obstore.put(
                self.client,
                path,
                parts(),
                use_multipart=True,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        passing("claim.copied")
        kept = Kept(read, digest.hexdigest())
        named = Large(token=token, size=kept.size, sha256=kept.sha256)
        try:
            made = self._create(_LARGE, reference, named.model_dump_json().encode(), kept)
        except FileExistsError:
            self._forget(reference, named)
            raise
        if not made:  # An earlier attempt put the same.
            self._forget(reference, named)
        passing("claim.stored")
        return kept

    def _forget(self, reference: str, large: Large) -> None:
        """Remove an uploaded content, if the index does not name it.
        The index may name it although creating the index failed: if the answer to the first request was lost,
        the client itself repeats the request, and is told that its own index is there already.
        """
        with suppress(FileNotFoundError, FileExistsError):
            if self._large(reference).token == large.token:
                return
        self._delete([f"{_content(reference)}{large.token}"])

    def _create(self, kind: str, reference: str, body: bytes, kept: Kept) -> bool:
        """Create the object of the file `kept` in small/ or large/ (`kind`); return False if already stored.
        FileExistsError if another file is stored under the reference.
        """
        path, other = f"{kind}/{checked_reference(reference)}", f"{_OTHER[kind]}/{reference}"
        made = True
        try:
            with as_os_error():
                obstore.put(self.client, path, body, mode="create", attributes={_DIGEST: kept.sha256})
        except FileExistsError:
            if self._stated(kind, reference) != kept:
                raise
            made = False
        if self._is_there(other):
            if made:
                self._delete([path])
            raise FileExistsError(EEXIST, "another file has this reference")
        return made

    def _stated(self, kind: str, reference: str) -> Kept:
        """Return size and digest of the file under a reference in small/ or large/ (`kind`), read anew.
        FileExistsError for a damaged file, which is another one by now.
        """
        if kind == _LARGE:
            large = self._large(reference)
            with suppress(FileNotFoundError):
                return Kept(large.size, self.digest(reference))
            raise FileExistsError(EEXIST, f"{_content(reference)} lacks what was put")
        content = self._small(reference, None)
        return Kept(len(content), hashlib.sha256(content).hexdigest())

    def _get(self, path: str) -> bytes:
        with as_os_error():
            return bytes(obstore.get(self.client, path).bytes())

    def put_session(self, reference: str, session: bytes) -> None:
        """Store a file's session key, resealed to a newer key of the gateway; replace an earlier one."""
        with as_os_error():
            obstore.put(self.client, f"{_SESSION}/{checked_reference(reference)}", session)

    def settle(self) -> None:
        """Do nothing: in an S3 store each object is durable once stored."""
        passing("claim.durable")

    @contextmanager
    def reading(self, reference: str, most: int | None = None) -> Iterator[int]:
        """Yield a descriptor of a copy of a file, or of its first `most` bytes.

        The copy lies in memory, or in a nameless file if large. FileNotFoundError if no file has the
        reference.
        """
        content: bytes | None = None
        with suppress(FileNotFoundError):
            content = self._small(reference, most)
        if content is not None:
            with closing_descriptor(in_memory(content)) as descriptor:
                yield descriptor
            return
        large, digest = self._large(reference), hashlib.sha256()
        folder = self.scratch if os.access(self.scratch, os.W_OK) else _OTHER_TEMPORARY
        with TemporaryFile(dir=folder) as file:
            for part in self._parts_of(reference, large, most):
                digest.update(part)
                file.write(part)
            if most is None and digest.hexdigest() != large.sha256:
                raise OSError(EREMOTEIO, "the file is not the one that was put")
            file.seek(0)
            yield file.fileno()

    def _small(self, reference: str, most: int | None) -> bytes:
        with as_os_error():
            path = f"{_SMALL}/{checked_reference(reference)}"
            found = obstore.get(self.client, path)
            if most is not None and most < found.meta["size"]:
                return bytes(obstore.get_range(self.client, path, start=0, end=most))
            stated, content = found.attributes.get(_DIGEST, ""), bytes(found.bytes())
        if _SHA256.fullmatch(stated) and hashlib.sha256(content).hexdigest() != stated:
            raise FileExistsError(EEXIST, "the file is not the one that was put")
        return content

    def _parts_of(self, reference: str, large: Large, most: int | None = None) -> Iterator[bytes]:
        """Yield a large content in parts, one request each, because one long request may time out."""
        path = f"{_content(reference)}{large.token}"
        end = large.size if most is None else min(most, large.size)
        for start in range(0, end, _PART_BYTES):
            with as_os_error():
                part = obstore.get_range(self.client, path, start=start, end=min(end, start + _PART_BYTES))
            yield bytes(part)

    def _large(self, reference: str) -> Large:
        path = f"{_LARGE}/{checked_reference(reference)}"
        text = self._get(path)
        try:
            return Large.model_validate_json(text)
        except ValidationError:
            raise FileExistsError(EEXIST, f"{path} is not what was put") from None

    @contextmanager
    def reading_session(self, reference: str) -> Iterator[int | None]:
        """Yield a descriptor of a file's session key in anonymous memory; None if none is stored."""
        try:
            session = self._get(f"{_SESSION}/{checked_reference(reference)}")
        except FileNotFoundError:
            yield None
            return
        with closing_descriptor(in_memory(session)) as descriptor:
            yield descriptor

    def digest(self, reference: str) -> str:
        """Return the SHA-256 (hex) of the stored content, read anew."""
        try:
            return hashlib.sha256(self._get(f"{_SMALL}/{checked_reference(reference)}")).hexdigest()
        except FileNotFoundError:
            digest = hashlib.sha256()
            for part in self._parts_of(reference, self._large(reference)):
                digest.update(part)
            return digest.hexdigest()

    def has(self, reference: str) -> bool:
        """Return True if a file is stored under the reference."""
        name = checked_reference(reference)
        return self._is_there(f"{_SMALL}/{name}") or self._is_there(f"{_LARGE}/{name}")

    def references(self) -> Iterator[str]:
        """Yield the references of the stored files, in order."""
        yield from heapq.merge(self._named(_SMALL), self._named(_LARGE))

    def sessions(self) -> Iterator[str]:
        """Yield the references of the stored session keys, in order."""
        yield from self._named(_SESSION)

    def remove(self, references: Iterable[str]) -> None:
        """Remove files with all their contents, session keys and sealed copies."""
        for reference in references:
            kinds = (_SMALL, _LARGE, _SESSION)
            named = [f"{kind}/{checked_reference(reference)}" for kind in kinds]
            copies = self._paths(f"{_COPY}/{reference}/")
            self._delete([*self._paths(_content(reference)), *copies, *named])

    def put_copy(self, reference: str, provider: str, sha256: str, source: int) -> None:
        """Store a sealed copy, read from the start of the descriptor `source`. May be repeated."""
        os.lseek(source, 0, os.SEEK_SET)
        parts = iter(lambda: os.read(source, _READ_BYTES), b"")
        with as_os_error():
            obstore.put(self.client, _copy(reference, provider, sha256), parts, chunk_size=_PART_BYTES)

    def fetch_copy(self, reference: str, provider: str, sha256: str) -> int:
        """Return a descriptor of a sealed copy in a nameless file, for the caller to close.
        FileNotFoundError if the copy is missing, another OSError if the copy was changed.
        """
        digest = hashlib.sha256()
        with TemporaryFile() as file:
            with as_os_error():
                for part in obstore.get(self.client, _copy(reference, provider, sha256)).stream():
                    digest.update(part)
                    file.write(part)
            if digest.hexdigest() != sha256:
                raise OSError(EREMOTEIO, "the copy is not the one that was put")
            file.flush()
            return os.dup(file.fileno())

    def remove_copies(self, reference: str, provider: str | None = None, but: str | None = None) -> None:
        """Remove the sealed copies of a file for one provider, or for all, except the one with digest `but`.
        Do nothing if there are none.
        """
        name = checked_reference(reference)
        place = f"{_COPY}/{name}/" if provider is None else _copy(name, provider, "")
        self._delete([path for path in self._paths(place) if path.rpartition("/")[2] != but])

    def remove_other_copies(self, due: Callable[[], Collection[tuple[str, ...]]]) -> None:
        """Remove the sealed copies except those `due`, which returns their references and providers.
        `due` is called after the store is listed: a copy put later stays.
        """
        there = list(self._paths(f"{_COPY}/"))
        kept = due()
        self._delete([path for path in there if tuple(path.split("/")[1:3]) not in kept])

    def put_policies(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Store the files of a version of the policies. May be repeated."""
        for name, content in files.items():
            with as_os_error():
                obstore.put(self.client, f"{_POLICY}/{digest}/{name}", content)

    def fetch_policies(self, digest: str) -> dict[str, bytes]:
        """Return the files of a version of the policies by name; {} if missing."""
        place = f"{_POLICY}/{digest}/"
        return {path.removeprefix(place): self._get(path) for path in self._paths(place)}

    def free(self) -> int | None:
        """Return None: an S3 store does not report free space."""
        return None

    def faults(self, *, overwrites_alone: bool = False) -> Iterator[str]:
        """Yield a sentence for each promise of S3 broken by the store; some stores break one without an
        error.
        All tests work below probe/, and clean up afterwards. `overwrites_alone`: only test if the store
        overwrites objects that should only be created. OSError if the store does not answer.
        """
        folder = f"probe/{secrets.token_hex(8)}"
        try:
            self._creates(f"{folder}/one", _FIRST)
            if self._creates(f"{folder}/one", _SECOND) or self._get(f"{folder}/one") != _FIRST:
                yield (
                    "it overwrites an object that it was asked to create only if there is none "
                    "(If-None-Match: *), and says nothing: a file could take the place of another"
                )
            if not overwrites_alone:
                yield from self._further_faults(folder)
        finally:
            self._delete(list(self._paths(folder)))

    def _further_faults(self, folder: str) -> Iterator[str]:
        """Yield a sentence for each promise of S3 broken by the store in further tests.
        The tests are of simultaneous creation, ranges, attributes, objects in parts, listing and removal.
        """
        with ThreadPoolExecutor(_AT_ONCE, "probe") as pool:
            won = list(pool.map(lambda n: self._creates(f"{folder}/race", b"%d" % n), range(_AT_ONCE)))
        if won.count(True) != 1:
            yield (
                f"of {_AT_ONCE} who created one object at the same time {won.count(True)} were told they did"
            )
        path = f"{folder}/object"
        self._creates(path, _FIRST)
        part = b""
        with suppress(OSError), as_os_error():
            part = bytes(obstore.get_range(self.client, path, start=4, end=9))
        if part != _FIRST[4:9]:
            yield "it does not give the part of an object that it was asked for (Range)"
        with as_os_error():
            found = obstore.get(self.client, path)
            said, content = found.attributes.get(_DIGEST), bytes(found.bytes())
        if (said, content) != (_NOTE, _FIRST):
            yield (
                "it loses what is noted beside an object (x-amz-meta-): what is damaged in it is found late"
            )
        parts = [os.urandom(_PROBE_BYTES), _SECOND]
        with as_os_error():
            obstore.put(
                self.client, f"{folder}/parts", iter(parts), use_multipart=True, chunk_size=_PROBE_BYTES
            )
        if self._get(f"{folder}/parts") != b"".join(parts):
            yield "what was put in parts comes back altered"
        if path not in self._paths(folder):
            yield "it does not list at once what was made"
        self._delete([path, f"{folder}/never"])
        if path in self._paths(folder) or not self._creates(path, _SECOND):
            yield "what was removed is still there"

    def _creates(self, path: str, content: bytes) -> bool:
        """Create an object with an attribute; return False if the object is already there."""
        try:
            with as_os_error():
                obstore.put(self.client, path, content, mode="create", attributes={_DIGEST: _NOTE})
        except FileExistsError:
            return False
        return True

    def _is_there(self, path: str) -> bool:
        try:
            with as_os_error():
                obstore.head(self.client, path)
        except FileNotFoundError:
            return False
        return True

    def _named(self, kind: str) -> Iterator[str]:
        for path in self._paths(f"{kind}/"):
            name = path.removeprefix(f"{kind}/")
            if REFERENCE.fullmatch(name):
                yield name

    def _paths(self, prefix: str) -> Iterator[str]:
        pages = obstore.list(self.client, prefix)
        while True:
            with as_os_error():
                page = next(pages, None)
            if page is None:
                return
            yield from (found["path"] for found in page)

    def _delete(self, paths: list[str]) -> None:
        with as_os_error():
            obstore.delete(self.client, paths)


def _content(reference: str) -> str:
    return f"{_CONTENT}/{checked_reference(reference)}/"


def _copy(reference: str, provider: str, sha256: str) -> str:
    return f"{_COPY}/{checked_reference(reference)}/{checked_provider(provider)}/{sha256}"
