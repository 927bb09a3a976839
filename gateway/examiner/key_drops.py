"""Examine a drop in /keys, in the isolated child: the key, and the signature vouching for it."""

from collections.abc import Sequence

from pysequoia.packet import PacketPile, Tag

from gateway.enrolment.key_file import Update, is_ssh, judge, updated
from gateway.errors import Refusal
from gateway.examiner.drop_tools import DROP_BYTES, DropToJudge, IsSealed, refused
from gateway.examiner.protocol import FileRefused, FoundChange, FoundKey, HeadingsDrop, Job, KeyDrop
from gateway.model import NewKey, Signature, read_as
from gateway.openpgp import armor
from gateway.openpgp.certificates import CertificateRefused, describe
from gateway.openpgp.signed import is_sealed, open_signed
from gateway.zones import headings
from gateway.zones.wrapping import mended, needs_mending

_PUBLIC_KEY = "PUBLIC KEY BLOCK"
_PUBLIC_TAGS = frozenset({2, 6})


def examine(drop: DropToJudge) -> KeyDrop | HeadingsDrop | FileRefused:
    """Find the key or the headings in a drop, and its signer."""
    job = drop.job
    try:
        content, signature = _unwrapped(drop)
        if signature is not None and headings.is_statement(content):
            return HeadingsDrop(reference=job.reference, stated=headings.read(content), signature=signature)
        found = _found(_said_of_keys(content), job, is_signed=signature is not None)
    except Refusal as refusal:
        return refused(job, refusal.code, refusal.detail)
    return KeyDrop(reference=job.reference, key=found, signature=signature)


def _unwrapped(drop: DropToJudge) -> tuple[bytes, Signature | None]:
    """Return the content of a drop without its signature; the signature is None for an unsigned drop."""
    data, job = mended(drop.data) if needs_mending(drop.data) else drop.data, drop.job
    if drop.opened_by is not None:
        return data, drop.opened_by
    if is_ssh(data) or _holds_public_packets(data):
        return data, None
    if is_sealed(data):
        raise IsSealed
    senders = [sender.encode() for sender in job.senders]
    return open_signed(data, senders, drop.limits, job.now, DROP_BYTES)


def _said_of_keys(content: bytes) -> bytes:
    """Return the signed content. Raises Refusal where signed for another folder."""
    said = read_as("key", content.decode("latin-1"))
    if said is None:
        raise Refusal("key:not-a-key")
    return said.encode("latin-1")


def _holds_public_packets(data: bytes) -> bool:
    if armor.is_binary(data):
        return (data[0] & 0x3F if data[0] & 0x40 else (data[0] >> 2) & 0x0F) in _PUBLIC_TAGS
    kind = armor.kind_of(data)
    return kind is not None and kind[0] in {_PUBLIC_KEY, "SIGNATURE"}


def _found(content: bytes, job: Job, *, is_signed: bool) -> FoundKey:
    known = [certificate.encode() for certificate in (*job.senders, *job.others)]
    if not is_ssh(content):
        if _is_lone_signature(content):
            return _revocation(_block(content), known, job)
        shown = describe(content, job.now)
        for certificate in known:
            if describe(certificate, job.now).fingerprint == shown.fingerprint:
                return _of_update(updated(certificate, content, job.now, job.least_rsa_bits, job.verified))
    if not is_signed:
        judge(content, job.now, job.least_rsa_bits, job.verified)  # Report a secret key as such.
        raise Refusal("key:not-signed")
    return _as_found("new", judge(content, job.now, job.least_rsa_bits, job.verified))


def _revocation(content: bytes, known: Sequence[bytes], job: Job) -> FoundKey:
    """Return the certificate revoked by a lone revocation. Raises Refusal if not the provider's."""
    for certificate in known:
        try:
            return _of_update(updated(certificate, content, job.now, job.least_rsa_bits, job.verified))
        except CertificateRefused:
            continue
    raise Refusal("key:not-a-key")


def _of_update(update: Update | None) -> FoundKey:
    if update is None:
        raise Refusal("key:nothing-new")
    return _as_found(update.change, update.new, final=update.final)


def _as_found(change: FoundChange, new: NewKey, *, final: bool = False) -> FoundKey:
    return FoundKey(
        change=change,
        kind=new.kind,
        fingerprint=new.fingerprint,
        material=new.material,
        algorithm=new.algorithm,
        expires_at=new.expires_at,
        final=final,
    )


def _is_lone_signature(content: bytes) -> bool:
    try:
        return all(packet.tag == Tag.Signature for packet in PacketPile.from_bytes(_block(content)))
    except RuntimeError:
        return False


def _block(content: bytes) -> bytes:
    """Return the armored block, without the text and the colon gpg puts before its own revocations."""
    kind = None if armor.is_binary(content) else armor.kind_of(content)
    return content if kind is None else content[kind[1] :]
