"""What cannot be undone takes two people: who enrolled a key does not alone release what waits for it.

A person is the account that a command runs under, as the operating system knows it, or behind sudo the
account that called it. Where several administrators share one account, each names themselves in
GATEWAY_ADMIN, and the record says "NAME (as ACCOUNT)". That is their word only: the rule binds whoever
shares no account, and reminds the others.
"""

from __future__ import annotations

import re

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.model import Transfer
from gateway.registry import keys

_NAMED = re.compile(r"(?P<name>.+) \(as (?P<account>.+)\)")
_FOR_A_KEY = ("key:", "open:key-")


def check_release(session: Session, transfer: Transfer, person: str) -> None:
    """GatewayError where `person` may not alone release a held file, because they enrolled its key."""
    if transfer.signature is None or not any(r.code.startswith(_FOR_A_KEY) for r in transfer.reasons):
        return
    for key in keys.list_keys(session, "provider", transfer.upload.provider):
        if key.fingerprint == transfer.signature.certificate and not are_two(key.added_by, person):
            raise GatewayError(
                f"{transfer.upload.reference} waits for the key {key.fingerprint}, which {key.added_by} "
                f"enrolled: somebody else must release it"
            )


def are_two(one: str, other: str) -> bool:
    """Whether two names on record are certainly of two people.

    Where one account was used twice and not both times by a named person, it may be the same.
    """
    (first, account), (second, other_account) = _parts(one), _parts(other)
    if first is not None and second is not None:
        return first != second
    return account != other_account and (first or account) != (second or other_account)


def name_of(person: str) -> str:
    """The name of a person on record, without the account that it was given under."""
    name, account = _parts(person)
    return name or account


def _parts(person: str) -> tuple[str | None, str]:
    found = _NAMED.fullmatch(person)
    return (found["name"], found["account"]) if found else (None, person)
