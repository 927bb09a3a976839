"""Questions of the console about acts: list a person's acts, and carry one out."""

from __future__ import annotations

import hashlib

from pydantic import Field, JsonValue

from gateway.home.settings_file import File
from gateway.zones.console_api import ConsoleQuestion, OfPerson
from gateway.zones.console_api.act_parts import ActField, FieldGroup, RowGroup
from gateway.zones.console_api.answers import SavedTold
from gateway.zones.console_api.questions import Given

Cell = str | int | float | bool | None
"""One value of a list; a moment is RFC 3339 in UTC."""


class AskActs(OfPerson):
    """Ask for the acts the person may carry out here.

    `about`: one act, with the values its fields may name; related acts are then given in short.
    """

    about: str = ""


class AskAct(OfPerson):
    """Ask a read-only act for its answer; `act` is the words of its command.

    Of a list, `limit` rows after the cursor `after` are asked for; 0: all rows. With `whole`, the answer is
    everything, as JSON, for programs.
    """

    act: str
    fields: dict[str, Given]
    limit: int = Field(default=0, ge=0, le=500)
    after: str = ""
    whole: bool = False


class CarryOutAct(OfPerson):
    """Carry out an act, named by its command; `fields` are validated as the act declares.

    `assertion`: the passkey's signature for exactly this act; None if unsigned. `key`: a program's mark of
    the request; a second request with the same key gets the first one's answer.
    """

    act: str
    fields: dict[str, Given]
    key: str = Field(default="", max_length=255)
    assertion: str | None = None

    def signed_over(self) -> str:
        """Return the text to sign with the passkey: the act with all its fields."""
        told = self.model_dump_json(exclude={"assertion", "session", "unattended", "origin", "address"})
        return f"{self.path()} {hashlib.sha256(told.encode()).hexdigest()}"


class BesideTold(File):
    """An act to offer beside an answer: `field` takes the id of the answer's object; `flags` are set."""

    command: str
    field: str
    flags: tuple[str, ...] = ()


class ActTold(File):
    """One act, as shown on a page. `reads`: it changes nothing. `title`: the first sentence about it.

    A list may be divided by the values `tabs` of a column `tabs_of`, and put into `groups` by columns;
    `saved` are the person's own filters. `leads`: columns, each with the page its values link to.
    `together`: acts on several rows. `beside`: acts on the one thing, named by `named_by`, that an answer is
    about.
    """

    command: str
    area: str
    title: str
    short: str = ""
    about: str
    reads: bool
    lists: bool
    tabs_of: str = ""
    tabs: tuple[str, ...] = ()
    heading: str = ""
    groups: tuple[str, ...] = ()
    saved: tuple[SavedTold, ...] = ()
    leads: tuple[tuple[str, str], ...] = ()
    together: tuple[str, ...] = ()
    beside: tuple[BesideTold, ...] = ()
    named_by: str = ""
    fields: tuple[ActField, ...]
    field_groups: tuple[FieldGroup, ...] = ()


class ActsTold(File):
    """Every act a person may carry out, by area, in the order of declaration."""

    acts: tuple[ActTold, ...]


class TableTold(File):
    """Rows of an answer under column names; `moments` are the columns holding moments.

    `named`: by column, the names of ids. `first`: the number of the first row; `total`: the number of rows of
    all pages; `following`: the cursor of the next page; "" without one. `groups`: all groups; `group_of`:
    each row's group.
    """

    columns: tuple[str, ...]
    moments: frozenset[str]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str
    named: dict[str, dict[str, str]] = Field(default_factory=dict)
    total: int | None = None
    following: str = ""
    first: int = 1
    groups: tuple[RowGroup, ...] = ()
    group_of: tuple[str, ...] = ()


class ActAnswered(File):
    """The answer of an act: a result, or information. `whole`: everything as JSON, for programs.

    `moments`: the labels of lines that hold a moment. `proof`: the part of the answer that few people need.
    """

    sentence: str = ""
    document: str = ""
    lines: tuple[tuple[str, Cell], ...] = ()
    moments: frozenset[str] = frozenset()
    tables: tuple[TableTold, ...] = ()
    report: JsonValue = None
    paragraphs: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    whole: str = ""
    proof: ActAnswered | None = None


class AskApi(ConsoleQuestion):
    """Ask for the description of the API."""
