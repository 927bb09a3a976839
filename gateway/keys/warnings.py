"""Warnings of a key's end: on receipts, and as notices on set days before."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session

from gateway.model import Transfer
from gateway.openpgp.certificates import grouped
from gateway.registry import keys
from gateway.registry.keys import Key


def days_left(key: Key, now: datetime) -> int | None:
    """Return the days until a key's end, with the present day counted; None without an end."""
    if key.until is None or key.until <= now:
        return None
    return -((now - key.until) // timedelta(days=1))


def step_due(key: Key, now: datetime, steps: tuple[int, ...]) -> int | None:
    """Return the warning now due: the shortest of `steps` not shorter than the days left."""
    left = days_left(key, now)
    due = [step for step in steps if left is not None and left <= step]
    return min(due, default=None)


def notices_on_keys(
    session: Session, transfer: Transfer, key: Key | None, now: datetime, *, current: str, warn_days: int
) -> Iterator[str]:
    """Yield a receipt's warnings about the transfer's keys: the signer's, `key`, and the gateway's.

    `current` is the fingerprint of the gateway's own key.
    """
    left = days_left(key, now) if key is not None and key.is_in_force(now) else None
    if key is not None and key.until is not None and left is not None and left <= warn_days:
        name, days = grouped(key.fingerprint[-16:]), f"{left} day{'s' if left != 1 else ''}"
        if key.until == key.expires_at:
            yield (
                f"Your key {name} expires in {days}, on {_day(key.until)}. Extend it (gpg --quick-set-expire "
                f"{key.fingerprint.upper()} 2y), export it, and put the file into /keys."
            )
        else:
            yield (
                f"Your key {name} counts for {days} more, until {_day(key.until)}. Sign with your new one "
                "from now on."
            )
    if transfer.opened_by in {None, current}:
        return
    old = keys.holder(session, "openpgp", transfer.opened_by or "")
    until = old.not_after if old is not None else None
    ends = f"; files for the old one are opened until {_day(until)}" if until and until > now else ""
    yield (
        f"You encrypted to an old key of the gateway{ends}. Fetch /keys/gateway.asc, import it, and encrypt "
        f"to {grouped(current[-16:])} from now on. /keys/gateway-succession.asc, signed with the old key, "
        "proves the new one."
    )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
