"""Drops in folders without pupils' data, dispatched by findings and folder."""

from __future__ import annotations

from gateway.examiner.protocol import (
    DROP_BYTES,
    AgreementCopy,
    FileLost,
    FileRefused,
    FileWithheld,
    HeadingsDrop,
    KeyDrop,
    OpenRefused,
)
from gateway.model import Decision, Folder, Held, LooksLike, Refused, Upload
from gateway.record.drops import agreement, headings, keys
from gateway.record.drops.drop import Drop

Dropped = AgreementCopy | KeyDrop | HeadingsDrop | FileRefused | FileWithheld | FileLost
"""The outcome of the examination of a drop."""

_IN_THE_CLEAR: dict[Folder, str] = {
    "in": "open:not-encrypted",
    "agreement": "agreement:not-signed",
    "keys": "key:in-the-clear",
}
_NOT_SURELY_CLEAR: dict[LooksLike, str] = {
    "other-encryption": "open:other-encryption",
    "unknown": "open:unreadable",
}


def withheld(upload: Upload) -> FileWithheld:
    """Return the outcome of a file sent in the clear, by appearance and folder."""
    code = _IN_THE_CLEAR[upload.folder]
    if upload.looks_like == "secret-key":
        code = "key:secret"
    # A long file may hide pupils' data behind a public key: then the alarm is safer.
    elif upload.folder == "in" and upload.looks_like in _NOT_SURELY_CLEAR:
        code = _NOT_SURELY_CLEAR[upload.looks_like]
    elif upload.looks_like == "public" and upload.folder == "in" and upload.size <= DROP_BYTES:
        code = "key:not-data"
    return FileWithheld(reference=upload.reference, why=OpenRefused(code=code))


def settle(dropped: Dropped, drop: Drop) -> Decision:
    """Decide on a drop and record the consequences, in the caller's transaction."""
    match dropped:
        case FileLost():
            return Held(reasons=(drop.registrar.catalogue.reason("internal:held"),))
        case FileRefused(why=why) | FileWithheld(why=why):
            if why.code == "key:secret":
                keys.forget(drop)
            return Refused(reasons=(drop.registrar.catalogue.reason(why.code, **why.detail),))
        case KeyDrop(key=found):
            return keys.settle(drop, found)
        case HeadingsDrop():
            return headings.settle(drop, dropped)
        case AgreementCopy(signature=signature, signatory=signatory):
            return agreement.settle(drop, signature, signatory)
