"""Plan the deletions due under policies/retention.toml, and define its model. Pure.

Other code deletes, logs and signs. Receipts can be verified after every deletion, because the log is never
cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, Self, get_args

from dateutil.relativedelta import relativedelta
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from gateway.home import Home
from gateway.home.settings import read_toml
from gateway.home.settings_file import File
from gateway.model import State

_AGE = re.compile(r"until age (?P<age>[1-9]\d?) of persons from (?P<youngest>\d\d?)")
_ANY_DAY = date(2000, 2, 29)
_SPAN = Annotated[int, Field(ge=1, le=36_525)] | Literal["for ever"]
_WRITTEN = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 36_525},
        {"type": "string", "pattern": r"^(for ever|until age [1-9]\d? of persons from \d\d?)$"},
    ],
    "description": "days; for ever; or as: until age 25 of persons from 4",
}
What = Literal["sealed", "receipts", "index", "people", "notices", "declarations"]
Decided = Literal["accepted", "refused"]
WHATS: tuple[What, ...] = get_args(What)
OF_TRANSFERS: tuple[What, ...] = ("sealed", "receipts", "index", "people")
UNOPENED = frozenset(
    {
        "open:damaged",
        "open:empty",
        "open:no-integrity",
        "open:not-for-us",
        "open:not-one-file",
        "open:password-only",
        "open:replayed",
        "open:too-large",
        "open:unsupported",
    }
)
"""The reason codes of refused files of no use: unreadable, or received before."""


def _days(value: object) -> object:
    """Convert "until age 25 of persons from 4" to the days between these ages; return any other value
    unchanged.
    """
    found = _AGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    then = _ANY_DAY + relativedelta(years=int(found["age"]) - int(found["youngest"]))
    return (then - _ANY_DAY).days + 1


Days = Annotated[_SPAN, BeforeValidator(_days), WithJsonSchema(_WRITTEN)]


class Keep(File):
    """The number of days for which a part of a transfer is kept after the decision, by outcome.

    `by_data_type`: for accepted files of a data type, the number in place of `accepted`.
    """

    accepted: Days
    refused: Days
    by_data_type: dict[str, Days] = Field(default_factory=dict)

    def days(self, state: str, data_type: str | None) -> tuple[Days, str]:
        """Return for how many days this part of a transfer is kept, and the rule's key, such as "refused"."""
        if state == "refused":
            return self.refused, "refused"
        if data_type is not None and data_type in self.by_data_type:
            return self.by_data_type[data_type], data_type
        return self.accepted, "accepted"

    def every(self, state: Decided) -> list[Days]:
        """Return every number of days set for files in a state."""
        return [self.refused] if state == "refused" else [self.accepted, *self.by_data_type.values()]


class KeepSealed(Keep):
    """For how many days sealed files are kept. `unopened`: for files refused only for reasons in `UNOPENED`.
    These days are few because anybody with an account can send any number of such files.
    """

    unopened: Days = 1


class KeepNotices(File):
    """For how many days notices about keys and discrepancies are kept after they were made."""

    keys: Days
    discrepancies: Days


class KeepPublished(File):
    """For how many days receipts and notices stay published; the registry keeps them longer."""

    receipts: Days = 60


class KeepLetters(File):
    """For how many days letters (address and text) are kept after they fell due.

    At least a year and a half: the record of a letter prevents a second letter about the same event.
    """

    owed: Annotated[int, Field(ge=550)] | Literal["for ever"] = 800


def _shortest(given: Iterable[Days]) -> timedelta:
    return timedelta(days=min((days for days in given if days != "for ever"), default=36_525))


class Retention(File):
    """Model of retention.toml: for how long the parts of transfers, notices and letters are kept."""

    sealed: KeepSealed
    receipts: Keep
    index: Keep
    people: Keep
    notices: KeepNotices
    declarations: Keep
    published: KeepPublished = KeepPublished()
    letters: KeepLetters = KeepLetters()

    def days(self, what: What, row: Retained) -> tuple[Days, str]:
        """Return for how many days a part of a transfer, or a notice, is kept, and the key of the rule."""
        if what == "notices":
            return getattr(self.notices, row.state), row.state
        keep: Keep = getattr(self, what)
        kept = keep.days(row.state, row.data_type)
        unopened = what == "sealed" and row.state == "refused" and row.unopened
        if unopened and _longer(kept[0], self.sealed.unopened):
            return self.sealed.unopened, "unopened"
        return kept

    def shortest(self, state: Decided) -> timedelta:
        """Return the shortest time for which any part of transfers in a state is kept."""
        kept = [days for what in OF_TRANSFERS for days in getattr(self, what).every(state)]
        return _shortest([*kept, *([self.sealed.unopened] if state == "refused" else [])])

    def shortest_of_notices(self) -> timedelta:
        """Return the shortest time for which notices and declarations are kept."""
        kept = [*self.declarations.every("accepted"), *self.declarations.every("refused")]
        return _shortest([self.notices.keys, self.notices.discrepancies, *kept])

    @model_validator(mode="after")
    def _unopened_go_first(self) -> Self:
        if _longer(self.sealed.unopened, self.sealed.refused):
            raise ValueError("files that do not open are kept for longer than other refused files")
        return self

    @model_validator(mode="after")
    def _files_go_first(self) -> Self:
        """Raise ValueError if a sealed file is kept longer than the receipt and index about it."""
        types: list[str | None] = [
            None, *self.sealed.by_data_type, *self.receipts.by_data_type, *self.index.by_data_type
        ]  # fmt: skip
        for state in get_args(Decided):
            for data_type in types:
                sealed, _ = self.sealed.days(state, data_type)
                for keep, said in ((self.receipts, "receipts of {} are"), (self.index, "the index of {} is")):
                    if _longer(sealed, keep.days(state, data_type)[0]):
                        about = said.format(data_type or state)
                        raise ValueError(f"{about} kept for less time than the file")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """The facts that decide how long a transfer, notice or declaration is kept.

    `state`: of a transfer or declaration; for a notice, its subject. `at`: the time of the decision or
    notice. `what`: "notices" or "declarations"; None for a transfer, which has several parts. `deleted`: the
    parts deleted already. `unopened`: the file was refused only because it cannot be read or came before.
    `kept_back`: by a legal hold, or because the data of a child in the file is restricted.
    """

    reference: str
    state: State | Literal["keys", "discrepancies"]
    at: datetime | None
    data_type: str | None = None
    what: Literal["notices", "declarations"] | None = None
    unopened: bool = False
    kept_back: bool = False
    deleted: frozenset[What] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A part to delete. `rule`: the key of the rule, for the log; `since`: when the deletion fell due."""

    reference: str
    what: What
    data_type: str | None
    rule: str
    since: datetime


def load_retention(home: Home) -> Retention:
    """Return the retention.toml of the policies in force. ConfigurationError names a fault in it."""
    return read_toml(home.policies_in_force / "retention.toml", Retention)


def plan(retention: Retention, rows: Iterable[Retained], now: datetime) -> tuple[list[Due], list[Due]]:
    """Return the deletions due at `now`, and those due but prevented by a hold or restriction, oldest first.
    Nothing of an undecided transfer is due.
    """
    found: dict[bool, list[Due]] = {False: [], True: []}
    for row in rows:
        if row.state in {"landed", "held"} or row.at is None:
            continue
        for what in (row.what,) if row.what else OF_TRANSFERS:
            days, rule = retention.days(what, row)
            if what in row.deleted or days == "for ever":
                continue
            since = row.at + timedelta(days=days)
            if since <= now:
                rule = f"{what}-{rule}"
                due = Due(reference=row.reference, what=what, data_type=row.data_type, rule=rule, since=since)
                found[row.kept_back].append(due)
    for some in found.values():
        some.sort(key=lambda one: (one.since, one.reference, WHATS.index(one.what)))
    return found[False], found[True]


def _longer(one: Days, other: Days) -> bool:
    """Return True if the time `one` is longer than the time `other`; "for ever" is the longest time."""
    if other == "for ever":
        return False
    return one == "for ever" or one > other
