"""A drop in /agreement, in the isolated child: is it the agreement's text, signed by its provider?"""

from __future__ import annotations

from gateway.errors import Refusal
from gateway.examiner.drop_tools import Tools
from gateway.examiner.protocol import AgreementCopy, FileRefused, Job, OpenRefused
from gateway.model import Signature
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned

_CLEARSIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
# What a sealed copy is refused for is told as it is for any file, but not that it lacks encryption.
_NOT_SIGNED = {"open:not-encrypted", "open:not-signed", "open:empty"}


def examine(job: Job, data: bytes, tools: Tools) -> AgreementCopy | FileRefused:
    """Whether `data` is the agreement's text, signed by one of the job's senders; in the child."""
    try:
        text, signature = _signed_text(job, data, tools)
    except SignatureInvalid:
        return _refused(job, "agreement:wrong-signer")
    except Refusal as refusal:
        if refusal.code in _NOT_SIGNED:
            return _refused(job, "agreement:not-signed")
        return FileRefused(reference=job.reference, why=OpenRefused(code=refusal.code, detail=refusal.detail))
    if lines_of(text) != lines_of(job.agreement):
        return _refused(job, "agreement:other-text")
    return AgreementCopy(reference=job.reference, signature=signature)


def lines_of(text: str) -> list[str]:
    """What of a text is compared: not how its lines end, nor blank space that a signature leaves out."""
    lines = [line.rstrip() for line in text.removeprefix("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _signed_text(job: Job, data: bytes, tools: Tools) -> tuple[str, Signature]:
    if _CLEARSIGNED in data:
        return verify_clearsigned(_decoded(data), [sender.encode() for sender in job.senders], comments=True)
    content, signature = tools.open(job)
    return content.decode("utf-8", "replace"), signature


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The published text is UTF-8, so this is another one, whoever signed it.
        raise Refusal("agreement:other-text") from None


def _refused(job: Job, code: str) -> FileRefused:
    return FileRefused(reference=job.reference, why=OpenRefused(code=code))
