"""Record changes of keys, each whole: the row, a log entry, and a notice to the provider."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlmodel import Session

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.keys import notices
from gateway.keys.notices import Change
from gateway.log.leaf import Kind, rfc3339
from gateway.model import NewKey
from gateway.openpgp.certificates import compromised, describe
from gateway.reasons.languages import Language
from gateway.receipts.notices import Notice, render
from gateway.registry import copies, keys, log, receipts, waits
from gateway.registry.keys import Key, OwnerKind, Revocation
from gateway.registry.log import Entry
from gateway.secrets.signing import Signing

_PUT_IN_FORCE: frozenset[Kind] = frozenset({"key-added", "key-approved", "key-extended", "key-restored"})
_BACK: frozenset[Kind] = frozenset({"key-approved", "key-restored"})
_ENDED: frozenset[Kind] = frozenset({"key-retired", "key-revoked"})
BY_DROP = "the drop "
"""The beginning of `added_by` and `ended_by` of a key that a provider's drop added or ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """Records changes of keys at `at` in the caller's transaction; the caller then signs the log's head.

    `person` ordered the change; None if a date or a provider's drop did. Files that wait for a key
    are examined again once the key is in force, renewed or ended. Notices to providers are in `languages`.
    """

    session: Session
    signing: Signing
    organisation: str
    at: datetime
    person: str | None = None
    languages: tuple[Language, ...] = ("en",)

    def add(
        self,
        owner_kind: OwnerKind,
        owner: str,
        new: NewKey,
        *,
        state: keys.KeyState = "active",
        dropped_as: str | None = None,
        tell: bool = True,
    ) -> Key:
        """Enrol a key. GatewayError for a key enrolled already. `tell`: True to leave a notice for the key's
        provider. `dropped_as`, here and in other methods: the reference of the upload in which the provider
        sent the key.
        """
        key = keys.add_key(
            self.session,
            owner_kind,
            owner,
            new.kind,
            fingerprint=new.fingerprint,
            material=new.material,
            algorithm=new.algorithm,
            expires_at=new.expires_at,
            at=self.at,
            by=self._by(dropped_as),
            state=state,
            dropped_as=dropped_as,
        )
        change: Change = "waits" if state == "pending" else "in-force"
        return self._done(key, "key-added", change if tell else None, state=state, drop=dropped_as)

    def approve(self, key: Key, *, alone: bool = False) -> Key:
        """Put a waiting key in force. GatewayError if the key is not waiting.
        `alone`: True if the person who enrolled the key approves it, and no second person.
        """
        approved = keys.approve_key(self.session, key)
        return self._done(approved, "key-approved", "in-force", confirmed="alone" if alone else None)

    def renew(self, key: Key, renewed: NewKey, dropped_as: str | None = None) -> Key:
        """Replace an enrolled certificate by a newer version, with the owner's additions.
        If the new version says that a subkey is in wrong hands, the held files signed with the subkey are
        examined again. If it no longer has a subkey for encryption, copies that only this certificate opens
        are made again.
        """
        changed = keys.renew_key(self.session, key, renewed)
        ends = rfc3339(changed.expires_at) if changed.expires_at else None
        old, new = key.material.encode(), renewed.material.encode()
        for stolen in compromised(new, self.at) - compromised(old, self.at):
            waits.examine_again(self.session, key.owner, stolen, stolen=True)
        before, after = (set(describe(one, self.at).encryption_keys) for one in (old, new))
        if after and before - after:
            copies.seal_anew(self.session, key.owner, self.at, but=key.fingerprint)
        return self._done(changed, "key-extended", "renewed", not_after=ends, drop=dropped_as)

    def retire(self, key: Key, until: datetime | None = None, *, why: str | None = None) -> Key:
        """Take a key out of use now, or at `until` if later. GatewayError for a key already out of use."""
        if until is not None and until > self.at:
            changed = keys.retire_later(self.session, key, until)
            return self._done(changed, "key-retiring", "retiring", why, not_after=rfc3339(until))
        ended_at = min(key.not_after, self.at) if key.state == "retiring" and key.not_after else self.at
        changed = keys.end_key(self.session, key, "retired", at=ended_at, by=self._by(None), why=why)
        return self._done(changed, "key-retired", "retired", why)

    def restore(self, key: Key, *, why: str | None = None) -> Key:
        """Undo the retirement of a key. GatewayError for a key not retired, or replaced since then."""
        changed = keys.restore_key(self.session, key)
        return self._done(changed, "key-restored", "waits" if changed.state == "pending" else "in-force", why)

    def suspend(self, key: Key, *, why: str | None) -> Key:
        """Take a key out of use until another person revokes or approves the key."""
        return self._done(keys.suspend_key(self.session, key), "key-suspended", "suspended", why)

    def revoke(
        self,
        key: Key,
        revocation: Revocation,
        *,
        new: NewKey | None = None,
        why: str | None = None,
        dropped_as: str | None = None,
    ) -> Key:
        """Take a key out of use as no longer trusted ("hard") or replaced ("soft").
        `new`: the certificate with the owner's revocation in it, if the owner has made one.
        """
        if new is not None:
            keys.renew_key(self.session, key, new)
        by = self._by(dropped_as)
        changed = keys.end_key(
            self.session, key, "revoked", at=self.at, by=by, why=why, revocation=revocation
        )
        cause = "compromised" if revocation == "hard" else "superseded"
        return self._done(changed, "key-revoked", "revoked", why, cause=cause, drop=dropped_as)

    def destroyed(self, key: Key) -> None:
        """Record the destruction of a secret key of the gateway."""
        self._done(key, "key-destroyed", None)

    def tell(self, key: Key, notice: Notice, provider: str | None = None) -> None:
        """Leave a signed notice about a key for `provider`, or for the key's owner; none for staff's keys."""
        addressee = provider or (key.owner if key.owner_kind == "provider" else None)
        if addressee is None:
            return
        text_of = partial(
            render, notice, organisation=self.organisation, at=self.at, languages=self.languages,
            details=notices.details(key),
        )  # fmt: skip
        receipts.leave_notice(self.session, self.signing, receipts.KEY_NOTICE, addressee, self.at, text_of)

    def _by(self, dropped_as: str | None) -> str:
        return self.person or (f"{BY_DROP}{dropped_as}" if dropped_as else "the gateway")

    def _done(
        self, key: Key, kind: Kind, change: Change | None, why: str | None = None, **more: str | None
    ) -> Key:
        """Log the change `kind` of a key, tell the provider of `change` (None: tell nothing), and return the
        key. For a provider's key, examine again the held files that the change may decide: files that wait
        for a key, if a key comes in force, is renewed or ends; files that a stolen key signed, or that came
        by a login with it; and files that wait for a login, if an SSH key is approved or restored. Copies
        that only ended keys open are made again. The log does not name a member of staff as owner. `more`:
        further fields of the log entry.
        """
        of_provider = key.owner_kind == "provider"
        fields = {"owner": key.owner_kind, "provider": key.owner if of_provider else None, **more}
        entry = Entry(kind=kind, subject=key.fingerprint, fields=fields, actor=self.person, note=why)
        log.append(self.session, [entry], self.at)
        if change is not None:
            self.tell(key, notices.of_change(change, key))
        stolen = kind in _ENDED and key.revocation == "hard"
        if not of_provider or (key.kind != "openpgp" and not stolen and kind not in _BACK):
            return key
        if kind in _PUT_IN_FORCE and key.state != "pending":
            login = key.fingerprint if key.kind == "ssh" else None
            waits.examine_again(self.session, key.owner, login=login)
        elif kind in _ENDED:
            waits.examine_again(self.session, key.owner, key.fingerprint, stolen=stolen)
        if key.kind == "openpgp":
            copies.seal_anew(self.session, key.owner, self.at)
        return key


def clerk_of(session: Session, home: Home, at: datetime, person: str | None) -> Clerk:
    """Return the clerk that changes keys in `home`. ConfigurationError if `home` has unusable keys."""
    settings = load_settings(home)
    signing = Signing.load(home, settings)
    return Clerk(session=session, signing=signing, organisation=settings.organisation, at=at, person=person)


def sign_head(clerk: Clerk) -> str:
    """Sign the log's head over all records of the clerk; return the signed head."""
    return log.sign_head(clerk.session, clerk.signing.log_key, clerk.signing.origin, clerk.at)
