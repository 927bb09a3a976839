"""Copies sealed to providers, kept in the S3 store for the other hosts.

    copy/REFERENCE/PROVIDER/SHA256   a sealed copy, named by its digest

So each copy is sealed once, has the same octets on every host, and a host taking over fetches missing copies
instead of opening files again. Copies are removed with their file.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from errno import EREMOTEIO
from tempfile import TemporaryFile

import obstore
from obstore.store import S3Store

from gateway.home import checked_provider, checked_reference
from gateway.store.client import as_os_error

_PART_BYTES = 8 * 1024**2
_READ_BYTES = 1024**2
KIND = "copy"


@dataclass(frozen=True, slots=True)
class SharedCopies:
    """Sealed copies in a folder of a bucket. OSError if the store does not answer."""

    client: S3Store

    def put(self, reference: str, provider: str, sha256: str, source: int) -> None:
        """Store a copy from the beginning of a descriptor. Harmless if already there."""
        os.lseek(source, 0, os.SEEK_SET)
        with as_os_error():
            obstore.put(
                self.client, _path(reference, provider, sha256), _parts(source), chunk_size=_PART_BYTES
            )

    def fetch(self, reference: str, provider: str, sha256: str) -> int:
        """Return a descriptor of a copy in a nameless file, for the caller to close.

        FileNotFoundError for a missing copy; another OSError for a changed one.
        """
        digest = hashlib.sha256()
        with TemporaryFile() as file:
            with as_os_error():
                for part in obstore.get(self.client, _path(reference, provider, sha256)).stream():
                    digest.update(part)
                    file.write(part)
            if digest.hexdigest() != sha256:
                raise OSError(EREMOTEIO, "the copy is not the one that was put")
            file.flush()
            return os.dup(file.fileno())

    def remove(self, reference: str) -> None:
        """Remove every copy of a file. Harmless without any."""
        with as_os_error():
            pages = list(obstore.list(self.client, f"{KIND}/{checked_reference(reference)}/"))
            obstore.delete(self.client, [found["path"] for page in pages for found in page])


def _path(reference: str, provider: str, sha256: str) -> str:
    return f"{KIND}/{checked_reference(reference)}/{checked_provider(provider)}/{sha256}"


def _parts(source: int) -> Iterator[bytes]:
    while part := os.read(source, _READ_BYTES):
        yield part


# Versions of the policies in the S3 store, for hosts to find versions put in force elsewhere.
# policy/DIGEST/NAME one file of a version, named by the digest of the whole, as stated in the log Every
# fetching host verifies the digest.

_KIND = "policy"


@dataclass(frozen=True, slots=True)
class SharedPolicies:
    """Versions in a folder of a bucket. OSError if the store does not answer."""

    client: S3Store

    def put(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Store the files of a version. Harmless if already there."""
        for name, content in files.items():
            with as_os_error():
                obstore.put(self.client, f"{_KIND}/{digest}/{name}", content)

    def fetch(self, digest: str) -> dict[str, bytes]:
        """Return the files of a version by name; {} if missing."""
        place, found = f"{_KIND}/{digest}/", {}
        with as_os_error():
            for page in obstore.list(self.client, place):
                for one in page:
                    content = obstore.get(self.client, one["path"]).bytes()
                    found[one["path"].removeprefix(place)] = bytes(content)
        return found
