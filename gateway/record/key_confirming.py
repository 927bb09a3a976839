"""Confirm keys by telephone: the owner reads a fingerprint out, and the key comes into force."""

from collections.abc import Sequence

from gateway.errors import GatewayError
from gateway.keys.changes import Clerk
from gateway.model.invitation import are_words, compare, keys_words
from gateway.record.dual_control import TwoPersonAct, are_named_two, check_two, reject
from gateway.registry import givings, keys, roles
from gateway.registry.keys import Key, OwnerKind

READ_OUT = 16
"""So many characters of a fingerprint are read out at least."""
_PAIRS = 9
_INVITED = frozenset({"passkey", "openid"})


def check_read_out(*fingerprints: str) -> None:
    """Raise GatewayError if one of the fingerprints' beginnings is too short to prove a key.

    A forged key may share a few characters of a fingerprint, but not as many.
    """
    if any(len(one.replace(" ", "").removeprefix("SHA256:")) < READ_OUT for one in fingerprints):
        raise GatewayError(f"so short a beginning tells no keys apart: give {READ_OUT} characters or all")


def confirm(
    clerk: Clerk, owner_kind: OwnerKind, owner: str, fingerprints: Sequence[str], by: str
) -> list[Key]:
    """Put keys in force after the owner read out the fingerprints, or the six words of a kit.

    Recorded in a person's name. With two administrators by name, a key needs another person than the one who
    enrolled the key, or who acts with credentials of that person. The inviter may confirm a passkey.
    GatewayError for the wrong person, for a key not waiting, or where the same person asked for a revocation;
    NotFoundError for no such key.
    """
    if owner_kind == "provider" and are_words(fingerprints):
        named = _named_by_words(clerk, owner, fingerprints)
    else:
        named = [keys.find_key(clerk.session, owner_kind, owner, one) for one in fingerprints]
    for key in named:  # A key proposed for revocation needs another person.
        for act in ("revoke-hard", "revoke-soft"):
            reject(clerk.session, TwoPersonAct(act, key.fingerprint), by=by, at=clerk.at)
        _check_second(clerk, key, by)
    return [_confirmed(clerk, key, by) for key in named]


def _named_by_words(clerk: Clerk, owner: str, heard: Sequence[str]) -> list[Key]:
    """Return a kit's two pending keys, named by six words. GatewayError names the first wrong word.

    Where several of a kind wait, the newest pair is named in the error.
    """
    waiting = [key for key in keys.list_keys(clerk.session, "provider", owner) if key.state == "pending"]
    waiting.sort(key=lambda key: key.added_at, reverse=True)
    pairs = [
        (ssh, openpgp)
        for ssh in waiting if ssh.kind == "ssh"
        for openpgp in waiting if openpgp.kind == "openpgp"
    ]  # fmt: skip
    wrong = GatewayError(f"words are for an SSH and an OpenPGP key that wait, as {owner}.keys holds them")
    for ssh, openpgp in reversed(pairs[:_PAIRS]):
        ours = keys_words(clerk.signing.fingerprint, owner, ssh.fingerprint, openpgp.fingerprint)
        try:
            compare(heard, ours)
        except GatewayError as error:
            wrong = GatewayError(f"{error}: have the words read out again, and confirm nothing else")
        else:
            return [ssh, openpgp]
    raise wrong


def _check_second(clerk: Clerk, key: Key, by: str) -> None:
    """Raise GatewayError if `by` enrolled the key, and another person must therefore confirm it."""
    asked = key.unconfirmed and key.kind not in _INVITED and key.dropped_as is None
    if asked and len(roles.administrators(clerk.session)) >= 2:  # noqa: PLR2004 - else there is nobody to ask
        said = f"{key.added_by} enrolled {key.fingerprint}: somebody else must confirm it"
        check_two(clerk.session, key.added_by, by, since=key.added_at, at=clerk.at, said=said)


def _confirmed(clerk: Clerk, key: Key, by: str) -> Key:
    new = bool(key.unconfirmed) and key.dropped_as is None
    approved = clerk.approve(key, alone=new and not are_named_two(key.added_by, by))
    if new and key.owner_kind == "staff":
        givings.note(clerk.session, key.owner, "key", key.fingerprint, by=by, at=clerk.at)
    return approved
