"""What the console asks of acts: which there are for a person, and that one of them is carried out."""

from __future__ import annotations

from typing import Literal

from gateway.home.settings_file import File
from gateway.zones.hatch import OfPerson, WeightyAct
from gateway.zones.hatch.answers import SeenAnswer
from gateway.zones.hatch.evidence_answers import DocumentSeen

Cell = str | int | float | bool | None
"""One value of a list; a moment is RFC 3339 in UTC."""
Given = str | int | bool | tuple[str, ...]
"""What a form gives for one field of an act."""


class AskActs(OfPerson):
    """Ask which acts the person may carry out here."""


class AskAct(OfPerson):
    """Ask what an act answers that only reads, by the words of its command."""

    act: str
    fields: dict[str, Given]


class CarryOutAct(WeightyAct):
    """Carry out an act, by the words of its command; `fields` are judged as the act declares them."""

    act: str
    fields: dict[str, Given]


class FieldTold(SeenAnswer):
    """One field of an act, as a form shows it."""

    name: str
    about: str
    kind: Literal["text", "number", "day", "moment", "yes-no", "choice", "file"]
    required: bool
    several: bool
    choices: tuple[str, ...]


class ActTold(File):
    """One act, as a page shows it. One that `reads` changes nothing; `title` is its first sentence."""

    command: str
    title: str
    about: str
    reads: bool
    lists: bool
    fields: tuple[FieldTold, ...]


class ActsTold(File):
    """Every act that a person may carry out, in the order in which acts are declared."""

    acts: tuple[ActTold, ...]


class TableTold(File):
    """Rows of an answer under the names of their columns; `moments` are the columns that hold moments."""

    columns: tuple[str, ...]
    moments: frozenset[str]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str


class ActAnswered(File):
    """The answer of an act: what was done, or what is known."""

    sentence: str = ""
    document: str = ""
    lines: tuple[tuple[str, Cell], ...] = ()
    tables: tuple[TableTold, ...] = ()
    report: DocumentSeen | None = None
    closing: tuple[str, ...] = ()
