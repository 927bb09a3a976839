"""The models of agreement.toml, and of the files linking clauses: reasons.toml and confirmed.toml."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.home.settings import WarnDays
from gateway.home.settings_file import File
from gateway.policy.calendar_schema import DayCount
from gateway.policy.schema import ClauseId, MonthDay, Slug
from gateway.reasons.languages import Language

NewText = Literal["counts", "needs-signing"]
ReasonCode = Annotated[str, Field(pattern=r"^[a-z]+:[a-z0-9]+(-[a-z0-9]+)*$")]


class Year(File):
    """The year of the agreement. See agreement.toml for the meaning of each day.

    A ratification counts for `valid_years` years, but never after `ends`, the last day of an agreement with a
    fixed end. `new_text`: does a ratification of another text still count?
    """

    starts: MonthDay
    review: MonthDay
    lapses: MonthDay
    warn_days: WarnDays
    valid_years: int = Field(default=1, ge=1, le=3)
    ends: date | None = None
    new_text: NewText = "counts"

    @model_validator(mode="after")
    def _in_order(self) -> Year:
        """Require that the coming year can be ratified before it begins and before the last one lapses."""
        if self.review > self.starts:
            raise ValueError("the review of a year opens after the year has begun")
        if self.lapses < self.review:
            raise ValueError("a ratification lapses before the coming year can be ratified")
        return self


class Signatory(File):
    """A role that must sign a ratification. `by_copy`: a signed copy dropped in /agreement is enough.

    `kinds`: the kinds of provider for which this role signs; every kind, if empty.
    """

    role: Slug
    name: str
    by_copy: bool = False
    kinds: tuple[Slug, ...] = ()


class NoticeRule(File):
    """A notice by which a party ends its part in the agreement, such as a termination or an objection.

    The ratification counts for `days` more, from the day on which the notice was given.
    """

    id: Slug
    name: str = Field(min_length=1)
    clause: ClauseId
    days: DayCount


class DiscrepancyPolicy(File):
    """Data types with pupils on roll (`rolls`) or a whole roll (`whole_rolls`), and names for notices."""

    name_other_school: bool
    rolls: tuple[Slug, ...] = ()
    whole_rolls: tuple[Slug, ...] = ()


class Contacts(File):
    """The names, in one language, of the desks that texts tell providers to ask."""

    desk: str
    governance: str


class Telling(File):
    """The clauses that require notices to education providers about the agreement; None without one."""

    changed: ClauseId | None = None
    ready: ClauseId | None = None


class AgreementFile(File):
    """agreement.toml.

    `clauses`: a short name for each clause. `printed`: the opening words of each clause printed without its
    number. `uncited`: for a clause that nothing cites, the reason. `documents`: texts agreed with `text` and
    signed together. `bases`: the legal bases of flows, by id. `persons`: the kinds of people the data is
    about, by id. `languages`: the languages of receipts, in order; English is always included, because the
    machine-readable receipts are in English. `tell`: the clauses requiring notices.
    """

    title: str = Field(min_length=1)
    version: str = Field(min_length=1)
    text: str
    documents: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ("en",)
    contacts: dict[Language, Contacts]
    year: Year
    signatory: tuple[Signatory, ...] = ()
    notice: tuple[NoticeRule, ...] = ()
    bases: dict[Slug, str] = Field(
        default={"statutory": "required by statute", "supporting": "supports a statutory function"}
    )
    persons: dict[Slug, str] = Field(default={"pupils": "Pupils"})
    discrepancies: DiscrepancyPolicy
    tell: Telling = Telling()
    clauses: dict[ClauseId, str]
    printed: dict[ClauseId, str] = Field(default_factory=dict)
    uncited: dict[ClauseId, str] = Field(default_factory=dict)

    def signatories(self, kind: str) -> tuple[Signatory, ...]:
        """Return the roles that must sign for a kind of provider; () where any one signature ratifies."""
        return tuple(each for each in self.signatory if not each.kinds or kind in each.kinds)

    def is_heading(self, clause: ClauseId) -> bool:
        """Return True if a clause is only the heading of clauses below."""
        return any(each.startswith((f"{clause}.", f"{clause}(")) for each in self.clauses)


class Confirmed(File):
    """Record that a person read a clause: SHA-256 of the text read, and the citations at that time."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    cited_by: tuple[str, ...]


class ConfirmedFile(File):
    """Model of confirmed.toml: for each clause, the record that a person read it."""

    clauses: dict[ClauseId, Confirmed] = Field(default_factory=dict)


class ReasonsFile(File):
    """reasons.toml: the clause that each reason cites."""

    clauses: dict[ReasonCode, ClauseId]
