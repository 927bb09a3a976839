"""Query held transfers by the date, person or event waited for, and files that are to be examined again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, true
from sqlmodel import Session, col, select

from gateway.model import Transfer
from gateway.reasons import UNKNOWN_LOGIN, WITHDRAWN
from gateway.registry.deliveries import has_reason
from gateway.registry.recalls import SENT_WITH
from gateway.registry.tables import ReasonRow, TransferRow
from gateway.registry.tables.row import rows, values
from gateway.registry.transfers import is_stored, transfers_of


def due(session: Session, until: datetime, is_ratified: Callable[[str], bool]) -> ColumnElement[bool]:
    """Return the SQL condition for held files whose wait for a date or for a ratification is over.
    The date is not after `until`, or `is_ratified` is True for the provider's id. A file that waits for a
    person as well goes on waiting, but the provider is not told any longer to ratify.
    """
    unratified = and_(for_reasons("policy:agreement-not-ratified"), ~has_reason(WITHDRAWN))
    waiting = select(TransferRow.provider).where(unratified).distinct()
    ratified = [provider for provider in session.exec(waiting) if is_ratified(provider)]
    return or_(
        and_(col(TransferRow.waits_for) == "date", col(TransferRow.held_until) <= until),
        and_(unratified, col(TransferRow.provider).in_(ratified)),
    )


def for_reasons(*codes: str, provider: str | None = None) -> ColumnElement[bool]:
    """Return the SQL condition for files held for any of the reason codes, of one provider or of all."""
    having = select(ReasonRow.transfer).where(col(ReasonRow.code).in_(codes))
    whose = [] if provider is None else [col(TransferRow.provider) == provider]
    return and_(col(TransferRow.state) == "held", *whose, col(TransferRow.sequence).in_(having))


def portion(session: Session, which: ColumnElement[bool], after: int, most: int) -> Sequence[Transfer]:
    """Lock and return at most `most` transfers that meet a condition, the oldest after the sequence `after`.
    Transfers locked by another process, as for a release, are left out: the other process decides on them.
    """
    query = select(TransferRow).where(which, col(TransferRow.sequence) > after)
    query = query.order_by(col(TransferRow.sequence)).limit(most)
    # Other transactions may still insert rows that refer to these.
    locked = query.with_for_update(skip_locked=True, key_share=True)
    return transfers_of(session, session.exec(locked).all())


def to_judge_anew(session: Session, rules: str, *, limit: int) -> Sequence[str]:
    """Return references of the `limit` oldest held files that were judged by other rules than those of digest
    `rules`.
    """
    opened = col(TransferRow.content_sha256).is_not(None)
    others = col(TransferRow.rules).is_distinct_from(rules)
    which = opened, others, ~has_reason(WITHDRAWN), is_stored()
    of = {"state": "held", "folder": "in"}
    return values(session, TransferRow.reference, "sequence", where=which, limit=limit, **of)


def examine_again(
    session: Session,
    provider: str,
    ended: str | None = None,
    *,
    stolen: bool = False,
    login: str | None = None,
) -> Sequence[str]:
    """Set held files of a provider back to landed, to be examined again; return their references.
    By default these are the data files that wait for a key. The other arguments change the choice:
    - `ended`: fingerprint of a key that has ended: only waiting files that the key may have signed. If the
      key is `stolen`, also every other held file that it signed, or that came by a login with it, and is not
      withdrawn.
    - `login`: fingerprint of an SSH key in force again: files in any folder held because a login with it did
      not count.
    """
    waits, signer = col(TransferRow.waits_for) == "key", col(TransferRow.signer)
    of_data = TransferRow.folder == "in" if login is None else true()
    if login is not None:
        by_it = col(TransferRow.ssh_key) == login, has_reason((UNKNOWN_LOGIN,))
        waits = and_(*by_it, ~has_reason(WITHDRAWN))
    if ended is not None:
        waits = and_(waits, or_(signer == ended, signer.is_(None)))
    if stolen:
        with_it = or_(*(getattr(TransferRow, column) == ended for column in SENT_WITH))
        waits = or_(waits, and_(with_it, ~has_reason(WITHDRAWN)))
    held = {"provider": provider, "state": "held"}
    found = rows(session, TransferRow, "sequence", where=(of_data, waits), **held)
    for row in found:
        row.state, row.waits_for = "landed", None
    session.flush()
    return [row.reference for row in found]


def settle_again(session: Session, provider: str, code: str) -> None:
    """Set a provider's keys, signed agreements and statements held for the reason `code` back to landed."""
    which = TransferRow.folder != "in", has_reason((code,))
    for row in rows(session, TransferRow, where=which, provider=provider, state="held"):
        row.state, row.waits_for = "landed", None
    session.flush()
