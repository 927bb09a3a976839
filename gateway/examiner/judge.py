"""The judge: an isolated child without secrets, given one drop of /keys or /agreement to judge.

The judge reads files from anybody and is confined like the classifier. Drops are rare, so the judge starts
with the first one. A sealed drop is reported as such: the opener opens it, and the judge judges again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.errors import Refusal
from gateway.examiner import key_drops
from gateway.examiner.confinement import Needs
from gateway.examiner.drop_tools import DROP_BYTES, DropToJudge, IsSealed, refused
from gateway.examiner.entry import serve
from gateway.examiner.nursery import Answer
from gateway.examiner.protocol import (
    ANSWER,
    REQUEST,
    AgreementCopy,
    FileRefused,
    HeadingsDrop,
    Judging,
    KeyDrop,
    OpenRefused,
    StillSealed,
)
from gateway.examiner.setups import JUDGE_SETUP
from gateway.home.settings import OpenLimits
from gateway.model import Folder, Signature, read_as, without_signatory
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
    who, bare = without_signatory(agreed or "")
    if agreed is None or lines_of(bare) != lines_of(job.agreement):
        return refused(job, "agreement:other-text")
    return AgreementCopy(reference=job.reference, signature=signature, signatory=who)


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


_JUDGES: dict[Folder, Callable[[DropToJudge], AgreementCopy | KeyDrop | HeadingsDrop | FileRefused]] = {
    "agreement": examine,
    "keys": key_drops.examine,
}


def judge(
    request: Judging, data: bytes, limits: OpenLimits
) -> AgreementCopy | KeyDrop | HeadingsDrop | FileRefused | StillSealed:
    """Judge a drop and find its signer. `data`: at most its first DROP_BYTES + 1 bytes."""
    job = request.job
    if not data:
        return FileRefused(reference=job.reference, why=OpenRefused(code="open:empty"))
    if len(data) > DROP_BYTES:
        return FileRefused(reference=job.reference, why=OpenRefused(code="open:too-large"))
    try:
        return _JUDGES[job.folder](DropToJudge(job, data, request.signature, limits))
    except IsSealed:
        return StillSealed(reference=job.reference)


@dataclass(frozen=True, slots=True)
class JudgingDrops:
    """Handle the requests to a judge."""

    limits: OpenLimits

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Judge the drop sent with the request."""
        request = REQUEST.validate_json(message)
        if not isinstance(request, Judging):
            raise TypeError(request.kind)
        data = os.pread(descriptors[0], DROP_BYTES + 1, 0)
        return ANSWER.dump_json(judge(request, data, self.limits)), ()


def main() -> None:
    """Serve until the service is gone."""

    def prepared(message: bytes) -> tuple[Needs, JudgingDrops]:
        limits = JUDGE_SETUP.validate_json(message).limits
        return Needs(memory_bytes=limits.memory_bytes), JudgingDrops(limits)

    serve("judges drops for the gateway's services", prepared)


if __name__ == "__main__":
    main()
