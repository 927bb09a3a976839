"""Record and read discrepancies: cases in which two providers, or two files, differ about one pupil."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from gateway.errors import GatewayError
from gateway.policy.discrepancies import Discrepancy
from gateway.registry.rolls import LASTING
from gateway.registry.tables import DiscrepancyPartyRow, DiscrepancyRow, TransferRow
from gateway.registry.tables.row import existing, only, portions, rows, values
from gateway.registry.vouched_rows import add_rows

MEANINGS: Mapping[str, str] = {
    "two-rolls": "a pupil is on the roll of more than one school",
    "birth-date": "schools give different dates of birth for a pupil",
    "former-upn": "a pupil is on a roll under an old and a new number",
}
"""The meaning of each kind, for a person."""


def key_of(discrepancy: Discrepancy) -> str:
    """Return the text that identifies a discrepancy when a later comparison finds the same one again."""
    return ":".join((discrepancy.kind, *discrepancy.key))


def open_discrepancies(
    session: Session, new: Sequence[Discrepancy], transfers: Mapping[str, int], at: datetime
) -> list[int]:
    """Record new discrepancies; return their numbers. `transfers` maps references of files to sequences."""
    opened = {"state": "open", "opened_at": at, "ended_at": None, "ended_by": None, "why": None}
    cases = [{"kind": each.kind, "key": key_of(each), **opened} for each in new]
    numbers = add_rows(session, DiscrepancyRow, cases)
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


def of_providers(
    session: Session, providers: Collection[str] | None, states: Collection[str] | None = LASTING
) -> Sequence[DiscrepancyRow]:
    """Return the discrepancies of some providers, or of all if `providers` is None, in the order of opening.
    `states`: the states to return; None for any. By default these are "open", and the state of a discrepancy
    that a person has resolved although the data still differ.
    """
    party, which = DiscrepancyPartyRow, []
    if providers is not None:
        theirs = select(party.discrepancy).where(col(party.provider).in_(sorted(providers)))
        which = [col(DiscrepancyRow.number).in_(theirs)]
    return rows(session, DiscrepancyRow, "number", where=which, **only(state=states))


def lasting_keys(session: Session, keys: Collection[str]) -> set[str]:
    """Return those of the `keys` whose discrepancy is open, or is resolved although the data still differ."""
    parts = portions(sorted(keys))
    return {key for some in parts for key in values(session, DiscrepancyRow.key, key=some, state=LASTING)}


def resolve(session: Session, number: int, *, by: str, why: str, at: datetime) -> DiscrepancyRow:
    """Mark a discrepancy as resolved by the person `by`. GatewayError if the discrepancy is not open."""
    row = get(session, number)
    if row.state != "open":
        raise GatewayError(f"discrepancy {number} is {row.state} already")
    row.state, row.ended_at, row.ended_by, row.why = "resolved", at, by, why
    return row


def get(session: Session, number: int) -> DiscrepancyRow:
    """Return a discrepancy. NotFoundError for an unknown number."""
    return existing(session.get(DiscrepancyRow, number), f"there is no discrepancy {number}")


def parties(session: Session, cases: Sequence[DiscrepancyRow]) -> Mapping[int, list[dict[str, Any]]]:
    """Return by number of discrepancy the records that differ: provider, file's reference, record number."""
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    party = DiscrepancyPartyRow
    for some in portions(cases):
        query = (
            select(party.discrepancy, party.provider, TransferRow.reference, party.record)
            .join(TransferRow, col(TransferRow.sequence) == col(party.transfer))
            .where(col(party.discrepancy).in_([row.number for row in some]))
            .order_by(col(party.ordinal))
        )
        for number, provider, reference, record in session.exec(query):
            found[number].append({"provider": provider, "reference": reference, "record": record})
    return found
