"""Uploads whose reference somebody else bears already: each is given another one, and none is lost.

Intake draws references at random and knows only those that wait in the spool, so among thousands of uploads
of one provider on one day it will draw one twice. What is on record knows them all.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session

from gateway.home import Spool
from gateway.model import Upload
from gateway.registry import receipts, transfers
from gateway.spool import encoded_tail, read_record, record_again

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sorted:
    """References of the spool by what is to be done: to be taken inside, or on record already."""

    fresh: Sequence[str]
    known: Collection[str]


def sort_out(session: Session, spool: Spool, references: Sequence[str]) -> Sorted:
    """Tell uploads that are on record from those that only bear the reference of another; rename these.

    OSError where the spool cannot be written. Repeating it after a crash has the same result.
    """
    borne = receipts.borne(session, references)
    if not borne:
        return Sorted(references, ())
    landed = {one.reference: one for one in transfers.uploads(session, sorted(borne))}
    fresh = [reference for reference in references if reference not in borne]
    known = set()
    for reference in sorted(borne):
        try:
            upload = read_record(spool, reference)
        except (FileNotFoundError, ValueError):
            known.add(reference)  # Nothing that could be lost.
            continue
        if reference in landed and _same(upload, landed[reference]):
            known.add(reference)
            continue
        other = _rename(session, spool, upload)
        _log.warning("%s: the reference was drawn twice; this upload is %s now", reference, other)
        fresh.append(other)
    return Sorted(list(dict.fromkeys(fresh)), known)


def _same(one: Upload, other: Upload) -> bool:
    """Whether both are the same upload. Size and digest are not compared: what was stored counts for them."""
    return (one.provider, one.folder, one.name, one.started_at, one.landed_at) == (
        other.provider,
        other.folder,
        other.name,
        other.started_at,
        other.landed_at,
    )


def _rename(session: Session, spool: Spool, upload: Upload) -> str:
    """Give `upload` a reference that nothing else bears, here or on record: the same one each time."""
    attempt = 0
    while True:
        seed = f"{upload.reference} {upload.landed_at.isoformat()} {upload.sha256} {attempt}"
        tail = encoded_tail(hashlib.sha256(seed.encode()).digest())
        other = replace(upload, reference=f"{upload.reference[:-5]}{tail}")
        on_record = receipts.borne(session, [other.reference])
        if on_record:
            landed = transfers.uploads(session, sorted(on_record))
            free = any(_same(other, one) for one in landed)
        else:
            free = True
        if free and record_again(spool, upload.reference, other):
            return other.reference
        attempt += 1
