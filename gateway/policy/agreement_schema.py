"""The shape of agreement.toml, and of what says which clause things rest on: reasons.toml, confirmed.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.policy.schema import ClauseId, MonthDay, PolicyTable, Slug
from gateway.reasons.languages import Language

NewText = Literal["counts", "needs-signing"]
ReasonCode = Annotated[str, Field(pattern=r"^[a-z]+:[a-z0-9]+(-[a-z0-9]+)*$")]


class Year(PolicyTable):
    """The year of the agreement. See agreement.toml for what each day means.

    A ratification counts for `valid_years` of them. `new_text`: whether one of another text still counts.
    """

    starts: MonthDay
    review: MonthDay
    lapses: MonthDay
    warn_days: tuple[int, ...]
    valid_years: int = Field(default=1, ge=1, le=3)
    new_text: NewText = "counts"


class Signatory(PolicyTable):
    """A role whose signature a ratification needs; `by_copy`: a signed copy in /agreement is that of it."""

    role: Slug
    name: str
    by_copy: bool = False


class DiscrepancyPolicy(PolicyTable):
    """Which data types state who is on roll, which of them state all of it, and what a notice may say."""

    name_other_school: bool
    rolls: tuple[Slug, ...] = ()
    whole_rolls: tuple[Slug, ...] = ()


class Contacts(PolicyTable):
    """What the desks are called that providers are told to ask, in one language."""

    desk: str
    governance: str


class Telling(PolicyTable):
    """The clauses by which education providers are told of the agreement itself; none where none says so."""

    changed: ClauseId | None = None
    ready: ClauseId | None = None


class AgreementFile(PolicyTable):
    """agreement.toml.

    `clauses`: each clause in short words. `printed`: how the text of one begins that is printed without its
    number. `uncited`: why nothing rests on a clause. `documents` are texts that are agreed with `text` and
    signed as one with it. `bases` are the legal bases of flows, and `persons` those whose data they carry,
    by their ids, in words. `languages`: those of receipts, in order; English is always among them, because
    the receipts for machines are English. `tell`: by which clauses notices are.
    """

    title: str
    version: str
    text: str
    documents: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ("en",)
    contacts: dict[Language, Contacts]
    year: Year
    signatory: tuple[Signatory, ...] = ()
    bases: dict[Slug, str] = Field(
        default={"statutory": "required by statute", "supporting": "supports a statutory function"}
    )
    persons: dict[Slug, str] = Field(default={"pupils": "Pupils"})
    discrepancies: DiscrepancyPolicy
    tell: Telling = Telling()
    clauses: dict[ClauseId, str]
    printed: dict[ClauseId, str] = Field(default_factory=dict)
    uncited: dict[ClauseId, str] = Field(default_factory=dict)

    def is_heading(self, clause: ClauseId) -> bool:
        """Whether other clauses stand below a clause."""
        return any(each.startswith((f"{clause}.", f"{clause}(")) for each in self.clauses)


class Confirmed(PolicyTable):
    """That a person read a clause: the digest of its text then, and what cited it."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    cited_by: tuple[str, ...]


class ConfirmedFile(PolicyTable):
    """confirmed.toml."""

    clauses: dict[ClauseId, Confirmed] = Field(default_factory=dict)


class ReasonsFile(PolicyTable):
    """reasons.toml: the clause that each reason rests on."""

    clauses: dict[ReasonCode, ClauseId]
