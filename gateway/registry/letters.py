"""Queue letters, once for each event and address, and record if the mail relay took or returned a letter."""

import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import get_args

from sqlalchemy.orm import defer
from sqlmodel import Session, col, delete, func, select, update

from gateway.errors import GatewayError
from gateway.policy.small_schemas import FileLetterKind
from gateway.registry import holds
from gateway.registry.deliveries import is_shown_to
from gateway.registry.tables import DeliveryRow, LetterRow, TransferRow
from gateway.registry.tables.row import existing, portions, rows, store, values

_DIGITS = 40
_GIVEN_UP = "not taken in time"
_CHASED_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter to queue. `event` names the occasion: an address gets one letter on each occasion."""

    event: str
    recipient: str
    kind: str
    subject: str
    text: str
    provider: str | None = None

    def message_id(self, origin: str) -> str:
        """Return the Message-ID, always the same for a log `origin`, event and address (RFC 5322, 3.6.4)."""
        digest = hashlib.sha256(f"{origin}\0{self.event}\0{self.recipient}".encode()).hexdigest()[:_DIGITS]
        return f"<{digest}@{origin.partition('/')[0]}>"


def events_on_record(session: Session, events: Collection[str]) -> set[str]:
    """Return the `events` about which a letter is on record; leave out all other events."""
    return set(values(session, LetterRow.event, event=events))


def events_about_file(kind: str, to: str, reference: str, before: int) -> list[str]:
    """Return every possible `event` of a letter of a kind about a file, oldest first.
    `to`: the address or team. `before`: how often the file was withdrawn or held for other reasons; each
    time, the next letter has a new event. An event ends with the file's reference, so a person who may not
    know of the file does not see the letter.
    """
    numbers = ("", *(f"{one}:" for one in range(1, before + 1)))
    return [f"{kind}:{to}:{number}{reference}" for number in numbers]


def chase_event(provider: str, day: date) -> str:
    """Return the `event` of the letter reminding a provider of missing data on a day."""
    return f"chase:provider:{provider}:{day}"


def chased(session: Session, providers: Collection[str], day: date) -> dict[str, LetterRow]:
    """Return by provider the last letter about missing data, if sent for one of the 30 days up to `day`."""
    events = [chase_event(one, day - timedelta(days=ago)) for one in providers for ago in range(_CHASED_DAYS)]
    return {row.provider or "": row for row in rows(session, LetterRow, "number", event=events)}


def get(session: Session, number: int) -> LetterRow:
    """Return a letter. NotFoundError for an unknown number."""
    return existing(session.get(LetterRow, number), f"there is no letter {number}")


def of_week(session: Session, week: str) -> set[str]:
    """Return the events of the weekly letters queued in a week, such as "2026-W48"."""
    of_it = LetterRow.kind == "weekly", col(LetterRow.event).endswith(f":{week}", autoescape=True)
    return set(session.exec(select(LetterRow.event).where(*of_it)).all())


def earlier_message_ids(session: Session, letter: LetterRow) -> Sequence[str]:
    """Return the Message-IDs of earlier letters to the same address about the same file, oldest first."""
    kind, _, rest = letter.event.partition(":")
    if kind not in get_args(FileLetterKind):
        return ()
    team, _, rest = rest.partition(":")
    number, _, reference = rest.rpartition(":")
    times = int(number) if number.isdecimal() else 0
    about = [
        event for one in get_args(FileLetterKind) for event in events_about_file(one, team, reference, times)
    ]
    earlier, to = [col(LetterRow.number) < letter.number], letter.recipient
    return values(session, LetterRow.message_id, "number", where=earlier, event=about, recipient=to)


def owe(session: Session, letters: Iterable[Letter], origin: str, at: datetime) -> int:
    """Queue the letters not yet on record; return how many were queued. `origin` is the log's name."""
    owed = 0
    for letter in letters:
        if not rows(session, LetterRow, event=letter.event, recipient=letter.recipient):
            said = dataclasses.asdict(letter)
            store(session, LetterRow(**said, message_id=letter.message_id(origin), owed_at=at))
            owed += 1
    return owed


_UNSENT = tuple(col(one).is_(None) for one in (LetterRow.sent_at, LetterRow.refused, LetterRow.bounced_at))


def unsent(session: Session) -> Sequence[int]:
    """Return the numbers of letters neither sent, refused, nor noted as come back, oldest first."""
    return [one for one in values(session, LetterRow.number, "number", where=_UNSENT) if one is not None]


def readdress(session: Session, provider: str, reached: Collection[str], origin: str, at: datetime) -> None:
    """Queue a provider's unsent letters to other addresses for the addresses `reached` instead."""
    query = select(LetterRow).where(*_UNSENT, LetterRow.provider == provider)
    for row in session.exec(query.where(col(LetterRow.recipient).not_in(reached))).all():
        if row.event.split(":")[1] == "provider":
            said = {field.name: getattr(row, field.name) for field in dataclasses.fields(Letter)}
            owe(session, [Letter(**said | {"recipient": one}) for one in reached], origin, at)
            row.refused = "not sent: no contact has this address any more"


def give_up(session: Session, before: datetime) -> None:
    """Record the unsent letters queued before a moment as never taken by a relay."""
    late = update(LetterRow).where(*_UNSENT, col(LetterRow.owed_at) < before)
    session.exec(late.values(refused=_GIVEN_UP))


def take_up(session: Session, number: int, at: datetime) -> LetterRow:
    """Queue a given-up letter once more; return the row. GatewayError if the letter was not given up."""
    row = get(session, number)
    if row.refused != _GIVEN_UP or row.bounced_at is not None:
        raise GatewayError(f"letter {number} was not given up: gateway letters list says what became of it")
    row.owed_at, row.refused = at, None
    session.flush()
    return row


def note(session: Session, number: int, *, at: datetime, refused: str | None) -> None:
    """Record a letter as taken or `refused` by a relay. Does nothing if taken before, or refused twice."""
    row = session.get(LetterRow, number)
    if row is not None and row.sent_at is None and None in (row.refused, refused):
        row.sent_at, row.refused = (at, None) if refused is None else (None, refused)


def bounced(session: Session, number: int, *, at: datetime, by: str, why: str) -> None:
    """Record that a letter came back, as `by` reports. NotFoundError for an unknown number."""
    row = get(session, number)
    row.bounced_at, row.bounced_by, row.bounced_why = at, by, why


def forget(session: Session, before: datetime) -> None:
    """Delete the letters queued before a moment.
    A letter to a provider on legal hold, or about a transfer or notice on legal hold, stays.
    """
    query = select(LetterRow.number, LetterRow.event, LetterRow.provider)
    due = session.exec(query.where(col(LetterRow.owed_at) < before)).all()
    on = holds.list_holds(session)
    held = {one.provider for one in on if one.provider is not None}
    for some in portions(due):
        about = {number: event.rpartition(":")[2] for number, event, to in some if to not in held}
        kept = holds.on_hold(session, about.values(), on)
        gone = [number for number, reference in about.items() if reference not in kept]
        session.exec(delete(LetterRow).where(col(LetterRow.number).in_(gone)))


def listed(session: Session) -> Sequence[LetterRow]:
    """Return every letter, oldest first; the texts, which may be large in all, are read when asked for."""
    query = select(LetterRow).options(defer(col(LetterRow.text)))  # type: ignore[arg-type] # col() is too wide
    return session.exec(query.order_by(col(LetterRow.number))).all()


def delivered_by_team(session: Session, first: datetime, end: datetime) -> dict[str, int]:
    """Count the files delivered to each team from `first` until before `end`, without files hidden by a
    marker.
    """
    query = (
        select(DeliveryRow.team, func.count())
        .join(TransferRow, col(TransferRow.sequence) == col(DeliveryRow.transfer))
        .where(col(DeliveryRow.delivered_at) >= first, col(DeliveryRow.delivered_at) < end)
        .where(is_shown_to(None))
        .group_by(DeliveryRow.team)
    )
    return dict(session.exec(query).all())
