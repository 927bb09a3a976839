"""The act to list keys of providers and staff, and functions for other acts on keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import ActContext, Recording
from gateway.acts.fields import argument, option
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError, NotFoundError
from gateway.home.settings import KeyPolicy, load_key_policy
from gateway.model import NewKey, counted
from gateway.registry import keys, providers, staff
from gateway.registry.keys import Key, KeyState, OwnerKind
from gateway.registry.tables import EventRow

OWNER = "The provider, or the member of staff."
OfStaff = Annotated[bool, option("ID is a member of staff.", form="It is a member of staff.")]
"""The field that says if the owner of a key is a member of staff, not a provider."""
RING_TO_CONFIRM_KEY = """Ring the owner on a number you know and let them read the fingerprint to you.
Then: gateway keys confirm {} FPR, with each (of ID.keys: the six words) read out; till then no key counts."""
"""The next step after a key of an owner was added: it waits until its owner has confirmed the fingerprint."""
READ_OUT = 16
"""The fewest characters of a fingerprint that identify a key when read out."""


class ListKeys(ListingAct, command="keys list", right=AccessRight.LOOK):
    """List the keys of one owner, or of all: end, last use, number of uses, and warnings."""

    columns: ClassVar = ("owner", "kind", "fingerprint", "state", "until", "last_used_at", "uses", "notes")
    personal_columns: ClassVar = ("owner", "notes")
    empty: ClassVar = "no key is enrolled"

    id: str | None = argument(
        "The provider; with --staff, the person.",
        None, metavar="[ID]", personal=True, form=OWNER,
    )  # fmt: skip
    staff: OfStaff = False

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each key, in order of owner."""
        kind: OwnerKind | None = "staff" if self.staff else None
        with context.reading() as session:
            if self.id is not None:
                kind = owner_kind_of(session, self.id, is_staff=self.staff)
            listed = keys.list_keys(session, kind, self.id)
            at, policy = context.clock(), load_key_policy(context.home)
            return [_row(key, keys.suspension(session, key), at, policy) for key in listed]


def check_read_out(*fingerprints: str) -> None:
    """Raise GatewayError if a fingerprint, or the given beginning of one, is too short to identify a key.
    A forged key may share a few characters of a fingerprint, but not READ_OUT characters.
    """
    if any(len(one.replace(" ", "").removeprefix("SHA256:")) < READ_OUT for one in fingerprints):
        raise GatewayError(
            f"so short a beginning tells no keys apart: give {READ_OUT} characters or all, "
            "without spaces or in quotes"
        )


def enrol_key(record: Recording, owner_kind: OwnerKind, owner: str, new: NewKey, *, state: KeyState) -> None:
    """Store and log a key in the given `state`. The log entry names a provider, but no member of staff."""
    keys.add_key(
        record.session, owner_kind, owner, new.kind,
        fingerprint=new.fingerprint, material=new.material, algorithm=new.algorithm,
        expires_at=new.expires_at, at=record.at, by=record.by, state=state,
    )  # fmt: skip
    fields = {"owner": owner_kind, "state": state} | ({"provider": owner} if owner_kind == "provider" else {})
    record.note("key-added", new.fingerprint, fields)


def owner_kind_of(session: Session, identifier: str, *, is_staff: bool) -> OwnerKind:
    """Return "staff" if `is_staff`, else "provider". NotFoundError if no such owner is on record."""
    if is_staff:
        staff.get_staff(session, identifier)
        return "staff"
    try:
        providers.provider_row(session, identifier)
    except NotFoundError as unknown:
        if identifier in staff.list_staff(session):
            raise NotFoundError(f"{unknown}; {identifier} is a member of staff: add --staff") from None
        raise
    return "provider"


def _row(key: Key, suspension: EventRow | None, at: datetime, policy: KeyPolicy) -> Row:
    last = key.last_used_at or key.added_at
    unused = key.is_in_force(at) and last < at - timedelta(days=policy.unused_days)
    return asdict(key) | {
        "provider": key.owner if key.owner_kind == "provider" else None,
        "in_force": key.is_in_force(at),
        "until": key.until,
        "days_left": key.days_left(at),
        "warning": key.step_due(at, policy.warn_days),
        "unused": unused,
        "notes": list(_notes(key, suspension, at, policy, unused=unused)),
    }


def _notes(
    key: Key, suspension: EventRow | None, at: datetime, policy: KeyPolicy, *, unused: bool
) -> Iterator[str]:
    staff = " --staff" if key.owner_kind == "staff" else ""
    if suspension is not None:
        what = f"gateway keys revoke {key.owner} FPR{staff}, or keys confirm if it is safe after all"
        yield f"revoked by {suspension.actor} alone; a second person decides: {what}"
    elif key.state == "pending" or (key.unconfirmed and key.is_in_force(at)):
        yield f"waits: gateway keys confirm {key.owner} FPR{staff}, once it is read out to you"
    if key.why:
        yield f"{key.state}: {key.why}"
    if unused:
        yield f"not used for {counted(policy.unused_days, 'day')}"
    if key.state in {"active", "retiring"} and key.has_expired(at):
        yield "expired: what it signs waits"
    elif key.is_in_force(at) and key.step_due(at, policy.warn_days) is not None:
        yield f"ends in {counted(key.days_left(at) or 0, 'day')}"
