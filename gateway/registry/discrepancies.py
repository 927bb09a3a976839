"""Discrepancies between rolls: those open, the providers concerned, and how each ended."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.policy.discrepancies import Discrepancy, Kind
from gateway.registry.rolls import LASTING
from gateway.registry.tables import DiscrepancyPartyRow, DiscrepancyRow, TransferRow
from gateway.registry.tables.row import answer_of
from gateway.registry.vouched_rows import add_rows

_AT_ONCE = 500

MEANINGS: dict[Kind, str] = {
    "two-rolls": "a pupil is on the roll of more than one school",
    "birth-date": "schools give different dates of birth for a pupil",
    "former-upn": "a pupil is on a roll under an old and a new number",
}
"""The meaning of each kind, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscrepancyParty:
    """One record in a discrepancy: provider, file and record number. `pupil`: a pupil's digest as hex."""

    provider: str
    reference: str
    record: int
    pupil: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A discrepancy on record. `state`: open, settled (the data fits again) or resolved (by a person)."""

    number: int
    kind: Kind
    key: str
    state: str
    opened_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    why: str | None
    parties: tuple[DiscrepancyParty, ...]

    @property
    def providers(self) -> tuple[str, ...]:
        """The ids of the providers with contradictory records, sorted."""
        return tuple(sorted({party.provider for party in self.parties}))


def key_of(discrepancy: Discrepancy) -> str:
    """Return a discrepancy's key as text: the same whenever the same rolls are compared."""
    return ":".join((discrepancy.kind, *discrepancy.key))


def open_discrepancies(
    session: Session, new: Sequence[Discrepancy], transfers: Mapping[str, int], at: datetime
) -> list[int]:
    """Record new discrepancies; return the numbers. `transfers` maps a file's reference to the sequence."""
    opened = {"state": "open", "opened_at": at, "ended_at": None, "ended_by": None, "why": None}
    rows = [{"kind": each.kind, "key": key_of(each), **opened} for each in new]
    numbers = add_rows(session, DiscrepancyRow, rows)
    parties = [
        {
            "discrepancy": number,
            "ordinal": ordinal,
            "provider": said.provider,
            "pupil": bytes.fromhex(said.pupil),
            "transfer": transfers[said.reference],
            "record": said.record or 0,
        }
        for number, each in zip(numbers, new, strict=True)
        for ordinal, said in enumerate(each.rows)
    ]
    add_rows(session, DiscrepancyPartyRow, parties)
    return numbers


def lasting(session: Session, providers: Collection[str]) -> Sequence[Known]:
    """Return the discrepancies of some providers: open, or resolved although the data still differ."""
    parties = col(DiscrepancyPartyRow.provider).in_(sorted(providers))
    numbers = select(DiscrepancyPartyRow.discrepancy).where(parties)
    query = select(DiscrepancyRow).where(
        col(DiscrepancyRow.state).in_(LASTING), col(DiscrepancyRow.number).in_(numbers)
    )
    return _known(session, session.exec(query.order_by(col(DiscrepancyRow.number))).all())


def lasting_keys(session: Session, keys: Collection[str]) -> set[str]:
    """Return the `keys` of discrepancies open, or resolved although the data still differ."""
    found: set[str] = set()
    wanted = sorted(keys)
    for start in range(0, len(wanted), _AT_ONCE):
        found |= set(
            session.exec(
                select(DiscrepancyRow.key).where(
                    col(DiscrepancyRow.key).in_(wanted[start : start + _AT_ONCE]),
                    col(DiscrepancyRow.state).in_(LASTING),
                )
            )
        )
    return found


def settle(session: Session, numbers: Sequence[int], at: datetime) -> None:
    """Mark discrepancies as settled, because the providers' data agree again."""
    for start in range(0, len(numbers), _AT_ONCE):
        some = col(DiscrepancyRow.number).in_(numbers[start : start + _AT_ONCE])
        for row in session.exec(select(DiscrepancyRow).where(some)).all():
            row.state = "settled"
            row.ended_at = row.ended_at or at


def resolve(session: Session, number: int, *, by: str, why: str, at: datetime) -> Known:
    """Mark a discrepancy as resolved by a person. GatewayError if not open."""
    row = _row(session, number)
    if row.state != "open":
        raise GatewayError(f"discrepancy {number} is {row.state} already")
    row.state, row.ended_at, row.ended_by, row.why = "resolved", at, by, why
    session.add(row)
    session.flush()
    return get(session, number)


def get(session: Session, number: int) -> Known:
    """Return a discrepancy. NotFoundError for an unknown number."""
    return _known(session, [_row(session, number)])[0]


def find(session: Session, *, state: str | None = "open", provider: str | None = None) -> Sequence[Known]:
    """Return discrepancies in the order of opening, of one state and provider if given."""
    query = select(DiscrepancyRow).order_by(col(DiscrepancyRow.number))
    if state is not None:
        query = query.where(DiscrepancyRow.state == state)
    if provider is not None:
        mine = select(DiscrepancyPartyRow.discrepancy).where(DiscrepancyPartyRow.provider == provider)
        query = query.where(col(DiscrepancyRow.number).in_(mine))
    return _known(session, session.exec(query).all())


def _row(session: Session, number: int) -> DiscrepancyRow:
    row = session.get(DiscrepancyRow, number)
    if row is None:
        raise NotFoundError(f"there is no discrepancy {number}")
    return row


def _known(session: Session, rows: Sequence[DiscrepancyRow]) -> list[Known]:
    numbers = [row.number for row in rows if row.number is not None]
    parties: defaultdict[int, list[DiscrepancyParty]] = defaultdict(list)
    for start in range(0, len(numbers), _AT_ONCE):
        query = (
            select(DiscrepancyPartyRow, TransferRow.reference)
            .join(TransferRow, col(TransferRow.sequence) == col(DiscrepancyPartyRow.transfer))
            .where(col(DiscrepancyPartyRow.discrepancy).in_(numbers[start : start + _AT_ONCE]))
            .order_by(col(DiscrepancyPartyRow.ordinal))
        )
        for row, reference in session.exec(query):
            said = answer_of(DiscrepancyParty, row, reference=reference, pupil=row.pupil.hex())
            parties[row.discrepancy].append(said)
    return [
        answer_of(Known, row, parties=tuple(parties[number]))
        for row, number in zip(rows, numbers, strict=True)
    ]
