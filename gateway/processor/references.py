"""Uploads whose reference somebody else bears already: each is given another one inside, and none is lost.

Intake draws references at random and knows only those that wait in the spool, so among thousands of uploads
of one provider on one day it will draw one twice. What is on record knows them all.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from gateway.home import Spool
from gateway.model import Upload
from gateway.registry import receipts, transfers
from gateway.zones.spool import encoded_tail, read_record

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sorted:
    """References of the spool: what each fresh upload is called inside, and those that are on record."""

    fresh: Mapping[str, str]
    known: Collection[str]


def sort_out(session: Session, spool: Spool, waiting: Sequence[str]) -> Sorted:
    """Tell uploads that are on record from fresh ones, also from those that bear another's reference.

    One that has no valid record is neither. The answer is the same again after a crash: what a reference
    that was drawn twice becomes follows from the upload alone.
    """
    borne = receipts.borne(session, waiting)
    fresh = {reference: reference for reference in waiting if reference not in borne}
    known = set()
    for reference in sorted(borne):
        try:
            upload = read_record(spool, reference)
        except FileNotFoundError:
            continue
        except ValueError:
            _log.error("the spool holds a record that is not valid; it is left there for a person")
            continue
        if _on_record(session, reference, upload):
            known.add(reference)
            continue
        inside = _another(session, upload, {*waiting, *fresh.values()})
        if _on_record(session, inside, upload):
            known.add(reference)
        else:
            _log.warning("%s: the reference was drawn twice; this upload is %s now", reference, inside)
            fresh[reference] = inside
    return Sorted(fresh, known)


def _on_record(session: Session, reference: str, upload: Upload) -> bool:
    """Whether `upload` is on record as `reference`. Size and digest may differ: what was stored counts."""
    return any(
        (one.provider, one.folder, one.name, one.started_at, one.landed_at)
        == (upload.provider, upload.folder, upload.name, upload.started_at, upload.landed_at)
        for one in transfers.uploads(session, [reference])
    )


def _another(session: Session, upload: Upload, taken: Collection[str]) -> str:
    """The reference that `upload` gets for its own: one that nothing else bears, the same each time."""
    attempt = 0
    while True:
        seed = f"{upload.reference} {upload.landed_at.isoformat()} {upload.sha256} {attempt}"
        inside = upload.reference[:-5] + encoded_tail(hashlib.sha256(seed.encode()).digest())
        if _on_record(session, inside, upload):
            return inside
        if inside not in taken and not receipts.borne(session, [inside]):
            return inside
        attempt += 1
