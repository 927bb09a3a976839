"""The hand-over from intake to the processor: two files, of which the second makes it whole.

`REF.sealed` is complete and durable before `REF.json` appears under its final name, so a reader
that sees the record has the content. Both zones use this one module; it needs neither secrets nor
the registry.
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
        if os.path.lexists(spool.record(reference)):
            continue
        try:
            os.close(os.open(spool.sealed(reference), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
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


def hand_over(spool: Spool, upload: Upload, content: Path) -> None:
    """Give a finished, already fsynced `content` file to the processor as `upload`.

    Moves `content` within the spool's file system. After return the upload is durable. An OSError
    leaves no record behind, so the processor never sees half an upload.
    """
    sealed = spool.sealed(upload.reference)
    content.rename(sealed)
    passing("hand-over.moved")
    try:
        write_durably(spool.record(upload.reference), _UPLOAD.dump_json(upload))
    except BaseException:
        spool.record(upload.reference).unlink(missing_ok=True)  # It is there if only the last fsync failed.
        sealed.rename(content)
        raise
    passing("hand-over.recorded")
