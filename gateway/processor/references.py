"""Uploads whose reference somebody else bears already: each is given another one inside, and none is lost.

Intake draws references at random and knows only those that wait in the spool, so among thousands of uploads
of one provider on one day it will draw one twice. What is on record knows them all.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from gateway.model import Upload
from gateway.registry import receipts, transfers
from gateway.zones.spool import encoded_tail

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sorted:
    """References of the spool: what each fresh upload is called inside, and those that are on record."""

    fresh: Mapping[str, str]
    known: Collection[str]


def sort_out(session: Session, waiting: Mapping[str, Upload], taken: Collection[str] = ()) -> Sorted:
    """Tell uploads that are on record from fresh ones, also from those that bear another's reference.

    The answer is the same again after a crash: what a reference that was drawn twice becomes follows from
    the upload alone. `taken` are borne by others though they are not on record.
    """
    borne = receipts.borne(session, list(waiting)) | (set(taken) & waiting.keys())
    fresh = {reference: reference for reference in waiting if reference not in borne}
    known = set()
    for reference in sorted(borne):
        upload = waiting[reference]
        if _on_record(session, reference, upload):
            known.add(reference)
            continue
        inside = _another(session, upload, {*waiting, *fresh.values(), *taken})
        if _on_record(session, inside, upload):
            known.add(reference)
        else:
            _log.warning("%s: the reference was drawn twice; this upload is %s now", reference, inside)
            fresh[reference] = inside
    return Sorted(fresh, known)


def _on_record(session: Session, reference: str, upload: Upload) -> bool:
    """Whether `upload` is on record as `reference`. Size, digest and the time of landing may differ:
    what was stored counts, and what the kernel noted.
    """
    return any(
        (one.provider, one.folder, one.name, one.started_at)
        == (upload.provider, upload.folder, upload.name, upload.started_at)
        for one in transfers.uploads(session, [reference])
    )


def _another(session: Session, upload: Upload, taken: Collection[str]) -> str:
    """The reference that `upload` gets for its own: one that nothing else bears, the same each time."""
    attempt = 0
    while True:
        seed = f"{upload.reference} {upload.started_at.isoformat()} {upload.sha256} {attempt}"
        inside = upload.reference[:-5] + encoded_tail(hashlib.sha256(seed.encode()).digest())
        if _on_record(session, inside, upload):
            return inside
        if inside not in taken and not receipts.borne(session, [inside]):
            return inside
        attempt += 1
