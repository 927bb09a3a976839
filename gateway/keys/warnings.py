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
    session: Session, transfer: Transfer, signer: Key | None, now: datetime, *, current: str, warn_days: int
) -> tuple[str, ...]:
    """Return a receipt's warnings about the transfer's keys: the signer's and the gateway's.

    `current` is the fingerprint of the gateway's own key.
    """
    return (*_of_signer(signer, now, warn_days), *_of_gateway(session, transfer, current, now))


def _of_signer(key: Key | None, now: datetime, warn_days: int) -> Iterator[str]:
    left = days_left(key, now) if key is not None and key.is_in_force(now) else None
    if key is None or key.until is None or left is None or left > warn_days:
        return
    days = f"{left} day{'s' if left != 1 else ''}"
    if key.until == key.expires_at:
        yield (
            f"Your key {grouped(key.fingerprint[-16:])} expires in {days}, on {_day(key.until)}. Extend it "
            f"(gpg --quick-set-expire {key.fingerprint.upper()} 2y), export it, and put the file into /keys."
        )
    else:
        yield (
            f"Your key {grouped(key.fingerprint[-16:])} counts for {days} more, until {_day(key.until)}. "
            "Sign with your new one from now on."
        )


def _of_gateway(session: Session, transfer: Transfer, current: str, now: datetime) -> Iterator[str]:
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
