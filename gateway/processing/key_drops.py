"""What a provider drops in /keys: a new key, a certificate renewed, or one revoked.

A new key counts only when a key of the same provider that is in force has signed it: clearsigned, as
`gpg --sign` makes it, or signed and encrypted like any file. A certificate that is known already
needs no such signature, since its own primary key has signed whatever is new in it; nor does a
revocation certificate, which takes effect at once. Nobody else can have made these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pysequoia.packet import PacketPile, Tag
from sqlmodel import Session, col, select

from gateway.errors import Refusal
from gateway.home import Home
from gateway.keyfile import Update, is_ssh, judge, updated
from gateway.model import Accepted, Decision, Held, Refused, Signature
from gateway.openpgp import armor
from gateway.openpgp.certificates import CertificateRefused, describe
from gateway.openpgp.signed import is_sealed, open_signed
from gateway.processing.drop import DROP_BYTES, Drop, Dropped, Tools
from gateway.processing.examination import Examined, FoundChange, FoundKey, Job, OpenRefused
from gateway.processing.key_changes import Clerk
from gateway.processing.publish import publish_access
from gateway.reasons import reason
from gateway.registry import keys, log
from gateway.registry.database import Registry
from gateway.registry.keys import Key, NewKey, Revocation
from gateway.registry.log import Entry
from gateway.registry.tables import TransferRow

_PUBLIC_KEY = "PUBLIC KEY BLOCK"
_PUBLIC_TAGS = frozenset({2, 6})
_KNOWN_AS = {
    "open:not-signed": "key:not-signed",
    "open:wrong-signer": "key:wrong-signer",
    "open:bad-signature": "key:wrong-signer",
    "open:not-encrypted": "key:not-a-key",
    "open:empty": "key:not-a-key",
    "key:not-a-certificate": "key:not-a-key",
    "key:not-an-ssh-key": "key:not-a-key",
    "key:not-a-revocation": "key:not-a-key",
}


def examine(job: Job, data: bytes, tools: Tools) -> Examined:
    """What `data` holds and who signed it; in the child."""
    try:
        content, signature = _unwrapped(job, data, tools)
        found = _found(content, job, is_signed=signature is not None)
    except Refusal as refusal:
        refused = OpenRefused(code=_KNOWN_AS.get(refusal.code, refusal.code), detail=refusal.detail)
        return Examined(reference=job.reference, refused=refused)
    return Examined(reference=job.reference, signed=signature, key=found)


def _unwrapped(job: Job, data: bytes, tools: Tools) -> tuple[bytes, Signature | None]:
    """What was dropped, out of its signature and encryption; the signature is None where there was none."""
    if is_ssh(data) or _holds_public_packets(data):
        return data, None
    if is_sealed(data):
        return tools.open(job)
    senders = [sender.encode() for sender in job.senders]
    return open_signed(data, senders, tools.limits.open, job.now, DROP_BYTES)


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
                return _of_update(updated(certificate, content, job.now, job.least_rsa_bits))
    if not is_signed:
        judge(content, job.now, job.least_rsa_bits)  # A secret key must be named as what it is.
        raise Refusal("key:not-signed")
    return _as_found("new", judge(content, job.now, job.least_rsa_bits))


def _revocation(content: bytes, known: Sequence[bytes], job: Job) -> FoundKey:
    """The certificate that a lone revocation revokes. Refusal where it is none of the provider's."""
    for certificate in known:
        try:
            return _of_update(updated(certificate, content, job.now, job.least_rsa_bits))
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
    """The armored block, without the words and the colon that gpg puts before a revocation it made itself."""
    kind = None if armor.is_binary(content) else armor.kind_of(content)
    return content if kind is None else content[kind[1] :]


def settle(drop: Dropped) -> Decision:
    """Record the change of keys that a good drop stands for."""
    found = drop.examined.key
    if found is None:
        raise AssertionError("a drop was neither refused nor held a key")
    known = keys.holder(drop.session, found.kind, found.fingerprint)
    if known is not None and (known.owner_kind, known.owner) != ("provider", drop.provider.id):
        return _refused("key:known")
    clerk = Clerk(
        session=drop.session, signing=drop.signing, organisation=drop.settings.organisation, at=drop.now
    )
    if found.change == "new":
        return _settle_new(drop, clerk, found, known)
    if known is None:
        raise AssertionError("a certificate that was offered is not enrolled")
    return _settle_update(drop, clerk, found, known)


def _settle_new(drop: Dropped, clerk: Clerk, found: FoundKey, known: Key | None) -> Decision:
    if known is not None:
        return _refused("key:known" if known.state in {"retired", "revoked"} else "key:nothing-new")
    at_once = drop.key_policy.approve_drops and not drop.provider.suspended
    clerk.add(
        "provider",
        drop.provider.id,
        _new(found),
        state="active" if at_once else "pending",
        dropped_as=drop.examined.reference,
    )
    return _accepted("key:in-force") if at_once else Held(reasons=(reason("key:pending"),))


def _settle_update(drop: Dropped, clerk: Clerk, found: FoundKey, known: Key) -> Decision:
    if found.change == "revoked":
        revocation: Revocation = "hard" if found.final else "soft"
        if not known.may_be_revoked(revocation):
            return _refused("key:nothing-new")
        clerk.revoke(known, revocation, new=_new(found), dropped_as=drop.examined.reference)
        return _accepted("key:revocation-taken")
    if known.state in {"retired", "revoked"}:
        return _refused("key:known")
    clerk.renew(known, _new(found), dropped_as=drop.examined.reference)
    return _accepted("key:renewed")


def settle_later(session: Session, reference: str) -> Decision | None:
    """The decision on a drop whose key waited for approval, once somebody has decided on the key."""
    key = keys.dropped_key(session, reference)
    if key is None or key.state == "pending":
        return None
    return _refused("person:refused") if key.state == "revoked" else _accepted("key:in-force")


def forget(drop: Dropped) -> None:
    """Record that nothing is kept of a drop that held a secret key; `publish` then removes it."""
    row = drop.session.exec(select(TransferRow).where(TransferRow.reference == drop.examined.reference)).one()
    if row.withheld:  # It was recognised at the door, and never stored.
        return
    row.withheld = True
    drop.session.add(row)
    fields = {"what": "sealed-file", "rule": "secret-key", "sha256": row.sha256}
    log.append(drop.session, [Entry(kind="deleted", subject=row.reference, fields=fields)], drop.now)


def publish(home: Home, registry: Registry, now: datetime) -> None:
    """Let intake know the SSH keys as they now are, and remove what must not be kept."""
    publish_access(registry, home.published, now)
    for reference in _withheld(registry):
        home.sealed(reference).unlink(missing_ok=True)


def _withheld(registry: Registry) -> Iterator[str]:
    with registry.read() as session:
        query = select(TransferRow.reference).where(TransferRow.folder == "keys", col(TransferRow.withheld))
        yield from session.exec(query).all()


def _new(found: FoundKey) -> NewKey:
    return NewKey(
        kind=found.kind,
        fingerprint=found.fingerprint,
        material=found.material,
        algorithm=found.algorithm,
        expires_at=found.expires_at,
    )


def _accepted(code: str) -> Accepted:
    return Accepted(flow="keys", teams=(), reasons=(reason(code),))


def _refused(code: str) -> Refused:
    return Refused(reasons=(reason(code),))


DROP = Drop(examine=examine, settle=settle, withheld="key:in-the-clear", publish=publish)
