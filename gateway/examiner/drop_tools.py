"""A drop as it is judged: as it came, or out of its seal with who signed it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.examiner.protocol import FileRefused, Job, OpenRefused
from gateway.home.settings import OpenLimits
from gateway.model import Folder, Signature

DROP_BYTES = 1024**2
"""More than any text of an agreement or any certificate has."""


# A drop is refused as any file is, but for what is told in other words of what its folder takes.
# A copy of the agreement need not be encrypted.
_KNOWN_AS: dict[Folder, dict[str, str]] = {
    "agreement": {
        "open:not-encrypted": "agreement:not-signed",
        "open:not-signed": "agreement:not-signed",
        "open:other-encryption": "agreement:not-signed",
        "open:unreadable": "agreement:not-signed",
        "open:empty": "agreement:not-signed",
    },
    "keys": {
        "open:not-signed": "key:not-signed",
        "open:wrong-signer": "key:wrong-signer",
        "open:bad-signature": "key:wrong-signer",
        "open:not-encrypted": "key:not-a-key",
        "open:other-encryption": "key:not-a-key",
        "open:unreadable": "key:not-a-key",
        "open:empty": "key:not-a-key",
        "key:not-a-certificate": "key:not-a-key",
        "key:not-an-ssh-key": "key:not-a-key",
        "key:not-a-revocation": "key:not-a-key",
    },
}


class IsSealed(Exception):  # noqa: N818 - what the drop is
    """The drop is sealed: it has to be opened first."""


@dataclass(frozen=True, slots=True)
class DropToJudge:
    """One drop. `opened_by` is who signed it, where it has been taken out of its seal."""

    job: Job
    data: bytes
    opened_by: Signature | None
    limits: OpenLimits


def refused(job: Job, code: str, detail: dict[str, str | int] | None = None) -> FileRefused:
    """The refusal of a drop, for what `code` says of it or of any file."""
    known = _KNOWN_AS.get(job.folder, {}).get(code, code)
    return FileRefused(reference=job.reference, why=OpenRefused(code=known, detail=detail or {}))
