"""What a file was classified as, and what was found in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from gateway.model.kinds import Level, Severity, ValueKind

Stated = tuple[tuple[str, str], ...]
"""Headings that a provider has said the meaning of, each with the key of the field that it carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of quality fault in a file: how often, and in which records (counted from 1, first 20).

    `about` names the data item concerned in words of ours (an Appendix A label); empty where the
    code says it. `expected`, where values are not what they should be and are in no view: what to write
    instead. `much`: so many of a column that its heading is wrong, or the file is. `of`, where things are
    counted of which a file should have so many: how many.
    """

    code: str
    severity: Severity
    count: int
    rows: tuple[int, ...] = ()
    about: str = ""
    expected: str = ""
    much: bool = False
    of: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a file says of itself. Every field is None where the file is silent.

    `upn_authorities` are the numbers of the local authorities that first gave the UPNs, `upper_years` is the
    number of records of pupils of year 9 and above.
    """

    la: str | None = None
    establishment: str | None = None
    urn: str | None = None
    academic_year: str | None = None
    term: str | None = None
    reference_date: date | None = None
    key_stage: str | None = None
    software: str | None = None
    version: str | None = None
    upn_authorities: tuple[str, ...] | None = None
    upper_years: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """Something in a file that its data type does not carry: where it stands and what it looks like.

    `position` counts columns, or kinds of element, from 1; 0 is what stands outside them, as lines above
    a table do; a `text` is what a workbook shows instead of a cell. `header` is its name as the file writes
    it: a column may be headed with a child's name, so it is for the people who look at held files and for
    nobody else. `filled` is in how many records it is filled. `topic` says, in words of ours, why it is
    sensitive; empty where it is not. `assessment` marks grades that are no results: "mock", "predicted",
    "forecast" and the like. `further`: not one thing, but all those of which no more is told. `field`: what
    its name says that it carries, by the key of the policies; empty where the name says nothing. `types`:
    the data types that carry that field.
    """

    position: int
    header: str
    filled: int
    kind: ValueKind
    place: Literal["column", "element", "text"] = "column"
    topic: str = ""
    assessment: str = ""
    further: bool = False
    field: str = ""
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSchool:
    """A school that records of a file name, and how many do. Whatever they leave out is empty.

    `dfe_number` is LA + establishment, 7 digits; `establishment` stands alone where no LA is said. `name`
    counts the different names in the file from 1; the names themselves stay in it. All empty: these records
    name no school. `further`: more schools than are told apart.
    """

    dfe_number: str = ""
    urn: str = ""
    establishment: str = ""
    centre: str = ""
    name: int = 0
    further: bool = False
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """A file recognised, by its content, as exactly one data type.

    `mixed_with` names the second type of a results file that holds both GCSE and A level.
    `items` are Appendix A labels as "Group: Item"; `other_items` personal items that Appendix A
    does not list. `pupils` counts distinct pupil records. `unlisted` is what the file holds beyond what
    its type carries. `results` are the types of examination results in it, whatever its own type is.
    `schools` are those that its records name, the most records first; none where no record names any.
    `stated` are the headings, with the keys of their fields, by which its provider wants it read.
    """

    data_type: str
    level: Level
    evidence: tuple[str, ...]
    format: str
    extension: str
    runner_up: str | None = None
    mixed_with: str | None = None
    pupils: int | None = None
    facts: Facts = field(default_factory=Facts)
    findings: tuple[Finding, ...] = ()
    items: tuple[str, ...] = ()
    other_items: tuple[str, ...] = ()
    name_suggests: str | None = None
    unlisted: tuple[Unlisted, ...] = ()
    results: tuple[str, ...] = ()
    schools: tuple[NamedSchool, ...] = ()
    stated: Stated = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """Of `Classified`, what the file holds: for whoever asks that of many files."""

    data_type: str
    format: str = ""
    items: tuple[str, ...] = ()
    other_items: tuple[str, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()
    findings: tuple[Finding, ...] = ()
    stated: Stated = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollEntry:
    """What a file says of one pupil, who is known by a keyed digest. `record` counts from 1.

    `pupil` and `former` (the number before) are of 16 octets, `birth_date` of 8. `school` is the number of
    the school that the record names: DfE number, else URN, else establishment; empty where it names none.
    """

    pupil: bytes
    on_roll: bool
    record: int
    birth_date: bytes | None = None
    former: bytes | None = None
    school: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRefused:
    """A file that is not exactly one known data type. `code` is a `classify:` code, or `open:malware`.

    `about` is what the sentence of the reason names, in words of ours. `sensitive` are the topics, in words
    of ours, that it seems to be about. `parts` are the files of an archive, or the tables of a workbook,
    that are not all of one type: each by itself.
    """

    code: str
    evidence: tuple[str, ...] = ()
    runner_up: str | None = None
    format: str | None = None
    extension: str = "bin"
    about: str | None = None
    sensitive: tuple[str, ...] = ()
    parts: tuple[Classified | ContentRefused, ...] = ()
