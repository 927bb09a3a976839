"""Keys dropped by a provider in /keys: a new key, a renewed certificate, or a revocation.

A new key counts only when signed by a key in force of the same provider: clearsigned, as `gpg --sign` makes
it, or signed and encrypted like any file. A known certificate needs no such signature, since its own primary
key has signed all additions; nor does a revocation certificate, effective at once. Nobody else can have made
either. An SSH key or passkey is revoked by a signed statement that names its fingerprint.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.examiner.protocol import FoundKey
from gateway.home import Home
from gateway.keys.changes import Clerk
from gateway.model import Decision, Held, NewKey, Refused, Settled
from gateway.policy.catalogue import Catalogue
from gateway.publish.projection import publish_access
from gateway.record.drops.drop import Drop
from gateway.registry import keys, log
from gateway.registry.database import Registry
from gateway.registry.keys import Key, Revocation
from gateway.registry.log import Entry
from gateway.registry.tables import TransferRow
from gateway.store.of_home import store_of


def settle(drop: Drop, found: FoundKey) -> Decision:
    """Record the change of keys expressed by a valid drop."""
    known = keys.holder(drop.session, found.kind, found.fingerprint)
    if known is not None and (known.owner_kind, known.owner) != ("provider", drop.provider.id):
        return _refused(drop, "key:known")
    clerk = Clerk(
        session=drop.session,
        signing=drop.registrar.signing,
        organisation=drop.registrar.settings.organisation,
        at=drop.now,
        languages=drop.registrar.catalogue.agreement.languages,
    )
    if found.change == "new":
        return _settle_new(drop, clerk, found, known)
    if known is None and found.kind == "ssh":
        return _refused(drop, "key:not-a-key")
    if known is None:  # Known at the examination, and gone since: for a person.
        return Held(reasons=(drop.registrar.catalogue.reason("internal:held"),))
    return _settle_update(drop, clerk, found, known)


def _settle_new(drop: Drop, clerk: Clerk, found: FoundKey, known: Key | None) -> Decision:
    if known is not None:
        return _refused(drop, "key:known" if known.state in {"retired", "revoked"} else "key:nothing-new")
    takes_part = not (drop.provider.suspended or drop.provider.is_closed)
    at_once = drop.registrar.key_policy.approve_drops and takes_part
    clerk.add(
        "provider",
        drop.provider.id,
        _new(found),
        state="active" if at_once else "pending",
        dropped_as=drop.reference,
    )
    return (
        _taken(drop, "key:in-force")
        if at_once
        else Held(reasons=(drop.registrar.catalogue.reason("key:pending"),))
    )


def _settle_update(drop: Drop, clerk: Clerk, found: FoundKey, known: Key) -> Decision:
    if found.change == "revoked":
        revocation: Revocation = "hard" if found.final else "soft"
        if not known.may_be_revoked(revocation):
            return _refused(drop, "key:nothing-new")
        new = _new(found) if found.material else None
        clerk.revoke(known, revocation, new=new, dropped_as=drop.reference)
        return _taken(drop, "key:revocation-taken")
    if known.state in {"retired", "revoked"}:
        return _refused(drop, "key:known")
    clerk.renew(known, _new(found), dropped_as=drop.reference)
    return _taken(drop, "key:renewed")


def settle_later(session: Session, reference: str, catalogue: Catalogue) -> Decision | None:
    """Return the decision on a drop with a key waiting for approval, once a person has decided."""
    key = keys.dropped_key(session, reference)
    if key is None or key.state == "pending":
        return None
    if key.state == "revoked":
        return Refused(reasons=(catalogue.reason("person:refused"),))
    return Settled(flow="keys", reasons=(catalogue.reason("key:in-force"),))


def forget(drop: Drop) -> None:
    """Record that a drop with a secret key is not kept; `publish` then removes the file."""
    row = drop.session.exec(select(TransferRow).where(TransferRow.reference == drop.reference)).one()
    if row.withheld:  # Recognised by intake, and never stored.
        return
    row.withheld = True
    drop.session.add(row)
    fields = {"what": "sealed-file", "rule": "secret-key", "sha256": row.sha256}
    log.append(drop.session, [Entry(kind="deleted", subject=row.reference, fields=fields)], drop.now)


def publish(home: Home, registry: Registry, now: datetime) -> None:
    """Publish the current SSH keys to intake, and remove files not to be kept."""
    publish_access(registry, home.published, now)
    store = store_of(home)
    store.remove([reference for reference in _withheld(registry) if store.has(reference)])


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


def _taken(drop: Drop, code: str) -> Settled:
    return Settled(flow="keys", reasons=(drop.registrar.catalogue.reason(code),))


def _refused(drop: Drop, code: str) -> Refused:
    return Refused(reasons=(drop.registrar.catalogue.reason(code),))
