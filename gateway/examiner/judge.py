"""The judge: an isolated child without secrets, given one drop of /keys or /agreement to judge.

The judge reads files from anybody and is confined like the classifier. Drops are rare, so the judge starts
with the first one. A sealed drop is reported as such: the opener opens it, and the judge judges again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from pysequoia.packet import PacketPile, Tag

from gateway.enrolment.key_file import Update, is_ssh, updated
from gateway.enrolment.key_file import judge as judged_key
from gateway.errors import Refusal
from gateway.examiner import protocol
from gateway.examiner.confinement import Needs
from gateway.examiner.process_pool import Answer, Work, serve
from gateway.home.settings import OpenLimits
from gateway.model import Folder, NewKey, Signature, read_as, without_signatory
from gateway.openpgp import packets
from gateway.openpgp.certificates import CertificateRefused, describe
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.openpgp.signed import is_sealed, open_signed
from gateway.zones import headings
from gateway.zones.sealing import mended, needs_mending

# Examine a drop in /keys, in the isolated child: the key, and the signature vouching for it.

_PUBLIC_KEY = "PUBLIC KEY BLOCK"
_PUBLIC_TAGS = frozenset({2, 6})


def examine_key(
    drop: protocol.DropToJudge,
) -> protocol.KeyDrop | protocol.HeadingsDrop | protocol.FileRefused:
    """Judge a drop in /keys: return the key or the stated headings in it, with the signer; or the refusal."""
    job = drop.job
    try:
        content, signature = _unwrapped(drop)
        if signature is not None and headings.is_statement(content):
            return protocol.HeadingsDrop(
                reference=job.reference, stated=headings.read(content), signature=signature
            )
        found = _lost(content) or _found(_said_of_keys(content), job, is_signed=signature is not None)
    except Refusal as refusal:
        return protocol.refused(job, refusal.code, refusal.detail)
    return protocol.KeyDrop(reference=job.reference, key=found, signature=signature)


def _unwrapped(drop: protocol.DropToJudge) -> tuple[bytes, Signature | None]:
    """Return a drop's content and its signature (None if unsigned). Raises Refusal, or IsSealed."""
    data, job = mended(drop.data) if needs_mending(drop.data) else drop.data, drop.job
    if drop.opened_by is not None:
        return data, drop.opened_by
    if is_ssh(data) or _holds_public_packets(data):
        return data, None
    if is_sealed(data):
        raise protocol.IsSealed
    senders = [sender.encode() for sender in job.senders]
    return open_signed(data, senders, drop.limits, job.now, protocol.DROP_BYTES)


def _lost(content: bytes) -> protocol.FoundKey | None:
    """Return the SSH key that a lost-key statement names by fingerprint, revoked; None for other content."""
    text = content.decode("latin-1")
    said = read_as("lost-key", text)
    if said is None or said == text or protocol.SSH_FINGERPRINT.fullmatch(said.strip()) is None:
        return None
    return protocol.FoundKey(
        change="revoked", kind="ssh", fingerprint=said.strip(), material="", algorithm="", final=True
    )


def _said_of_keys(content: bytes) -> bytes:
    """Remove the purpose statement from a signed content. Refusal where it names another purpose."""
    said = read_as("key", content.decode("latin-1"))
    if said is None:
        raise Refusal("key:not-a-key")
    return said.encode("latin-1")


def _holds_public_packets(data: bytes) -> bool:
    if packets.is_binary(data):
        return (data[0] & 0x3F if data[0] & 0x40 else (data[0] >> 2) & 0x0F) in _PUBLIC_TAGS
    kind = packets.kind_of(data)
    return kind is not None and kind[0] in {_PUBLIC_KEY, "SIGNATURE"}


def _found(content: bytes, job: protocol.Job, *, is_signed: bool) -> protocol.FoundKey:
    known = [certificate.encode() for certificate in (*job.senders, *job.others)]
    if not is_ssh(content):
        if _is_lone_signature(content):
            return _revocation(_block(content), known, job)
        shown = describe(content, job.now)
        for certificate in known:
            if describe(certificate, job.now).fingerprint == shown.fingerprint:
                return _of_update(updated(certificate, content, job.now, job.least_rsa_bits, job.verified))
    if not is_signed:
        judged_key(content, job.now, job.least_rsa_bits, job.verified)  # Report a secret key as such.
        raise Refusal("key:not-signed")
    return _as_found("new", judged_key(content, job.now, job.least_rsa_bits, job.verified))


def _revocation(content: bytes, known: Sequence[bytes], job: protocol.Job) -> protocol.FoundKey:
    """Return the certificate in `known` that the revocation `content` revokes. Raises Refusal without one."""
    for certificate in known:
        with suppress(CertificateRefused):
            return _of_update(updated(certificate, content, job.now, job.least_rsa_bits, job.verified))
    raise Refusal("key:not-a-key")


def _of_update(update: Update | None) -> protocol.FoundKey:
    if update is None:
        raise Refusal("key:nothing-new")
    return _as_found(update.change, update.new, final=update.final)


def _as_found(change: protocol.FoundChange, new: NewKey, *, final: bool = False) -> protocol.FoundKey:
    return protocol.FoundKey(change=change, final=final, **asdict(new))


def _is_lone_signature(content: bytes) -> bool:
    try:
        return all(packet.tag == Tag.Signature for packet in PacketPile.from_bytes(_block(content)))
    except RuntimeError:
        return False


def _block(content: bytes) -> bytes:
    """Drop the text in front of an armored block, such as gpg writes above a revocation; return the rest."""
    kind = None if packets.is_binary(content) else packets.kind_of(content)
    return content if kind is None else content[kind[1] :]


_CLEARSIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"


def examine_agreement(drop: protocol.DropToJudge) -> protocol.AgreementCopy | protocol.FileRefused:
    """Judge a drop in /agreement: return the signed copy if it has the agreement's text; or the refusal."""
    job = drop.job
    try:
        text, signature = _signed_text(drop)
    except SignatureInvalid:
        return protocol.refused(job, "agreement:wrong-signer")
    except Refusal as refusal:
        return protocol.refused(job, refusal.code, refusal.detail)
    agreed = read_as("ratification", text)
    who, bare = without_signatory(agreed or "")
    if agreed is None or lines_of(bare) != lines_of(job.agreement):
        return protocol.refused(job, "agreement:other-text")
    return protocol.AgreementCopy(reference=job.reference, signature=signature, signatory=who)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text for comparison, without trailing blanks, which signing drops."""
    lines = [line.rstrip() for line in text.removeprefix("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _signed_text(drop: protocol.DropToJudge) -> tuple[str, Signature]:
    if drop.opened_by is not None:
        return drop.data.decode("utf-8", "replace"), drop.opened_by
    if _CLEARSIGNED not in drop.data:
        raise protocol.IsSealed
    try:
        signed = drop.data.decode("utf-8-sig")
    except UnicodeDecodeError:  # The published text is UTF-8, so any other encoding means another text.
        raise Refusal("agreement:other-text") from None
    return verify_clearsigned(signed, [sender.encode() for sender in drop.job.senders], comments=True)


_JUDGES: dict[Folder, Callable[[protocol.DropToJudge], protocol.Judged]] = {
    "agreement": examine_agreement,
    "keys": examine_key,
}


def judge(request: protocol.Judging, data: bytes, limits: OpenLimits) -> protocol.Judged:
    """Judge a drop by the rules of its folder. `data`: at most its first DROP_BYTES + 1 bytes."""
    job = request.job
    if not data:
        return protocol.FileRefused(reference=job.reference, why=protocol.OpenRefused(code="open:empty"))
    if len(data) > protocol.DROP_BYTES:
        return protocol.FileRefused(reference=job.reference, why=protocol.OpenRefused(code="open:too-large"))
    try:
        return _JUDGES[job.folder](protocol.DropToJudge(job, data, request.signature, limits))
    except protocol.IsSealed:
        return protocol.StillSealed(reference=job.reference)


@dataclass(frozen=True, slots=True)
class JudgingDrops:
    """Handler of the requests to a judge."""

    limits: OpenLimits

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Judge the drop sent with the request; return the finding, or the fault, as an answer."""
        request = protocol.REQUEST.validate_json(message)
        if not isinstance(request, protocol.Judging):
            raise TypeError(request.kind)
        data = os.pread(descriptors[0], protocol.DROP_BYTES + 1, 0)
        return protocol.ANSWER.dump_json(judge(request, data, self.limits)), ()


def main() -> None:
    """Run as the child process: answer requests until the service ends."""

    def prepared(message: bytes) -> tuple[Needs, Work]:
        limits = protocol.READER_SETUP.validate_json(message).limits.open
        return Needs(memory_bytes=limits.memory_bytes), JudgingDrops(limits).work

    serve("judges drops for the gateway's services", prepared)


if __name__ == "__main__":
    main()
