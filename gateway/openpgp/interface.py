"""The interface of every engine for opening sealed files: the sealed file, the content, and the contract.

`open` returns content only if the file is one integrity-protected OpenPGP message, holding exactly one
literal (a packet of data), with exactly one valid signature over all of it by one of the given senders, made
within the time window of the limits. Everything else is a named refusal.
"""

import fcntl
import hashlib
import io
import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, NamedTuple, Protocol, Self

from gateway.errors import Fault, Refusal, as_fault
from gateway.home.settings import OpenLimits
from gateway.model import Opened
from gateway.zones.memory import anonymous_memory, closing_descriptor, in_memory
from gateway.zones.sealing import mended, needs_mending

FIXED = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
"""Seals of a memfd (see fcntl(2)) that make a finished content immutable."""
_NO_MEMORY = "no memory for the content"
UNREADABLE = "the sealed file cannot be read"


class Content:
    """Plaintext being written: at most `cap` bytes in anonymous memory (a memfd), hashed with SHA-256.
    A memfd is a file without a name, gone with the last descriptor; plaintext is held nowhere else. Use as a
    context: an error closes the descriptor; `finish` gives the descriptor to the caller.
    """

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._digest, self.size = hashlib.sha256(), 0
        with as_fault(_NO_MEMORY):
            self.descriptor = anonymous_memory("content", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)

    def __enter__(self) -> Self:
        """Return this content, to be written."""
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
        with as_fault(_NO_MEMORY):
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]

    def restart(self) -> None:
        """Discard the written bytes."""
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


def is_fixed(descriptor: int) -> bool:
    """Return True for the descriptor of a finished `Content`, which nobody can change any more."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & FIXED == FIXED
    except OSError:
        return False


class OpenFile(NamedTuple):
    """An open sealed file, with the methods of `Path` that engines use. All readers share one position."""

    descriptor: int

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Open the file for reading from the start."""
        again = os.dup(self.descriptor)
        os.lseek(again, 0, os.SEEK_SET)
        return os.fdopen(again, mode)

    def read_bytes(self) -> bytes:
        """Return the whole file."""
        with self.open("rb") as file:
            return file.read()

    def stat(self) -> os.stat_result:
        """Return the file's status."""
        return os.fstat(self.descriptor)


Sealed = Path | OpenFile
Certs = Sequence[bytes]
"""Certificates, armored or binary."""
_HEAD_BYTES = 4_096


class SealedSource(NamedTuple):
    """A sealed file at `path`. `text`: the armored text, mended; None if nothing had to be mended."""

    path: Sealed
    text: bytes | None = None

    @classmethod
    def at(cls, path: Sealed, limits: OpenLimits) -> Self:
        """Return the file at `path`, repaired if needed. Refusal if too large; Fault if unreadable."""
        with as_fault(UNREADABLE), path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > limits.sealed_bytes:
                raise Refusal("open:too-large")
            start = file.read(_HEAD_BYTES)
            if not needs_mending(start):
                return cls(path)
            whole = start + file.read(limits.embedded_sealed_bytes + 1 - len(start))
        if len(whole) > limits.embedded_sealed_bytes:
            raise Refusal("open:too-large")
        return cls(path, mended(whole))

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.path.stat().st_size if self.text is None else len(self.text)

    def open(self) -> BinaryIO:
        """Open the file for reading from the start. OSError for an unreadable file."""
        return self.path.open("rb") if self.text is None else io.BytesIO(self.text)

    def read(self, limits: OpenLimits) -> bytes:
        """Return the whole file. Refusal if the file is too large for the embedded engine."""
        with as_fault(UNREADABLE), self.open() as file:
            data = file.read(limits.embedded_sealed_bytes + 1)
        if len(data) > limits.embedded_sealed_bytes:
            raise Refusal("open:too-large")
        return data

    def descriptor(self, stack: ExitStack) -> int:
        """Return a descriptor at the start of the file, for another program; `stack` closes it."""
        if self.text is None:
            return stack.enter_context(self.path.open("rb")).fileno()
        return stack.enter_context(closing_descriptor(in_memory(self.text)))


class Opener(Protocol):
    """An engine that opens sealed files with the gateway's own keys."""

    name: str

    def open(self, sealed: Sealed, senders: Certs, limits: OpenLimits, now: datetime) -> Opened:
        """Open a sealed file signed by one of the certificates `senders` (armored or binary).
        Refusal, with a code of `gateway.reasons`, for a faulty file; Fault for a failure of the gateway. The
        caller closes `Opened.content`.
        """
        ...

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """Open again a file accepted earlier; return a descriptor, for the caller to close.
        The signature is not checked again: the certificate may have ended since. Raises Fault if the SHA-256
        of the content is not `sha256`. `session`: the result of `session_key` for this file; if given, no key
        of the gateway is needed.
        """
        ...

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """Return the session key of a file as CIPHER:HEX; None if no key of the gateway fits."""
        ...
