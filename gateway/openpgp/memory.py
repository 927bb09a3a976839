"""Hold plaintext in anonymous memory: a file without a name, gone with its last descriptor."""

import fcntl
import hashlib
import os
from types import TracebackType
from typing import Self

from gateway.errors import Fault, Refusal
from gateway.zones.memory import anonymous_memory

FIXED = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
"""Seals of a memfd (see fcntl(2)) that make a finished content immutable."""


class Content:
    """A memfd filled up to `cap` bytes and hashed with SHA-256; `into`: a memfd that others read meanwhile.
    Use as a context: leaving with an error closes the descriptor; `finish` hands it on.
    """

    def __init__(self, cap: int, into: int | None = None) -> None:
        self._cap = cap
        self._digest, self.size = hashlib.sha256(), 0
        self._is_read_meanwhile = into is not None
        self.descriptor = empty_memory() if into is None else os.dup(into)

    def __enter__(self) -> Self:
        """Return the memory."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the descriptor after an error."""
        if kind is not None:
            os.close(self.descriptor)

    def write(self, piece: bytes | memoryview) -> None:
        """Append bytes. Refusal `open:too-large` beyond the cap."""
        self.size += len(piece)
        if self.size > self._cap:
            raise Refusal("open:too-large")
        self._digest.update(piece)
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
        except OSError as error:
            raise Fault(f"no memory for the content: {error.strerror}") from error

    def restart(self) -> None:
        """Discard the written bytes; if others read the memory meanwhile, continue in new memory."""
        if self._is_read_meanwhile and self.size:
            os.dup2(empty := empty_memory(), self.descriptor, inheritable=False)
            os.close(empty)
            self._is_read_meanwhile = False
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        self._digest, self.size = hashlib.sha256(), 0

    def finish(self) -> tuple[int, int, str]:
        """Return the descriptor at offset 0, the size in bytes, and the SHA-256 in lower-case hex.
        The content is immutable from now on. Refusal `open:empty` if nothing was written.
        """
        if not self.size:
            raise Refusal("open:empty")
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, FIXED)
        return self.descriptor, self.size, self._digest.hexdigest()

    def finish_as(self, sha256: str) -> int:
        """Finish, and return the descriptor. Fault if the content's SHA-256 is not `sha256`."""
        descriptor, _, digest = self.finish()
        if digest != sha256:
            raise Fault("the stored file does not open to the content that was examined")
        return descriptor


def empty_memory() -> int:
    """Return a memfd for a content. Fault without memory."""
    try:
        return anonymous_memory("content", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError as error:
        raise Fault(f"no memory for the content: {error.strerror}") from error


def is_fixed(descriptor: int) -> bool:
    """Return True for the descriptor of a finished `Content`."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & FIXED == FIXED
    except OSError:
        return False


def in_memory(data: bytes) -> int:
    """Return a memfd at offset 0 holding `data`, for the caller to close."""
    descriptor = anonymous_memory("input")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
