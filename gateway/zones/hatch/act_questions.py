"""Questions of the console about acts: list a person's acts, and carry one out."""

from typing import Literal

from gateway.home.settings_file import File
from gateway.zones.hatch import OfPerson, WeightyAct
from gateway.zones.hatch.answers import SeenAnswer
from gateway.zones.hatch.evidence_answers import DocumentSeen

Cell = str | int | float | bool | None
"""One value of a list; a moment is RFC 3339 in UTC."""
Given = str | int | bool | tuple[str, ...]
"""The value of one field of an act in a form."""


class AskActs(OfPerson):
    """Ask for the acts the person may carry out here."""


class AskAct(OfPerson):
    """Ask a read-only act for its answer, by the words of its command."""

    act: str
    fields: dict[str, Given]


class CarryOutAct(WeightyAct):
    """Carry out an act, by the words of its command; `fields` are validated as declared by the act."""

    act: str
    fields: dict[str, Given]


class FieldTold(SeenAnswer):
    """One field of an act, as shown in a form."""

    name: str
    about: str
    kind: Literal["text", "number", "day", "moment", "yes-no", "choice", "file"]
    required: bool
    several: bool
    choices: tuple[str, ...]
    personal: bool = False


class ActTold(File):
    """One act, as shown on a page. One with `reads` changes nothing; `title` is its first sentence."""

    command: str
    title: str
    about: str
    reads: bool
    lists: bool
    fields: tuple[FieldTold, ...]


class ActsTold(File):
    """Every act a person may carry out, in the order of declaration."""

    acts: tuple[ActTold, ...]


class TableTold(File):
    """Rows of an answer under column names; `moments` are the columns holding moments."""

    columns: tuple[str, ...]
    moments: frozenset[str]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str


class ActAnswered(File):
    """The answer of an act: a result, or information."""

    sentence: str = ""
    document: str = ""
    lines: tuple[tuple[str, Cell], ...] = ()
    tables: tuple[TableTold, ...] = ()
    report: DocumentSeen | None = None
    closing: tuple[str, ...] = ()
