"""The hand-over from intake to the processor: one file, complete when appearing under its final name.

`REF.landed` holds content and record (`gateway.zones.across`), both durable before the renaming. Both
zones use this one module, without secrets or registry.
"""

import os
import secrets
import stat
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from gateway.home import Spool, checked_reference
from gateway.model import Upload
from gateway.zones.across import behind_content
from gateway.zones.failpoints import passing

# Crockford's base32: no I, L, O or U, for clear dictation on the telephone.
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_UPLOAD = TypeAdapter(Upload)


def new_reference(provider: str, now: datetime) -> str:
    """Return a fresh reference `YYMMDD-PROVIDER-XXXXX`; the caller ensures its uniqueness."""
    return checked_reference(f"{now:%y%m%d}-{provider}-{encoded_tail(secrets.token_bytes(5))}")


def reserve_reference(spool: Spool, provider: str, now: datetime) -> str:
    """Return a reference unused in the spool, reserved by an empty file.

    Otherwise, among some two thousand uploads of one provider a day, two would share a reference once in
    seventeen days, and the later one would replace the other.
    """
    while True:
        reference = new_reference(provider, now)
        names = (spool.upload(reference), spool.record(reference), spool.sealed(reference))
        if any(map(os.path.lexists, names)):
            continue
        try:
            os.close(os.open(spool.half(reference), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
        except FileExistsError:
            continue
        return reference


def encoded_tail(octets: bytes) -> str:
    """Return the last part of a reference, made of five octets or more."""
    return "".join(_CROCKFORD[octet % 32] for octet in octets[:5])


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable. OSError if the disk fails to."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_mode(folder: Path) -> int:
    """Return the mode of a new private file in `folder`: for its owner, and a group sharing the folder.

    A folder is shared if its set-group-ID bit is set. Its group then gets the folder's group rights on the
    file, so that two users of the inside zone can share files.
    """
    mode = folder.stat().st_mode
    return 0o600 | (mode & 0o060 if mode & stat.S_ISGID else 0)


def write_durably(path: Path, content: bytes, *, mode: int = 0o640) -> None:
    """Write aside, fsync, rename into place, fsync the folder: all of `content` or nothing."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


class NotDurableError(OSError):
    """A file could not be made durable: its content on disk is unknown and unusable."""


def hand_over(spool: Spool, upload: Upload, content: Path) -> None:
    """Give a finished `content` file, not yet durable, to the processor as `upload`.

    Moves `content` within the spool's file system. After return the upload is durable. An OSError leaves no
    upload behind, and `content` as before, so the processor never sees half an upload; NotDurableError if the
    content is then unknown.
    """
    content.rename(spool.half(upload.reference))
    passing("hand-over.moved")
    complete(spool, upload, content)


def complete(spool: Spool, upload: Upload, content: Path) -> None:
    """Hand over an upload whose content is in the file reserving its reference.

    After an OSError the content is moved to `content`.
    """
    half, whole = spool.half(upload.reference), spool.upload(upload.reference)
    size = half.stat().st_size
    try:
        _append_durably(half, behind_content(_UPLOAD.dump_json(upload)))
        passing("hand-over.durable")
        half.rename(whole)
        fsync_folder(spool.landed)
    except BaseException:
        if os.path.lexists(whole):  # Only the last fsync failed.
            whole.rename(half)
        os.truncate(half, size)
        half.rename(content)
        raise
    passing("hand-over.recorded")


def _append_durably(path: Path, octets: bytes) -> None:
    """Append to a file and make it durable. NotDurableError if durability is unknown."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC), "ab") as file:
        file.write(octets)
        file.flush()
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise NotDurableError(error.errno, error.strerror) from None
