"""Record and read who gave each member of staff a credential: a key, a role, or a system account."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, cast

from sqlmodel import Session, col, or_, select

from gateway.registry import log
from gateway.registry.tables import AccountRow, GivingRow, KeyRow, RoleRow
from gateway.registry.tables.row import drop, only, rows, store

What = Literal["key", "role", "account"]
Credential = tuple[str, What, str]
"""A credential of a member of staff: owner, kind, and the fingerprint or name."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def note(session: Session, owner: str, what: What, mark: str, *, by: str, at: datetime) -> None:
    """Record that `by` gave the member of staff `owner` the credential `mark`, or confirmed it."""
    store(session, GivingRow(staff=owner, what=what, mark=mark, by=by, at=at))


def forget(session: Session, owner: str, what: What, mark: str | None = None) -> None:
    """Delete the record of who gave a person the role or account called `mark`; of all if `mark` is None."""
    drop(session, *rows(session, GivingRow, staff=owner, what=what, **only(mark=mark)))


def credentials(session: Session, since: datetime) -> Mapping[Credential, Sequence[GivingRow]]:
    """Return the givers of each current credential of staff, and of each key or account ended after `since`.
    First comes the person who gave the credential ("" if not on record), then everybody who confirmed it.
    Unconfirmed keys are left out.
    """
    givers: defaultdict[Credential, list[GivingRow]] = defaultdict(list)
    for row in rows(session, GivingRow, "id"):
        givers[row.staff, cast("What", row.what), row.mark].append(row)
    counted = or_(col(KeyRow.ended_at).is_(None), col(KeyRow.ended_at) >= since)
    confirmed = col(KeyRow.unconfirmed).is_not(True)
    theirs = session.exec(select(KeyRow).where(KeyRow.owner_kind == "staff", counted, confirmed)).all()
    current: list[tuple[str, What, str, str, datetime]] = [
        *((key.owner, "key", key.fingerprint, key.added_by, key.added_at) for key in theirs),
        *((one.staff, "role", one.role, "", _LONG_AGO) for one in rows(session, RoleRow)),
        *((one.staff, "account", one.account, "", _LONG_AGO) for one in rows(session, AccountRow)),
    ]
    ended = disowned(session).items()
    current += [(owner, "account", account, "", _LONG_AGO) for (account, owner), at in ended if at > since]
    return {
        (owner, what, mark): givers[owner, what, mark]
        or [GivingRow(staff=owner, what=what, mark=mark, by=by, at=at)]
        for owner, what, mark, by, at in current
    }


def disowned(session: Session) -> Mapping[tuple[str, str], datetime]:
    """Return when members of staff last said that an account is not theirs, by account and person."""
    told = log.events(session, "staff", kind="credentials-confirmed")
    ended = [one for one in told if one.fields["what"] == "disowned"]
    pairs = (((one.note or "").partition(": "), one.at) for one in ended)
    return {(account, owner): at for (owner, _, account), at in pairs}
