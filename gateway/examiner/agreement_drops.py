"""Examine a drop in /agreement, in the isolated child: the agreement's text, signed by its provider."""

from __future__ import annotations

from gateway.errors import Refusal
from gateway.examiner.drop_tools import DropToJudge, IsSealed, refused
from gateway.examiner.protocol import AgreementCopy, FileRefused
from gateway.model import Signature
from gateway.model.statements import read_as
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned

_CLEARSIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"


def examine(drop: DropToJudge) -> AgreementCopy | FileRefused:
    """Compare a drop with the agreement's text and check its signature against the job's senders."""
    job = drop.job
    try:
        text, signature = _signed_text(drop)
    except SignatureInvalid:
        return refused(job, "agreement:wrong-signer")
    except Refusal as refusal:
        return refused(job, refusal.code, refusal.detail)
    agreed = read_as("ratification", text)
    if agreed is None or lines_of(agreed) != lines_of(job.agreement):
        return refused(job, "agreement:other-text")
    return AgreementCopy(reference=job.reference, signature=signature)


def lines_of(text: str) -> list[str]:
    """Return the lines to compare, without line endings or trailing blanks, as a signature may drop both."""
    lines = [line.rstrip() for line in text.removeprefix("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _signed_text(drop: DropToJudge) -> tuple[str, Signature]:
    if drop.opened_by is not None:
        return drop.data.decode("utf-8", "replace"), drop.opened_by
    if _CLEARSIGNED in drop.data:
        senders = [sender.encode() for sender in drop.job.senders]
        return verify_clearsigned(_decoded(drop.data), senders, comments=True)
    raise IsSealed


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The published text is UTF-8, so any other encoding means another text.
        raise Refusal("agreement:other-text") from None
