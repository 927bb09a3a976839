"""Confirming keys by telephone: the owner has read a fingerprint out, and the key comes into force."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import GatewayError
from gateway.keys.changes import Clerk
from gateway.record.second_person import TwoPersonAct, reject
from gateway.registry import keys
from gateway.registry.keys import Key, OwnerKind

_READ_OUT = 16


def check_read_out(fingerprint: str) -> None:
    """GatewayError for too short a beginning of a fingerprint.

    A forged key may share a few characters of a fingerprint, but not as many.
    """
    read_out = fingerprint.replace(" ", "").removeprefix("SHA256:")
    if len(read_out) < _READ_OUT:
        raise GatewayError(f"so short a beginning tells no keys apart: give {_READ_OUT} characters or all")


def confirm(
    clerk: Clerk, owner_kind: OwnerKind, owner: str, fingerprints: Sequence[str], by: str
) -> list[Key]:
    """Put pending keys in force after their fingerprints were read out, in a person's name.

    GatewayError for a key not pending, or where the same person asked for a revocation; NotFoundError for no
    such key.
    """
    named = [keys.find_key(clerk.session, owner_kind, owner, one) for one in fingerprints]
    for key in named:  # A key proposed for revocation needs another person.
        for act in ("revoke-hard", "revoke-soft"):
            reject(clerk.session, TwoPersonAct(act, key.fingerprint), by=by, at=clerk.at)
    return [clerk.approve(key) for key in named]
