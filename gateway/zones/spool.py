"""The hand-over from intake to the processor: one file, which is whole when it appears under its final name.

`REF.landed` holds content and record (`gateway.zones.landed_file`), both durable before it gets that name.
Both zones use this one module; it needs neither secrets nor the registry.
"""

from __future__ import annotations

import os
import secrets
import stat
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from gateway.home import Spool, checked_reference
from gateway.model import Upload
from gateway.zones.failpoints import passing
from gateway.zones.landed_file import behind_content

# Crockford's base32: no I, L, O or U, so that a reference survives a phone call.
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_UPLOAD = TypeAdapter(Upload)


def new_reference(provider: str, now: datetime) -> str:
    """A fresh reference `YYMMDD-PROVIDER-XXXXX`; the caller makes sure that it is not in use."""
    return checked_reference(f"{now:%y%m%d}-{provider}-{encoded_tail(secrets.token_bytes(5))}")


def reserve_reference(spool: Spool, provider: str, now: datetime) -> str:
    """A reference that no upload waiting in the spool has; the empty file that reserves it is made.

    Without that, of some two thousand uploads of one provider on one day two would share a reference once
    in seventeen days, and the one handed over later would replace the other.
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
    """The last part of a reference, made of five octets or more."""
    return "".join(_CROCKFORD[octet % 32] for octet in octets[:5])


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable. OSError where the disk cannot promise it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_mode(folder: Path) -> int:
    """The mode of a new private file in `folder`: for its owner, and for a group that shares the folder.

    A folder is shared where it has the set-group-ID bit. Its group then may do with the file what it
    may do with the folder, so that two users of the inside zone can share what lies there.
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
    """A file could not be made durable: what the disk holds of it is unknown, and nothing is to be used."""


def hand_over(spool: Spool, upload: Upload, content: Path) -> None:
    """Give a finished `content` file to the processor as `upload`. It need not be durable yet.

    Moves `content` within the spool's file system. After return the upload is durable. An OSError leaves no
    upload behind, and `content` as it was, so the processor never sees half an upload; NotDurableError where
    nobody knows what is in `content` then.
    """
    content.rename(spool.half(upload.reference))
    passing("hand-over.moved")
    complete(spool, upload, content)


def complete(spool: Spool, upload: Upload, content: Path) -> None:
    """The same of an upload whose content is in the half that reserves its reference.

    After an OSError it is moved to `content`.
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
    """Append to a file, all of which is durable then. NotDurableError where that is not known."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC), "ab") as file:
        file.write(octets)
        file.flush()
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise NotDurableError(error.errno, error.strerror) from None
