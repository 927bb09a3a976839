"""Decide on drops: keys, signed agreements and statements put by providers into /keys and /agreement.

A new key counts only when signed by a key in force of the same provider: clearsigned, or signed and encrypted
like any file. Two kinds of drop need no signature by another key: a newer version of a known certificate,
with all additions signed by the primary key, and a revocation certificate, which counts at once. Only the
holder of the certificate's own key can have made either. An SSH key or passkey is revoked by a signed
statement with the fingerprint.

A signed agreement proves two keys, as any file does: an SSH key of the provider opened the session, and a
certificate of the same provider, in force, signed the whole text. The guide asks for a clearsigned copy; a
copy signed and encrypted to the gateway is also accepted.

A statement about headings says what the titles of columns in a provider's files mean. A heading may be given
the meaning of an item of Appendix A, but no sensitive heading, and no item that identifies the subject of a
record. Values in the column are still judged by the kind of the item.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlmodel import Session, col, select

from gateway.classify import load_rules
from gateway.examiner import protocol
from gateway.home import Home
from gateway.home.settings import OpenLimits
from gateway.keys.changes import BY_DROP, Clerk
from gateway.model import Decision, Folder, Held, LooksLike, Provider, Refused, Settled, Signature, Upload
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, moment
from gateway.policy.items import harmless_name
from gateway.policy.ratification import has_ended, lapse_day, opens, year_to_ratify
from gateway.publish.projection import publish_access
from gateway.record.registrar import Registrar
from gateway.registry import agreements, keys, log, providers, register, transfers
from gateway.registry.agreements import role_of_copies, sign
from gateway.registry.database import Registry
from gateway.registry.keys import Key, KeyState, Revocation
from gateway.registry.log import Entry
from gateway.registry.tables import HarmlessRow, RatificationRow, ReasonRow, TransferRow
from gateway.store.of_home import store_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One drop to decide on: reference and provider, and the registrar and session for recording."""

    registrar: Registrar
    session: Session
    reference: str
    provider: Provider
    landed_at: datetime
    now: datetime


MOST_KEYS = 50
"""The most keys of a provider that wait, are in force, or came lately: each host has all keys in memory."""
_LATELY = timedelta(days=30)
_ENDED = frozenset({"retired", "revoked"})


def settle_key(drop: Drop, found: protocol.KeyDrop) -> Decision:
    """Decide on a drop with a key, and add, renew or revoke the key accordingly."""
    known = keys.holder(drop.session, found.key.kind, found.key.fingerprint)
    if known is not None and (known.owner_kind, known.owner) != ("provider", drop.provider.id):
        return _refused(drop, "key:known")
    clerk = drop.registrar.clerk(drop.session, drop.now)
    if found.change == "new":
        return _settle_new(drop, clerk, found, known)
    if known is None and found.key.kind == "ssh":
        return _refused(drop, "key:not-a-key")
    if known is None:  # Known at the examination, and gone since: for a person.
        return Held(reasons=(drop.registrar.catalogue.reason("internal:held"),))
    return _settle_update(drop, clerk, found, known)


def _settle_new(drop: Drop, clerk: Clerk, found: protocol.KeyDrop, known: Key | None) -> Decision:
    if known is not None:
        return _refused(drop, "key:known" if known.state in _ENDED else "key:nothing-new")
    present = keys.list_keys(drop.session, "provider", drop.provider.id)
    if sum(_takes_room(key, drop.now) for key in present) >= MOST_KEYS:
        return _refused(drop, "key:too-many")
    at_once = drop.registrar.key_policy.approve_drops and _waits_for_provider(drop) is None
    state: KeyState = "active" if at_once else "pending"
    clerk.add("provider", drop.provider.id, found.key, state=state, dropped_as=drop.reference)
    pending = Held(reasons=(drop.registrar.catalogue.reason("key:pending"),))
    return _taken(drop, "key:in-force") if at_once else pending


def _takes_room(key: Key, now: datetime) -> bool:
    """Return True if a key counts towards the limit of keys: one that waits or is in force, or a new one that
    its provider has ended by a drop.
    """
    if key.state not in _ENDED:
        return True
    return (key.ended_by or "").startswith(BY_DROP) and now - key.added_at < _LATELY


def _settle_update(drop: Drop, clerk: Clerk, found: protocol.KeyDrop, known: Key) -> Decision:
    if found.change == "revoked":
        revocation: Revocation = "hard" if found.final else "soft"
        if not known.may_be_revoked(revocation):
            return _refused(drop, "key:nothing-new")
        new = found.key if found.key.material else None
        clerk.revoke(known, revocation, new=new, dropped_as=drop.reference)
        return _taken(drop, "key:revocation-taken")
    if known.state in _ENDED:
        return _refused(drop, "key:known")
    clerk.renew(known, found.key, dropped_as=drop.reference)
    return _taken(drop, "key:renewed")


def settle_later(session: Session, reference: str, catalogue: Catalogue) -> Decision | None:
    """Return the decision on a drop with a key, once a person approved or refused the key; else None."""
    key = keys.dropped_key(session, reference)
    if key is None or key.state == "pending":
        return None
    if key.state in _ENDED:
        return Refused(reasons=(catalogue.reason("person:refused"),))
    return Settled(flow="keys", reasons=(catalogue.reason("key:in-force"),))


def publish(home: Home, registry: Registry, now: datetime, since: datetime | None = None) -> None:
    """Publish the SSH keys in force to intake; delete from the store any secret key that was uploaded.
    `since`: look only at uploads decided from this moment on; None for all.
    """
    publish_access(registry, home.published, now)
    with registry.read() as session:
        named = select(ReasonRow.transfer).where(ReasonRow.code == "key:secret")
        secret = select(TransferRow.reference).where(
            col(TransferRow.sequence).in_(named), TransferRow.withheld
        )
        if since is not None:
            secret = secret.where(col(TransferRow.decided_at) >= since)
        found = session.exec(secret).all()
    store = store_of(home)
    store.remove([reference for reference in found if store.has(reference)])


def _taken(drop: Drop, code: str) -> Settled:
    return Settled(flow="keys", reasons=(drop.registrar.catalogue.reason(code),))


def _refused(drop: Drop, code: str) -> Refused:
    return Refused(reasons=(drop.registrar.catalogue.reason(code),))


def _waits_for_provider(drop: Drop) -> Held | None:
    """Return the hold on drops of a suspended or closed provider; None for any other provider."""
    provider = drop.provider
    if not provider.suspended and provider.closed_on is None:
        return None
    code = "policy:suspended" if provider.suspended else "policy:closed"
    return Held(reasons=(drop.registrar.catalogue.reason(code),))


def settle_signature(drop: Drop, signature: Signature, signatory: str = "") -> Decision:
    """Decide on a signed copy of the agreement, and record the ratification. `signatory`: the signer's name,
    if known.
    """
    provider, catalogue = drop.provider, drop.registrar.catalogue
    if provider.kind not in catalogue.bodies.parties:
        return Refused(reasons=(catalogue.reason("agreement:not-a-party"),))
    if (waits := _waits_for_provider(drop)) is not None:
        return waits
    today = local_day(drop.now, catalogue.calendar.timezone)
    # Who has given notice may sign again before the last day.
    years = register.of(drop.session).years(provider.id, catalogue.text_wanted, date.max)
    year = year_to_ratify(years, today, catalogue)
    ended = has_ended(today, catalogue)
    if (
        ended
        or not _fresh(signature.created_at, year, drop)
        or (year not in years and signature.created_at < _last_notice(drop))
    ):
        late = catalogue.reason("agreement:signature-date", year=year)
        return Refused(reasons=(catalogue.reason("agreement:ended") if ended else late,))
    role = role_of_copies(catalogue, provider.kind)
    given = agreements.signatures(drop.session, provider.id, year, catalogue.text_sha256)
    if year in years or (role is not None and role.role in {each.role for each in given}):
        return Settled(flow="agreement", reasons=(catalogue.reason("agreement:already-ratified", year=year),))
    by = f"the key {signature.certificate}"
    signed = RatificationRow(
        provider=provider.id, academic_year=year, signatory=signatory or by,
        ratified_on=local_day(signature.created_at, catalogue.calendar.timezone), recorded_at=drop.now,
        recorded_by=by, reference=drop.reference, certificate=signature.certificate,
    )  # fmt: skip
    missing = sign(drop.session, catalogue, signed, role.role if role else None, actor=None)
    if missing and role is not None:
        code, told = "agreement:signed-in-part", {"role": role.name, "missing": ", ".join(missing)}
        return Settled(flow="agreement", reasons=(catalogue.reason(code, year=year, **told),))
    lapses = lapse_day(year, catalogue)
    told = {"year": year, "lapses": f"{lapses.day} {lapses:%B %Y}"}
    return Settled(flow="agreement", reasons=(catalogue.reason("agreement:ratified", **told),))


def _fresh(signed_at: datetime, year: str, drop: Drop) -> bool:
    """Return True if a copy was not signed too long before it landed, and not before `year` could be
    ratified.
    """
    limits: OpenLimits = drop.registrar.limits.open
    oldest = drop.landed_at - timedelta(days=limits.signature_age_days)
    latest = drop.now + timedelta(seconds=limits.clock_skew_seconds)
    day = local_day(signed_at, drop.registrar.catalogue.calendar.timezone)
    return oldest <= signed_at <= latest and day >= opens(year, drop.registrar.catalogue)


def _last_notice(drop: Drop) -> datetime:
    """Return the time, in whole seconds, of the provider's last notice. A copy signed earlier does not undo
    the notice. For a notice recorded after the day on which it was given, the time is the end of that day.
    """
    given, zone = [datetime.min.replace(tzinfo=UTC)], drop.registrar.catalogue.calendar.timezone
    for event in log.events(drop.session, drop.provider.id, kind="notice-given"):
        day = date.fromisoformat(event.note) if event.note else local_day(event.at, zone)
        given.append(min(event.at, moment(day + timedelta(days=1), time(), zone)))
    return max(given).replace(microsecond=0)


MOST_HEADINGS = 1_000
"""The most headings that a provider may explain: they are read with each of its files."""


def settle_headings(drop: Drop, found: protocol.HeadingsDrop) -> Decision:
    """Decide on a statement about headings: record every heading's meaning, or refuse all if one is bad."""
    catalogue = drop.registrar.catalogue
    if (waits := _waits_for_provider(drop)) is not None:
        return waits
    rules = load_rules(drop.registrar.home.policies_in_force)
    known = {harmless_name(heading) for heading, _ in drop.provider.stated}
    new = {harmless_name(heading) for heading, _ in found.stated} - known
    beyond = new if len(known) + len(new) > MOST_HEADINGS else set()
    wrong = [
        number
        for number, (heading, key) in enumerate(found.stated, 1)
        if harmless_name(heading) in {"", *beyond}
        or (key and (not rules.may_be_stated(key) or rules.sensitive.of_name(heading)))
    ]
    if wrong:
        lines = ", ".join(map(str, wrong))
        return Refused(reasons=(catalogue.reason("key:headings-refused", lines=lines),))
    for heading, key in found.stated:
        meaning = HarmlessRow(
            name=harmless_name(heading), header=heading, provider=drop.provider.id, listed_at=drop.now,
            listed_by=f"the key {found.signature.certificate}", why=drop.reference, field=key,
        )  # fmt: skip
        providers.state_heading(drop.session, meaning)
        entry = Entry(kind="column-listed", subject=drop.provider.id, note=f"{heading} = {key}")
        log.append(drop.session, [entry], drop.now)
    return Settled(flow="keys", reasons=(catalogue.reason("key:headings-taken", count=len(found.stated)),))


Dropped = protocol.DropRead | protocol.FileRefused | protocol.FileLost
"""The outcome of the examination of a drop."""

_IN_THE_CLEAR: dict[Folder, str] = {
    "in": "open:not-encrypted",
    "agreement": "agreement:not-signed",
    "keys": "key:in-the-clear",
}
_NOT_SURELY_CLEAR: dict[LooksLike, str] = {
    "other-encryption": "open:other-encryption",
    "unknown": "open:unreadable",
}


def withheld(upload: Upload) -> protocol.FileRefused:
    """Return the refusal of an unencrypted upload; the reason depends on the folder and the first bytes."""
    code = _IN_THE_CLEAR[upload.folder]
    if upload.looks_like == "secret-key":
        code = "key:secret"
    # A long file may hide pupils' data behind a public key: then the alarm is safer.
    elif upload.folder == "in" and upload.looks_like in _NOT_SURELY_CLEAR:
        code = _NOT_SURELY_CLEAR[upload.looks_like]
    elif upload.looks_like == "public" and upload.folder == "in" and upload.size <= protocol.DROP_BYTES:
        code = "key:not-data"
    return protocol.FileRefused(reference=upload.reference, why=protocol.OpenRefused(code=code))


def settle(dropped: Dropped, drop: Drop) -> Decision:
    """Decide on an examined drop or secret key, and record the effects in the caller's transaction."""
    match dropped:
        case protocol.FileLost():
            return Held(reasons=(drop.registrar.catalogue.reason("internal:held"),))
        case protocol.FileRefused(why=why):
            if dropped.is_secret:  # `publish` removes the stored content.
                row = transfers.row_of(drop.session, drop.reference)
                if not row.withheld:  # A drop that intake recognised is withheld already, and never stored.
                    row.withheld = True
                    drop.session.add(row)
                    fields = {"what": "sealed-file", "rule": "secret-key", "sha256": row.sha256}
                    deleted = Entry(kind="deleted", subject=row.reference, fields=fields)
                    log.append(drop.session, [deleted], drop.now)
            return Refused(reasons=(drop.registrar.catalogue.reason(why.code, **why.detail),))
        case protocol.KeyDrop():
            return settle_key(drop, dropped)
        case protocol.HeadingsDrop():
            return settle_headings(drop, dropped)
        case protocol.AgreementCopy(signature=signature, signatory=signatory):
            return settle_signature(drop, signature, signatory)
