"""A drop to judge: as sent, or unsealed together with its signer."""

from dataclasses import dataclass

from gateway.examiner.protocol import FileRefused, Job, OpenRefused
from gateway.home.settings import OpenLimits
from gateway.model import Folder, Signature

DROP_BYTES = 1024**2
"""Larger than any text of an agreement and any certificate."""


# A drop is refused with the reasons for files, except where its folder has a reason of its own. A copy of
# the agreement need not be encrypted.
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
    """Report a sealed drop, to be opened first."""


@dataclass(frozen=True, slots=True)
class DropToJudge:
    """One drop. `opened_by`: the signature, where the drop has been unsealed."""

    job: Job
    data: bytes
    opened_by: Signature | None
    limits: OpenLimits


def refused(job: Job, code: str, detail: dict[str, str | int] | None = None) -> FileRefused:
    """Return the refusal of a drop, with `code` translated to the reason of its folder."""
    known = _KNOWN_AS.get(job.folder, {}).get(code, code)
    return FileRefused(reference=job.reference, why=OpenRefused(code=known, detail=detail or {}))
