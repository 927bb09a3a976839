"""Replace references drawn twice: an upload with a reference already on record gets another one inside.

Intake draws references at random and knows only those in the spool. Among thousands of uploads of one
provider on one day two draws may be equal. Only the registry knows all references.
"""

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
    """Spool references: each fresh one with its reference inside, and those already on record."""

    fresh: Mapping[str, str]
    known: Collection[str]


def sort_out(session: Session, waiting: Mapping[str, Upload], taken: Collection[str] = ()) -> Sorted:
    """Separate uploads already on record from fresh ones, giving a new reference where one is borne twice.

    `taken`: references in use without a record. A new reference follows from the upload alone, so that the
    result is the same after a crash.
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
    """Return True where `upload` is on record as `reference`.

    Size, digest and landing time may differ: the stored values and the kernel's time are on record.
    """
    return any(
        (one.provider, one.folder, one.name, one.started_at)
        == (upload.provider, upload.folder, upload.name, upload.started_at)
        for one in transfers.uploads(session, [reference])
    )


def _another(session: Session, upload: Upload, taken: Collection[str]) -> str:
    """Return a free reference for `upload`, derived from the upload and so the same each time."""
    attempt = 0
    while True:
        seed = f"{upload.reference} {upload.started_at.isoformat()} {upload.sha256} {attempt}"
        inside = upload.reference[:-5] + encoded_tail(hashlib.sha256(seed.encode()).digest())
        if _on_record(session, inside, upload):
            return inside
        if inside not in taken and not receipts.borne(session, [inside]):
            return inside
        attempt += 1
