"""Taking landed uploads from the spool into the sealed store, so that no crash loses or doubles one.

The order is what makes it safe: copy and fsync, then the rows, then the spool is emptied. A crash
between any two steps leaves an upload that is claimed again with the same result.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Fault
from gateway.home import Home, Spool
from gateway.model import Upload
from gateway.processor.references import sort_out
from gateway.record.landing import land
from gateway.record.registrar import Registrar
from gateway.zones.failpoints import passing
from gateway.zones.spool import fsync_folder, private_mode, read_record, take_away, waiting

_CHUNK = 1024**2
_BATCH = 64
_COPIERS = 8
_FOR_ALL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_log = logging.getLogger(__name__)


def claim_waiting(registrar: Registrar, go_on: Callable[[], bool] = lambda: True) -> None:
    """Take everything that waits in the spool inside; `go_on` is asked after each batch of it.

    Fault where some of it cannot be: what can, is inside then, and the rest is where it was. OSError where
    the spool cannot be read or emptied.
    """
    faults = []
    for batch in _batches(waiting(registrar.home.spool)):
        faults.append(_claim(registrar, batch))
        if not go_on():
            break
    for fault in filter(None, faults):
        raise fault


def _claim(registrar: Registrar, batch: Sequence[str]) -> Fault | None:
    home = registrar.home
    with registrar.registry.read() as session:
        found = sort_out(session, home.spool, batch)
    stored = store(home, found.fresh)
    landed = land(registrar, stored.uploads) if stored.uploads else set()
    for reference in (*found.known, *(there for there, inside in found.fresh.items() if inside in landed)):
        take_away(home.spool, reference)
    passing("land.emptied")
    return stored.fault


@dataclass(frozen=True, slots=True)
class Stored:
    """Uploads that are safe in the sealed store, oldest first; what kept others out of it, if anything."""

    uploads: Sequence[Upload]
    fault: Fault | None


def store(home: Home, references: Mapping[str, str]) -> Stored:
    """Copy landed uploads into the sealed store, durably; `references` are theirs there and inside.

    A record that intake should never have written is left where it is and logged; it is no upload.
    A file that cannot be copied keeps none of the others waiting, unless the disk is full.
    """
    results = _store_each(home, references)
    stored = [result for result in results if isinstance(result, Upload)]
    failed = [result for result in results if isinstance(result, OSError)]
    fault = Fault(f"the sealed store cannot be written: {_words(failed[0])}") if failed else None
    try:
        if stored:
            fsync_folder(home.sealed(stored[0].reference).parent)
            passing("claim.durable")
    except OSError as error:  # Of a folder that may not be durable nothing is believed.
        return Stored((), Fault(f"the sealed store cannot be written: {_words(error)}"))
    return Stored(sorted(stored, key=lambda upload: upload.landed_at), fault)


def _store_each(home: Home, references: Mapping[str, str]) -> list[Upload | OSError | None]:
    """Copy several at a time: waiting for the disk together, they wait hardly longer than one."""
    full = threading.Event()

    def store_one(reference: str) -> Upload | OSError | None:
        if full.is_set():
            return None
        try:
            return _store_one(home, reference, references[reference])
        except OSError as error:
            _log.error("%s: cannot be stored: %s", reference, _words(error))
            if error.errno in _FOR_ALL:
                full.set()
            return error

    if len(references) == 1:
        return [store_one(reference) for reference in references]
    with ThreadPoolExecutor(_COPIERS, "claim") as pool:
        return list(pool.map(store_one, references))


def _words(error: OSError) -> str:
    return os.strerror(error.errno or 0)


def _store_one(home: Home, reference: str, inside: str) -> Upload | None:
    """One upload, copied; None where there is none. OSError where it cannot be read or written."""
    try:
        upload = dataclasses.replace(read_record(home.spool, reference), reference=inside)
    except FileNotFoundError:
        return None
    except ValueError:
        _log.error("the spool holds a record that is not valid; it is left there for a person")
        return None
    try:
        size, digest = _copy(home.spool, reference, home.sealed(inside))
    except FileNotFoundError:
        _log.error("%s: the spool holds a record without its content", reference)
        return None
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
        passing("claim.copied")
        aside.rename(sealed)
        passing("claim.stored")
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    return size, digest.hexdigest()


def _batches(references: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for reference in references:
        batch.append(reference)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
