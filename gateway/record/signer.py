"""Validity of signatures by the gateway's records of a provider's keys, beside the engines' verification."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.model import Held, Refused, Upload
from gateway.policy.catalogue import Catalogue
from gateway.registry import register
from gateway.registry.keys import Key


@dataclass(frozen=True, slots=True)
class Signers:
    """A provider's certificates at one moment: those in force, and the others."""

    in_force: tuple[Key, ...]
    others: tuple[Key, ...]

    @property
    def digest(self) -> str:
        """A digest of the certificates and their states; an outcome holds for one digest."""
        parts = [
            f"{key.fingerprint} {key.state} {key.revocation} {key.until} "
            f"{hashlib.sha256(key.material.encode()).hexdigest()}"
            for key in (*self.in_force, *self.others)
        ]
        text = "\n".join([str(len(self.in_force)), *sorted(parts)])
        return hashlib.sha256(text.encode()).hexdigest()

    def find(self, fingerprint: str) -> Key | None:
        """Return the certificate of a fingerprint, or None."""
        return next((key for key in (*self.in_force, *self.others) if key.fingerprint == fingerprint), None)

    def awaits_renewal(self, now: datetime) -> bool:
        """Has a certificate in force by the gateway's records expired by its own date?"""
        return any(key.expires_at is not None and key.expires_at <= now for key in self.in_force)


def signers_of(session: Session, provider: str, now: datetime) -> Signers:
    """Return the certificates among the keys of a provider."""
    known = [key for key in register.of(session).keys_of("provider", provider) if key.kind == "openpgp"]
    return Signers(
        in_force=tuple(key for key in known if key.is_in_force(now)),
        others=tuple(key for key in known if not key.is_in_force(now)),
    )


def objection(
    signer: Key | None, made: datetime, now: datetime, catalogue: Catalogue
) -> Held | Refused | None:
    """Return the objection to a valid signature made at `made` with `signer`; None for no objection.

    Files signed before a key was replaced go to a person for judgement. A compromised key counts for nothing,
    since its holder can date a signature back.
    """
    if signer is None:
        return Refused(reasons=(catalogue.reason("open:wrong-signer"),))
    if signer.is_in_force(now):
        return None
    if signer.state == "pending":
        return Held(reasons=(catalogue.reason("key:not-approved"),))
    if signer.revocation == "hard":
        return Refused(reasons=(catalogue.reason("open:key-revoked"),))
    ended = min(moment for moment in (signer.ended_at, signer.not_after, now) if moment is not None)
    if made < ended:
        return Held(reasons=(catalogue.reason("open:key-superseded"),))
    return Refused(reasons=(catalogue.reason("key:retired"),))


def came_by_login(session: Session, upload: Upload) -> bool:
    """Can an upload have come by a login with the SSH key named by intake?

    The key must have let the provider in at the time, since only intake names the key. A key replaced since
    did; a compromised key counts for nothing.
    """
    known = register.of(session).keys_of("provider", upload.provider)
    login = next((key for key in known if (key.kind, key.fingerprint) == ("ssh", upload.ssh_key)), None)
    if login is None or login.state == "pending" or login.revocation == "hard":
        return False
    ended = [moment for moment in (login.ended_at, login.not_after) if moment is not None]
    return all(upload.landed_at < moment for moment in ended)


def own_keys(session: Session) -> Sequence[Key]:
    """Return the gateway's own OpenPGP keys, in any state."""
    return [key for key in register.of(session).keys_of("gateway", "gateway") if key.kind == "openpgp"]


def opening_keys(own: Sequence[Key], landed_at: datetime, now: datetime) -> Sequence[Key]:
    """Return the gateway's keys for opening an upload: in force now, or at the landing.

    A gateway key retired between the two is no reason to refuse a file sealed in time.
    """
    return [key for key in own if key.is_in_force(now) or _was_in_force(key, landed_at)]


def _was_in_force(key: Key, moment: datetime) -> bool:
    ended = key.not_after or key.ended_at
    return key.state in {"active", "retiring", "retired"} and (ended is None or moment < ended)
