"""Define the models of flows.toml, teams.toml and rights.toml."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.home.settings_file import File
from gateway.model import Reason

CLAUSE = r"^[A-Za-z0-9]+([.\-/][A-Za-z0-9]+|\([A-Za-z0-9]+\))*$"
"""The pattern of a clause number as agreements write it: 5.3.1.4, A.1, 3(a), A.3(b)."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
SHARED_FOLDERS = frozenset({"held", "removed", "lists", "new", "by-type", "by-provider"})
"""The names of other folders in the mailboxes, which no team may have as its id."""
ClauseId = Annotated[str, Field(pattern=CLAUSE, max_length=24)]


def _a_day(day: str) -> str:
    try:
        date.fromisoformat(f"2000-{day}"[-len("YYYY-MM-DD") :])  # "MM-DD" may be 29 February.
    except ValueError:
        raise ValueError("no year has this day") from None
    return day


def with_blanks(known: frozenset[str]) -> AfterValidator:
    """Return a validator of templates; it raises ValueError unless every name in braces is in `known`."""

    def check(text: str) -> str:
        try:
            blanks = {blank for _, blank, _, _ in Formatter().parse(text) if blank is not None}
        except ValueError:
            raise ValueError("braces stand around the names of blanks only") from None
        if unknown := ", ".join(sorted(blanks - known)):
            raise ValueError(f"nothing is known of {unknown}; known are: {', '.join(sorted(known))}")
        return text

    return AfterValidator(check)


MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"), AfterValidator(_a_day)]
"""A day of a year, as "MM-DD"; 29 February is the 28th in common years."""
Contents = Literal["appendix-a", "set-by-dfe", "results", "analysis"]
Timescale = Slug
"""One of `TIMESCALES`, or a [[timescale]] of calendar.toml."""
PUPILS = "pupils"
"""The persons a file is about by default; only records of pupils are counted."""
NOBODY = "nobody"
"""The subject of data about no person, such as counts of places."""
TIMESCALES = ("daily", "weekly", "termly", "annually", "on-event", "continuous")
ItemAction = Literal["notice", "hold"]
ActionReason = tuple[ItemAction, Reason]
"""What a file asks for: to be held, or a notice to its sender; and why."""
UnlistedAction = Literal["hold", "leave-out"]


def _until_a_day(setting: str) -> str:
    if until := setting.partition("until ")[2]:
        _a_day(until)
    return setting


RatificationSetting = Annotated[
    str,
    Field(
        pattern=r"^(hold|accept|accept-with-notice-until (\d\d\d\d-)?\d\d-\d\d)$",
        description="hold, accept, or accept-with-notice-until and a day (MM-DD or YYYY-MM-DD)",
    ),
    AfterValidator(_until_a_day),
]
"""How to treat a file of a sender that has not ratified the agreement; MM-DD is of each academic year."""


class AppendixRow(File):
    """The row of Appendix B about a flow, word for word."""

    description: str
    purpose: str
    sender: str = Field(alias="from")
    recipient: str = Field(alias="to")
    statutory_support: str
    timescales: str
    mechanism: str


class Carried(File):
    """Items outside Appendix A allowed in files of a data type, because a `law` asks for them.

    `teams`: the teams that have the duty under the law, and get the items. `formats`: the formats of files
    that may have the items; empty for all.
    """

    items: tuple[str, ...] = Field(min_length=1)
    teams: tuple[Slug, ...] = Field(min_length=1)
    formats: tuple[str, ...] = ()
    law: str


class Records(File):
    """The rule that a team gets only records in which `item` has one of `values`, in upper or lower case."""

    item: str
    values: tuple[str, ...] = Field(min_length=1)


class FlowDataType(File):
    """A data type allowed in a flow, its due times, and the teams using the data.

    - `name`: the name in receipts; by default the flow's. `about`: the persons concerned, or "nobody".
    - `carries`: items outside Appendix A for every team. `carried`: other items, for some teams.
    - `also_due`: further timescales. `timescale_of`: by kind of provider, one in place of `timescale`.
    - `within`: another data type of the flow, whose files count as arrivals of this one, too.
    - `electronic`: the clause demanding electronic transfer, if any.
    - `ratification`: in place of the flow's setting. `records`: by team, the only records that it gets.
    - `each_replaces`: the latest file of a school and period supersedes earlier ones.
    """

    id: Slug
    name: str | None = None
    timescale: Timescale
    also_due: tuple[Timescale, ...] = ()
    timescale_of: dict[Slug, Timescale] = Field(default={})
    about: tuple[Slug, ...] = (PUPILS,)
    teams: tuple[Slug, ...] = ()
    clauses: tuple[ClauseId, ...] = Field(min_length=1)
    electronic: ClauseId | None = None
    carries: tuple[str, ...] = ()
    carried: tuple[Carried, ...] = ()
    within: Slug | None = None
    ratification: RatificationSetting | None = None
    each_replaces: bool = False
    records: dict[Slug, Records] = Field(default={})

    def holds(self, form: str, team: str | None = None) -> tuple[str, ...]:
        """Return the items outside Appendix A that files of a format may have, for one team or any (None)."""
        plain = form.partition(" in ")[0]  # Plain, or in an archive.
        special = (
            item
            for each in self.carried
            if (not each.formats or plain in each.formats) and (team is None or team in each.teams)
            for item in each.items
        )
        return tuple(dict.fromkeys((*self.carries, *special)))

    def timescales(self, kind: str) -> tuple[Timescale, ...]:
        """Return the timescales of the data type for a kind of provider, the main one first."""
        return tuple(dict.fromkeys((self.timescale_of.get(kind, self.timescale), *self.also_due)))

    def every_timescale(self) -> tuple[Timescale, ...]:
        """Return the timescales of the data type for any kind of provider."""
        return tuple(dict.fromkeys((self.timescale, *self.timescale_of.values(), *self.also_due)))


class Flow(File):
    """A flow of data: senders, data types, recipients, and the treatment of files.

    - `clause`: the clause that lists the flow; for a flow with `law`, the clause naming the duty.
    - `senders`: the kinds of provider that send for themselves. `on_behalf`: kinds that send for others.
      `for_a_person`: kinds whose files wait for a person's assessment.
    - `unlisted`: the treatment of columns unknown to the data type.
    - `law`: the statute asking for the flow, if the agreement does not list the flow.
    """

    id: Slug
    clause: ClauseId
    senders: tuple[Slug, ...] = Field(min_length=1)
    on_behalf: tuple[Slug, ...] = ()
    for_a_person: tuple[Slug, ...] = ()
    recipients: tuple[Slug, ...] = Field(min_length=1)
    basis: tuple[Slug, ...] = Field(min_length=1)
    contents: Contents
    embargo: bool = False
    law: str = ""
    unlisted: UnlistedAction = "leave-out"
    ratification: RatificationSetting = "hold"
    document: AppendixRow
    data_type: tuple[FlowDataType, ...] = Field(min_length=1)

    def __hash__(self) -> int:
        """Return the hash of the id, which is unique in a catalogue."""
        return hash(self.id)

    def of(self, data_type: str) -> FlowDataType:
        """Return the entry of a data type; KeyError if not in this flow."""
        for candidate in self.data_type:
            if candidate.id == data_type:
                return candidate
        raise KeyError(data_type)

    @cached_property
    def kinds(self) -> tuple[Slug, ...]:
        """Every kind of provider that may send files of this flow."""
        return (*self.senders, *self.on_behalf, *self.for_a_person)

    def unratified(self, data_type: str) -> RatificationSetting:
        """Return how to treat a file of a data type whose sender has not ratified."""
        return self.of(data_type).ratification or self.ratification


class FlowsFile(File):
    """Model of flows.toml. `optional`: flows that a law asks for, and no row of the agreement.

    An optional flow is in use only if `switched_on` names it; else its files wait for a person. `not_carried`
    names data types that are recognised but not listed in the agreement: files of these are refused.
    """

    switched_on: tuple[Slug, ...] = ()
    not_carried: tuple[Slug, ...] = ()
    flow: tuple[Flow, ...] = Field(min_length=1)
    optional: tuple[Flow, ...] = ()

    def in_use(self) -> FlowsFile:
        """Return the file with the switched-on flows moved from `optional` to `flow`."""
        on = tuple(each for each in self.optional if each.id in self.switched_on)
        off = tuple(each for each in self.optional if each not in on)
        return self.model_copy(update={"flow": (*self.flow, *on), "optional": off})


class Team(File):
    """A team of the LA or of another recipient; without `pupil_level` it never gets records of pupils.

    A `triage` team sees held files, except sensitive ones: only a `sensitive` team sees sensitive ones.
    `local`: not named in the agreement, so entitled by clauses about the work of the team. `of`: the
    recipient owning the team, if not the authority.
    """

    id: Slug
    name: str
    purpose: str
    clauses: tuple[ClauseId, ...] = Field(min_length=1)
    triage: bool = False
    sensitive: bool = False
    pupil_level: bool = True
    local: bool = False
    of: Slug | None = None


class CountsRule(File):
    """The rules for the counts of pupils that teams without `pupil_level` get.

    Counts below `threshold` are withheld; others are rounded to multiples of `rounding`. A file that may have
    only part of a roll is counted if it has at least `whole_percent` of the pupils known on roll.
    """

    threshold: int = Field(default=5, ge=3, le=100)
    rounding: int = Field(default=5, ge=3, le=100)
    whole_percent: int = Field(default=90, ge=1, le=100)

    @model_validator(mode="after")
    def _hides(self) -> CountsRule:
        if self.rounding < self.threshold:
            raise ValueError("rounding to less than the threshold would tell changes below it")
        return self


class TeamsFile(File):
    """Model of teams.toml: the teams of the authority, and the rules for counts."""

    team: tuple[Team, ...] = Field(min_length=1)
    counts: CountsRule = CountsRule()


class GroupReason(File):
    """A reason given in Appendix A for a group of items, and the team that the reason names, if any."""

    text: str
    team: Slug | None = None


class Group(File):
    """A group of Appendix A: items about the persons `of`. `proposed`: the items not yet agreed."""

    label: str
    clause: ClauseId
    of: Slug = PUPILS
    items: tuple[str, ...] = Field(min_length=1)
    proposed: tuple[str, ...] = ()
    reason: tuple[GroupReason, ...] = Field(min_length=1)

    def labels(self) -> tuple[str, ...]:
        """Return the labels of the items, written "Group: Item"."""
        return tuple(f"{self.label}: {item}" for item in self.items)


class Selection(File):
    """Some items of Appendix A under one id, so a right can give less than a whole group of items.

    `identifies`: the items only identify a child; a team with a right to nothing else gets no file.
    """

    id: Slug
    items: tuple[str, ...] = Field(min_length=1)
    identifies: bool = False


class Right(File):
    """The data items of Appendix A that a team, or another recipient, may have; `why`: the reason.

    The items are those of whole `groups`, those of `selections`, and single `items`. Exceptions: the items in
    `without`, and those in `not_from`, by the kind of sender whose files do not give the items.
    """

    team: Slug
    groups: tuple[str, ...]
    selections: tuple[Slug, ...] = ()
    items: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    not_from: dict[Slug, tuple[str, ...]] = Field(default={})
    clauses: tuple[ClauseId, ...] = Field(min_length=1)
    why: str


class Outside(File):
    """The treatment of personal items in a file that are not in Appendix A.

    `hold`: items that make a file wait. `default`: the action for other items. `sensitive`: items by which a
    file is shown to few people only.
    """

    default: ItemAction
    hold: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()


class Proposed(File):
    """How to treat items that Appendix A only proposes. `action`: what happens to a file with one of them.
    `sensitive`: items by which a file is shown to few people only.
    """

    action: ItemAction
    sensitive: tuple[str, ...] = ()


class RightsFile(File):
    """Model of rights.toml: the groups and items of Appendix A, and the teams' rights to them."""

    outside: Outside
    proposed: Proposed
    group: tuple[Group, ...] = Field(min_length=1)
    selection: tuple[Selection, ...] = ()
    right: tuple[Right, ...] = Field(min_length=1)
