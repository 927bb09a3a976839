"""Taking landed uploads from the spool into the sealed store, so that no crash loses or doubles one.

The order is what makes it safe: copy and fsync, then the rows, then the spool is emptied. A crash
between any two steps leaves an upload that is claimed again with the same result.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from gateway.errors import Fault
from gateway.home import Home, Spool
from gateway.model import Upload
from gateway.spool import fsync_folder, private_mode, read_record

_CHUNK = 1024**2
_log = logging.getLogger(__name__)


def store(home: Home, references: Iterable[str]) -> list[Upload]:
    """Copy landed uploads into the sealed store, durably; those that are safe there, oldest first.

    A record that intake should never have written is left where it is and logged; it is no upload.
    Fault where the sealed store cannot be written.
    """
    stored = [upload for reference in references if (upload := _store_one(home, reference)) is not None]
    if stored:
        fsync_folder(home.sealed(stored[0].reference).parent)
    return sorted(stored, key=lambda upload: upload.landed_at)


def _store_one(home: Home, reference: str) -> Upload | None:
    try:
        upload = read_record(home.spool, reference)
    except FileNotFoundError:
        return None
    except ValueError:
        _log.error("the spool holds a record that is not valid; it is left there for a person")
        return None
    try:
        size, digest = _copy(home.spool, reference, home.sealed(reference))
    except FileNotFoundError:
        _log.error("%s: the spool holds a record without its content", reference)
        return None
    except OSError as error:
        raise Fault(f"the sealed store cannot be written: {os.strerror(error.errno or 0)}") from None
    if upload.withheld:
        return upload
    if (size, digest) != (upload.size, upload.sha256):
        _log.error("%s: the content is not what intake recorded; what is stored counts", reference)
    return dataclasses.replace(upload, size=size, sha256=digest)


def _copy(spool: Spool, reference: str, sealed: Path) -> tuple[int, str]:
    """Copied, never moved: a captured intake must not keep a handle on what is stored inside."""
    aside = sealed.with_suffix(".part")
    flags, mode = os.O_WRONLY | os.O_CREAT | os.O_TRUNC, private_mode(sealed.parent)
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(spool.sealed(reference), os.O_RDONLY | os.O_NOFOLLOW)
    try:
        with (
            os.fdopen(descriptor, "rb") as source,
            os.fdopen(os.open(aside, flags, mode), "wb") as target,
        ):
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
                size += len(chunk)
            target.flush()
            os.fsync(target.fileno())
        aside.rename(sealed)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    return size, digest.hexdigest()
