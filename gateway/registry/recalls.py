"""Read and change what recalls and breaches need: openings, deliveries, notices to data protection."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import cast, get_args

from sqlalchemy import ColumnElement, and_, or_, true
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from gateway.log.leaf import OfFile
from gateway.model import LogStep, Reason
from gateway.registry import log, tables
from gateway.registry.tables import AuthorityNoticeRow, CopyRow, DeliveryRow, EventRow, TransferRow
from gateway.registry.tables.row import existing, rows, store, values
from gateway.registry.vouched_rows import add_rows

OPENED = ("collected", "opened")
"""The kinds of event about the opening of a file."""


def openings(session: Session, reference: str) -> tuple[LogStep, ...]:
    """Return the steps in which people opened a file, in order. None is missing: each is logged beforehand.
    A step names the team of the mailbox; no team if the file was opened outside a mailbox.
    """
    return tuple(step for step in log.steps(log.events(session, reference)) if step.kind in OPENED)


def copied_to(session: Session, reference: str) -> tuple[str, ...]:
    """Return the providers whose /out had a copy of a file, sorted by id, even if the file is withdrawn by
    now. A provider whose copy never came into /out, as that of a file with a marked child, is left out.
    """
    withdrawn = max((one.number for one in log.events(session, reference, kind="withdrawn")), default=0)
    query = select(CopyRow.provider).join(TransferRow, col(CopyRow.transfer) == col(TransferRow.sequence))
    query = query.where(TransferRow.reference == reference, col(CopyRow.certificates).is_(None))
    never, found = session.exec(query).all(), set()
    for one in log.events(session, reference, kind="delivered"):
        fields = one.fields
        if "team" not in fields and (one.number < withdrawn or fields["provider"] not in never):
            found.add(fields["provider"])
    return tuple(sorted(found))


def deliveries_of(session: Session, transfer: int) -> Sequence[DeliveryRow]:
    """Return the deliveries of a file, ordered by team."""
    return rows(session, DeliveryRow, "team", transfer=transfer)


def deliver_again(
    session: Session, transfer: int, teams: Sequence[str], at: datetime, *, whole: bool
) -> None:
    """Deliver a file to teams as new, whether or not a team has had the file before.
    `whole`: True to deliver the file as sent. If False, each team gets a view; but a team that had the file
    as sent before gets it as sent again.
    """
    known = {row.team: row for row in deliveries_of(session, transfer)}
    for team in teams:
        row = known.get(team) or DeliveryRow(transfer=transfer, team=team, delivered_at=at)
        row.delivered_at, row.collected_at, row.dealt_with_at, row.dealt_with_by = at, None, None, None
        row.whole = whole or row.whole
        store(session, row)


def add_reasons(session: Session, transfer: int, reasons: Sequence[Reason]) -> None:
    """Add reasons to a transfer. A reason is left out if the transfer has one with the same code."""
    known = {row.code: row.ordinal for row in rows(session, tables.ReasonRow, transfer=transfer)}
    new = {reason.code: asdict(reason) for reason in reasons if reason.code not in known}
    numbered = enumerate(new.values(), max(known.values(), default=-1) + 1)
    told = [{"transfer": transfer, "ordinal": ordinal, **reason} for ordinal, reason in numbered]
    add_rows(session, tables.ReasonRow, told)


def leave_notice(session: Session, reference: str, subject: str, text: str, at: datetime) -> int:
    """Store a notice about a file for data protection officers; return the notice's number."""
    row = AuthorityNoticeRow(reference=reference, subject=subject, text=text, created_at=at)
    store(session, row)
    return cast("int", row.number)


def notices(session: Session) -> Sequence[AuthorityNoticeRow]:
    """Return every notice to data protection officers, latest first."""
    return rows(session, AuthorityNoticeRow, "-number")


def read_notice(session: Session, number: int, *, by: str, at: datetime) -> AuthorityNoticeRow:
    """Return a notice; record the first reader and the time. NotFoundError for an unknown number."""
    row = existing(session.get(AuthorityNoticeRow, number), f"there is no notice {number}")
    if row.read_at is None:
        row.read_at, row.read_by = at, by
    return row


# The kinds of events between arrival and deletion.
_STEPS = (*get_args(OfFile), "released", "refused", "withdrawn", "redelivered")


def stepped_between(
    session: Session, since: datetime | None, until: datetime | None, *, opened_by: str | None = None
) -> set[str]:
    """Return references of files with a log entry from `since` until before `until` (None: no limit).
    `opened_by`: a member of staff; only files that the person opened in that time are returned.
    """
    wanted: ColumnElement[bool] = col(EventRow.kind).in_(_STEPS)
    if opened_by is not None:
        actor = col(EventRow.actor)  # Proven under an account of several people: "NAME (as ACCOUNT)".
        by = or_(actor == opened_by, actor.startswith(f"{opened_by} (as ", autoescape=True))
        wanted = and_(col(EventRow.kind).in_(OPENED), by)
    when = _within(col(EventRow.at), since, until)
    return set(session.exec(select(EventRow.subject).where(wanted, when).distinct()).all())


SENT_WITH = ("ssh_key", "signer", "signing_key")
"""Columns of a transfer with the fingerprints of keys of its sender: the SSH key and the certificate."""


def landed_with(
    session: Session,
    fingerprint: str,
    since: datetime | None,
    until: datetime | None,
    columns: Sequence[str] = SENT_WITH,
) -> set[str]:
    """Return references of the files for which the key with a `fingerprint` was used.
    `columns`: the uses that count, by default the login, and the signature by certificate or signing key.
    Only files landed from `since` until before `until` count (None: no bound).
    """
    wanted = or_(*(getattr(TransferRow, column) == fingerprint for column in columns))
    when = _within(col(TransferRow.landed_at), since, until)
    return set(values(session, TransferRow.reference, where=(wanted, when)))


def _within(column: Mapped[datetime], since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    begun = true() if since is None else column >= since
    return and_(begun, true() if until is None else column < until)
