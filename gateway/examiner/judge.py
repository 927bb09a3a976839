"""The judge: an isolated child without secrets that checks one drop of /keys or /agreement at a time.

A drop has a key, a statement about headings, or a signed copy of the agreement. The judge reads files from
anybody and is confined like the classifier. Drops are rare, so the judge starts with the first one. A sealed
drop is reported as such: the opener opens it, and the judge judges again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Literal

from pysequoia.packet import PacketPile, Tag

from gateway.enrolment.key_file import is_ssh, updated
from gateway.enrolment.key_file import judge as judged_key
from gateway.errors import Refusal
from gateway.examiner import protocol
from gateway.examiner.confinement import Cell
from gateway.examiner.process_pool import Answer, Work, serve
from gateway.home.settings import OpenLimits
from gateway.model import NewKey, read_as, without_signatory
from gateway.openpgp import packets
from gateway.openpgp.certificates import CertificateRefused, describe
from gateway.openpgp.embedded import open_signed
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.zones import headings
from gateway.zones.sealing import is_sealed, mended, needs_mending

_PUBLIC_KEY = "PUBLIC KEY BLOCK"
_PUBLIC_TAGS = frozenset({2, 6})
_CLEARSIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"


def _key_drop(job: protocol.Job, data: bytes, limits: OpenLimits) -> protocol.Judged:
    """Return the key, or statement about headings, in a drop in /keys, with the signature. Raises Refusal.
    Returns StillSealed for an encrypted drop, because the opener has to open the drop first.
    """
    signature = job.signature
    if needs_mending(data):
        data = mended(data)
    if signature is None and not (is_ssh(data) or _holds_public_packets(data)):
        if is_sealed(data):
            return protocol.StillSealed(reference=job.reference)
        senders = [sender.encode() for sender in job.senders]
        limits = protocol.limits_for(job, limits)
        data, signature = open_signed(data, senders, limits, job.now, protocol.DROP_BYTES)
    if signature is not None and headings.is_statement(data):
        stated = headings.read(data)
        return protocol.HeadingsDrop(reference=job.reference, stated=stated, signature=signature)
    text = data.decode("latin-1")
    lost = read_as("lost-key", text)
    if lost is not None and lost != text and protocol.SSH_FINGERPRINT.fullmatch(lost.strip()):
        key = NewKey(kind="ssh", fingerprint=lost.strip(), material="", algorithm="")
        found = protocol.KeyDrop(reference=job.reference, change="revoked", key=key, final=True)
    elif (said := read_as("key", text)) is None:  # It states another purpose.
        raise Refusal("key:not-a-key")
    else:
        found = _found(said.encode("latin-1"), job, is_signed=signature is not None)
    return replace(found, signature=signature)


def _holds_public_packets(data: bytes) -> bool:
    if packets.is_binary(data):
        return (data[0] & 0x3F if data[0] & 0x40 else (data[0] >> 2) & 0x0F) in _PUBLIC_TAGS
    kind = packets.kind_of(data)
    return kind is not None and kind[0] in {_PUBLIC_KEY, "SIGNATURE"}


def _found(content: bytes, job: protocol.Job, *, is_signed: bool) -> protocol.KeyDrop:
    """Return the key in a drop: new, or a known certificate with the renewal or revocation.
    `is_signed`: True if the drop is signed, as it must be for a new key. Raises Refusal for anything else.
    """
    known = [certificate.encode() for certificate in (*job.senders, *job.others)]
    if not is_ssh(content):
        # The text in front of an armored block, such as gpg writes above a revocation, is left out.
        kind = None if packets.is_binary(content) else packets.kind_of(content)
        block = content if kind is None else content[kind[1] :]
        is_revocation = False
        with suppress(RuntimeError):
            is_revocation = all(packet.tag == Tag.Signature for packet in PacketPile.from_bytes(block))
        shown = None if is_revocation else describe(content, job.now).fingerprint
        for certificate in known:
            if shown is not None and describe(certificate, job.now).fingerprint != shown:
                continue
            news = block if is_revocation else content
            try:
                update = updated(certificate, news, job.now, job.least_rsa_bits, job.verified)
            except CertificateRefused:
                if is_revocation:  # Perhaps of another of the certificates.
                    continue
                raise
            if update is None:
                raise Refusal("key:nothing-new")
            key, revocation = update
            change: Literal["renewed", "revoked"] = "renewed" if revocation is None else "revoked"
            return protocol.KeyDrop(
                reference=job.reference, change=change, key=key, final=revocation == "hard"
            )
        if is_revocation:
            raise Refusal("key:not-a-key")
    new = judged_key(content, job.now, job.least_rsa_bits, job.verified)  # Reports a secret key as such.
    if not is_signed:
        raise Refusal("key:not-signed")
    return protocol.KeyDrop(reference=job.reference, change="new", key=new)


def _agreement_drop(job: protocol.Job, data: bytes) -> protocol.Judged:
    """Return the signed copy in a drop in /agreement. Raises Refusal for a wrong signer, or another text.
    Returns StillSealed for a drop that is not clearsigned, because the opener has to open the drop first.
    """
    signature = job.signature
    if signature is not None:
        text = data.decode("utf-8", "replace")
    elif _CLEARSIGNED not in data:
        return protocol.StillSealed(reference=job.reference)
    else:
        senders = [sender.encode() for sender in job.senders]
        try:
            text, signature = verify_clearsigned(data.decode("utf-8-sig"), senders, comments=True)
        except UnicodeDecodeError:  # The published text is UTF-8, so any other encoding means another text.
            raise Refusal("agreement:other-text") from None
        except SignatureInvalid:
            raise Refusal("agreement:wrong-signer") from None
    agreed = read_as("ratification", text)
    who, bare = without_signatory(agreed or "")
    if agreed is None or lines_of(bare) != lines_of(job.agreement):
        raise Refusal("agreement:other-text")
    return protocol.AgreementCopy(reference=job.reference, signature=signature, signatory=who)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text for comparison, without trailing blanks, which signing drops."""
    return [line.rstrip() for line in text.removeprefix("\ufeff").rstrip().splitlines()]


def judge(job: protocol.Job, data: bytes, limits: OpenLimits) -> protocol.Judged:
    """Return what a drop in /keys or /agreement holds, or why it is refused.
    `data`: at most the drop's first DROP_BYTES + 1 bytes.
    """
    if not data or len(data) > protocol.DROP_BYTES:
        code = "open:too-large" if data else "open:empty"
        if data and job.folder == "keys" and _holds_public_packets(data):
            code = "key:too-large"
        return protocol.FileRefused(reference=job.reference, why=protocol.OpenRefused(code=code))
    try:
        return _key_drop(job, data, limits) if job.folder == "keys" else _agreement_drop(job, data)
    except Refusal as refusal:
        return protocol.refused(job, refusal.code, refusal.detail)


def work(limits: OpenLimits, message: bytes, descriptors: Sequence[int]) -> Answer:
    """Judge the drop sent with a request; return the finding, or the refusal, as an answer."""
    request = protocol.REQUEST.validate_json(message)
    if not isinstance(request, protocol.Job):
        raise TypeError(request.kind)
    data = os.pread(descriptors[0], protocol.DROP_BYTES + 1, 0)
    return protocol.ANSWER.dump_json(judge(request, data, limits)), ()


def prepared(message: bytes) -> tuple[Cell, Work]:
    """Return the child's confinement and request handler, by the setup message."""
    limits = protocol.READER_SETUP.validate_json(message).limits.open
    return Cell(limits.memory_bytes), partial(work, limits)


if __name__ == "__main__":
    serve(prepared)
