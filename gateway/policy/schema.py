"""The shapes of the files in `policies/`, as frozen models that know nothing of one another."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

CLAUSE = r"^[A-Za-z0-9]+([.\-/][A-Za-z0-9]+|\([A-Za-z0-9]+\))*$"
"""The number of a clause as agreements write it: 5.3.1.4, A.1, 3(a), A.3(b)."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
ClauseId = Annotated[str, Field(pattern=CLAUSE, max_length=24)]
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Contents = Literal["appendix-a", "set-by-dfe", "results", "analysis"]
Timescale = Slug
"""One of `TIMESCALES`, or a [[timescale]] of calendar.toml."""
PUPILS = "pupils"
"""The persons whom a file is about where its flow says nothing else, and whose records are counted."""
TIMESCALES = ("daily", "weekly", "termly", "annually", "on-event", "continuous")
ItemAction = Literal["notice", "hold"]
UnlistedAction = Literal["hold", "leave-out"]
Unratified = Literal["hold", "accept", "accept-with-notice"]

_WITH_NOTICE = "accept-with-notice-until "


class PolicyTable(BaseModel):
    """A table of a policy file: unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Ratification(PolicyTable):
    """What becomes of a file whose sender has not ratified the agreement.

    `until` is the last day of `accept-with-notice`: "MM-DD" of each academic year, or one day.
    """

    action: Unratified
    until: MonthDay | date | None = None


def _ratification(value: object) -> object:
    """What a policy file writes in one string, as the fields of `Ratification`."""
    if not isinstance(value, str):
        return value
    if value.startswith(_WITH_NOTICE):
        return {"action": "accept-with-notice", "until": value.removeprefix(_WITH_NOTICE)}
    if value not in {"hold", "accept"}:
        raise ValueError("write hold, accept, or accept-with-notice-until and a day (MM-DD or YYYY-MM-DD)")
    return {"action": value}


_WRITTEN = {
    "type": "string",
    "pattern": rf"^(hold|accept|{_WITH_NOTICE}(\d\d\d\d-)?\d\d-\d\d)$",
    "description": "hold, accept, or accept-with-notice-until and a day (MM-DD or YYYY-MM-DD)",
}
RatificationSetting = Annotated[Ratification, BeforeValidator(_ratification), WithJsonSchema(_WRITTEN)]


class AppendixRow(PolicyTable):
    """One row of Appendix B, word for word."""

    description: str
    purpose: str
    sender: str = Field(alias="from")
    recipient: str = Field(alias="to")
    statutory_support: str
    timescales: str
    mechanism: str


class Carried(PolicyTable):
    """Items outside the list that files of some formats hold because a law asks for them there.

    They go to `teams`, whose duty they are, and to no other team of the data type. `law` says which law asks.
    """

    items: tuple[str, ...] = Field(min_length=1)
    teams: tuple[Slug, ...] = Field(min_length=1)
    formats: tuple[str, ...] = ()
    law: str


class FlowDataType(PolicyTable):
    """A data type that may travel in a flow, how often it is due, and the teams that use it.

    `carries` are items outside Appendix A that such a file holds by its nature, for each of its teams;
    `carried` those for some teams, or of some formats. `about`: whose data it is; nobody's, if empty.
    `name` is what receipts call it; else it is called as the flow is. Besides its `timescale` it may be
    `also_due` by others, and `timescale_of` gives kinds of provider one of their own.
    `within` names another data type whose arrival meets the timescale too: one update tells of both.
    `ratification` wins over that of the flow. `each_replaces`: the latest file of a school and period stands
    for all, and those before it are superseded.
    """

    id: Slug
    name: str | None = None
    timescale: Timescale
    also_due: tuple[Timescale, ...] = ()
    timescale_of: dict[Slug, Timescale] = {}
    about: tuple[Slug, ...] = (PUPILS,)
    teams: tuple[Slug, ...] = ()
    clauses: tuple[ClauseId, ...] = Field(min_length=1)
    electronic: ClauseId | None = None
    carries: tuple[str, ...] = ()
    carried: tuple[Carried, ...] = ()
    within: Slug | None = None
    ratification: RatificationSetting | None = None
    each_replaces: bool = False

    def holds(self, form: str, team: str | None = None) -> tuple[str, ...]:
        """Return the items outside the list that files of a format hold lawfully, for a team if named."""
        plain = form.partition(" in ")[0]  # As it is, or in an archive.
        special = (
            item
            for each in self.carried
            if (not each.formats or plain in each.formats) and (team is None or team in each.teams)
            for item in each.items
        )
        return tuple(dict.fromkeys((*self.carries, *special)))

    def timescales(self, kind: str) -> tuple[Timescale, ...]:
        """By which timescales a kind of provider sends it."""
        return tuple(dict.fromkeys((self.timescale_of.get(kind, self.timescale), *self.also_due)))

    def every_timescale(self) -> tuple[Timescale, ...]:
        """All timescales that are named for it."""
        return tuple(dict.fromkeys((self.timescale, *self.timescale_of.values(), *self.also_due)))


class Flow(PolicyTable):
    """One kind of data that a clause of the agreement lists, and what the gateway makes of it.

    `law` names the statute that asks for a flow that no row of the agreement lists: its `clause` is then the
    one that names the duty.
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
    ratification: RatificationSetting = Ratification(action="hold")
    document: AppendixRow
    data_type: tuple[FlowDataType, ...] = Field(min_length=1)

    def __hash__(self) -> int:
        """By its id, of which there is one in a catalogue."""
        return hash(self.id)

    def of(self, data_type: str) -> FlowDataType:
        """What the flow says of one of its data types; KeyError if it is none of its own."""
        for candidate in self.data_type:
            if candidate.id == data_type:
                return candidate
        raise KeyError(data_type)

    def kinds(self) -> tuple[Slug, ...]:
        """Every kind of provider whose files of this row are not refused."""
        return (*self.senders, *self.on_behalf, *self.for_a_person)

    def unratified(self, data_type: str) -> Ratification:
        """What becomes of one of its data types where the sender has not ratified the agreement."""
        return self.of(data_type).ratification or self.ratification


class FlowsFile(PolicyTable):
    """flows.toml. `optional` flows are asked for by a law and by no row of the agreement.

    Only those that `switched_on` names are in use: files of the others wait for a person.
    """

    switched_on: tuple[Slug, ...] = ()
    flow: tuple[Flow, ...] = Field(min_length=1)
    optional: tuple[Flow, ...] = ()

    def in_use(self) -> FlowsFile:
        """Return the same with each flow that is switched on among the flows; the others stay optional."""
        on = tuple(each for each in self.optional if each.id in self.switched_on)
        off = tuple(each for each in self.optional if each not in on)
        return self.model_copy(update={"flow": (*self.flow, *on), "optional": off})


class Team(PolicyTable):
    """A section of the LA. One that is not `pupil_level` never gets records of single pupils.

    Those of a `triage` team see held files, but for the sensitive ones: these only a `sensitive` team sees.
    `local`: the agreement does not name it, so nothing but a clause about its work entitles it.
    `of`: the recipient that it belongs to, where that is not the authority itself.
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


class CountsRule(PolicyTable):
    """How counts are told to teams that are not `pupil_level`.

    Those below `threshold` are withheld; the others are rounded to multiples of `rounding`. A file of a kind
    that may hold part of a roll is counted where it has `whole_percent` of the pupils known to be on it.
    """

    threshold: int = Field(default=5, ge=3, le=100)
    rounding: int = Field(default=5, ge=3, le=100)
    whole_percent: int = Field(default=90, ge=1, le=100)

    @model_validator(mode="after")
    def _hides(self) -> CountsRule:
        if self.rounding < self.threshold:
            raise ValueError("rounding to less than the threshold would tell changes below it")
        return self


class TeamsFile(PolicyTable):
    """teams.toml."""

    team: tuple[Team, ...] = Field(min_length=1)
    counts: CountsRule = CountsRule()


class GroupReason(PolicyTable):
    """The statutory reason Appendix A gives for a group; `team` where it names the section."""

    text: str
    team: Slug | None = None


class Group(PolicyTable):
    """One group of Appendix A: data `of` some persons. `proposed` are items that are not yet agreed."""

    label: str
    clause: ClauseId
    of: Slug = PUPILS
    items: tuple[str, ...] = Field(min_length=1)
    proposed: tuple[str, ...] = ()
    reason: tuple[GroupReason, ...] = Field(min_length=1)

    def labels(self) -> tuple[str, ...]:
        """The items as "Group: Item"."""
        return tuple(f"{self.label}: {item}" for item in self.items)


class Selection(PolicyTable):
    """Some items of Appendix A under a name, for teams that may not have the whole group.

    Those of one that `identifies` say which child it is: by themselves they are no reason to get a file.
    """

    id: Slug
    items: tuple[str, ...] = Field(min_length=1)
    identifies: bool = False


class Right(PolicyTable):
    """Which data items a team may have, and why.

    Whole groups, and single items or selections of them beside; `without` takes items away again, and
    `not_from` those that it may not have of one kind of sender.
    """

    team: Slug
    groups: tuple[str, ...]
    selections: tuple[Slug, ...] = ()
    items: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    not_from: dict[Slug, tuple[str, ...]] = {}
    clauses: tuple[ClauseId, ...] = Field(min_length=1)
    why: str


class Outside(PolicyTable):
    """What becomes of personal items that Appendix A does not list. `sensitive` ones wait for few people."""

    default: ItemAction
    hold: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()


class Proposed(PolicyTable):
    """What becomes of items that Appendix A only proposes. `sensitive` ones wait for few people."""

    action: ItemAction
    sensitive: tuple[str, ...] = ()


class RightsFile(PolicyTable):
    """rights.toml."""

    outside: Outside
    proposed: Proposed
    group: tuple[Group, ...] = Field(min_length=1)
    selection: tuple[Selection, ...] = ()
    right: tuple[Right, ...] = Field(min_length=1)
