"""Find contradictions between the rolls of providers, and children who left a school. Pure.

The rolls have pupils, dates of birth and former UPNs as keyed digests (HMAC). Each school's latest roll entry
for a child counts. Ages are unknown, so leavers of years 11 and 13 are included; children who were never on a
roll are not. A notice tells a provider about its own records only: file and record number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from gateway.model import Reason

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue

Kind = Literal["two-rolls", "birth-date", "former-upn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RollRow:
    """A pupil in a provider's file, which landed at the moment `at`: on the provider's roll or not.

    `pupil`, `birth_date` and `former` are keyed digests of the UPN, the date of birth and the former UPN.
    `on_roll`: the pupil's registration is the single or main one; guests and subsidiary pupils are rightly on
    another roll, too. `record`: the number of the pupil's record, from 1, in the file `reference`.
    """

    provider: str
    pupil: str
    on_roll: bool
    at: datetime
    birth_date: str | None = None
    former: str | None = None
    reference: str = ""
    record: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A contradiction between the rolls of two or more providers, or about one child with two UPNs.

    `rows`: the rows that contradict each other. `key` identifies the discrepancy, in any order of the rows.
    """

    kind: Kind
    key: tuple[str, ...]
    rows: tuple[RollRow, ...]

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers concerned, in order of their ids."""
        return tuple(sorted({row.provider for row in self.rows}))


def discrepancies(
    rows: Iterable[RollRow], full_rolls: Mapping[str, datetime] | None = None
) -> list[Discrepancy]:
    """Return the contradictions between the latest rows of each provider and pupil, sorted by kind and key.
    `full_rolls`: by provider, the moment of the latest complete roll; a pupil whose last row is older has
    left. Of rows with the same provider, pupil and moment, the last counts.
    """
    latest = {(row.provider, row.pupil): row for row in sorted(rows, key=attrgetter("at"))}
    whole, ordered = full_rolls or {}, (latest[each] for each in sorted(latest))
    current = [row for row in ordered if row.at >= whole.get(row.provider, row.at)]
    pupils: defaultdict[str, list[RollRow]] = defaultdict(list)
    for row in current:
        pupils[row.pupil].append(row)
    found = [*_former(current, pupils)]
    for pupil, said in pupils.items():
        on_roll = tuple(row for row in said if row.on_roll)
        if len(on_roll) > 1:
            key = (pupil, *(row.provider for row in on_roll))
            found.append(Discrepancy(kind="two-rolls", key=key, rows=on_roll))
        dated = tuple(row for row in said if row.birth_date is not None)
        if len({row.birth_date for row in dated}) > 1:
            key = (pupil, *(row.provider for row in dated))
            found.append(Discrepancy(kind="birth-date", key=key, rows=dated))
    return sorted(found, key=lambda each: (each.kind, each.key))


def _former(current: Iterable[RollRow], pupils: Mapping[str, list[RollRow]]) -> Iterator[Discrepancy]:
    """Yield a discrepancy for each child on roll under two UPNs: the present and the former one."""
    pairs: dict[tuple[str, ...], dict[tuple[str, str], RollRow]] = defaultdict(dict)
    for row in current:
        if not row.on_roll or row.former is None or row.former == row.pupil:
            continue
        for older in pupils.get(row.former, ()):
            if older.on_roll:
                involved = pairs[row.former, row.pupil]
                involved[row.provider, row.pupil] = row
                involved[older.provider, older.pupil] = older
    for pair, involved in pairs.items():
        shown = tuple(involved[each] for each in sorted(involved))
        key = (*pair, *sorted({row.provider for row in shown}))
        yield Discrepancy(kind="former-upn", key=key, rows=shown)


def notices(discrepancy: Discrepancy, catalogue: Catalogue) -> Iterator[tuple[str, Reason]]:
    """Yield each provider of a discrepancy, with a notice about the provider's own records only.
    A notice names no child. Another provider is named only if the agreement allows naming one.
    """
    for provider in discrepancy.providers:
        own = [row for row in discrepancy.rows if row.provider == provider]
        others = [each for each in discrepancy.providers if each != provider]
        told = catalogue.agreement.discrepancies.name_other_school
        named = f" ({', '.join(others)})" if told and others else ""
        records = (
            f"{'A record' if row.record is None else f'Record {row.record}'} "
            + (f"of your file {row.reference}" if row.reference else "of yours")
            for row in own
        )
        code = f"discrepancy:{discrepancy.kind}"
        yield provider, catalogue.reason(code, record=" and ".join(records), others=named)


def gone(rows: Iterable[RollRow], full_rolls: Mapping[str, datetime]) -> list[tuple[RollRow, str | None]]:
    """Return the children who left a school, in order of leaving, each with the new provider's id.
    The id is None for a child now on no roll. Each child is shown by the last row of the former school, with
    the moment of leaving in `at`. `full_rolls`: by provider, the moment of the latest complete roll: a child
    whose last row of the provider is older has left. A child on roll under a new UPN has not left.
    """
    pupils: defaultdict[str, list[RollRow]] = defaultdict(list)
    for row in rows:
        pupils[row.pupil].append(row)
    current = {
        pupil: [row for row in known if _left(row, full_rolls) is None] for pupil, known in pupils.items()
    }
    renumbered = {row.former for known in current.values() for row in known if row.former is not None}
    found = []
    for pupil, known in pupils.items():
        left = [(when, row) for row in known if (when := _left(row, full_rolls)) is not None]
        if not left or pupil in renumbered:
            continue
        when, last = max(left, key=lambda pair: (pair[0], pair[1].provider))
        to = min((row.provider for row in current[pupil]), default=None)
        found.append((replace(last, at=when), to))
    return sorted(found, key=lambda one: (one[0].at, one[0].provider, one[0].reference, one[0].record or 0))


def _left(row: RollRow, full_rolls: Mapping[str, datetime]) -> datetime | None:
    """Return the moment at which the child of a row left the provider; None for a child still on roll."""
    if not row.on_roll:
        return row.at
    complete = full_rolls.get(row.provider)
    return complete if complete is not None and complete > row.at else None
