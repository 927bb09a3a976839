"""Counts and last times of the use of keys, outside the rows vouched for by the log."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlmodel import Session, col

from gateway.registry.keys import OwnerKind
from gateway.registry.tables import KeyRow


def note(session: Session, owner_kind: OwnerKind, owner: str, fingerprint: str, at: datetime) -> None:
    """Record the use of a key at `at`. Harmless for a fingerprint not enrolled."""
    note_each(session, owner_kind, {(owner, fingerprint): (at, 1)})


def note_each(
    session: Session, owner_kind: OwnerKind, uses: Mapping[tuple[str, str], tuple[datetime, int]]
) -> None:
    """Record the uses of many keys: by owner and fingerprint, the last time and the number."""
    given = [
        {"of": owner, "by": fingerprint, "at": at, "times": times}
        for (owner, fingerprint), (at, times) in sorted(uses.items())
    ]
    used = (
        update(KeyRow)
        .where(
            col(KeyRow.owner_kind) == owner_kind,
            col(KeyRow.owner) == bindparam("of"),
            col(KeyRow.fingerprint) == bindparam("by"),
        )
        .values(last_used_at=bindparam("at"), uses=col(KeyRow.uses) + bindparam("times"))
    )
    if given:  # The log vouches for neither column.
        session.connection().execute(used, given)
        for row in session.identity_map.values():
            if isinstance(row, KeyRow):
                session.expire(row, ("uses", "last_used_at"))
