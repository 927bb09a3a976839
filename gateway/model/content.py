"""Classification of a file, and the findings in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from gateway.model.kinds import Level, Severity, ValueKind

Stated = tuple[tuple[str, str], ...]
"""Headings with a meaning stated by the provider, each with the key of its field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of quality fault in a file: number of occurrences, and records (from 1, first 20).

    `about` names the data item in the gateway's words (an Appendix A label); empty where the code says
    enough. `expected`: the correct form, where wrong values are left out of every view. `much`: so much of
    a column is wrong that the heading or the file is wrong. `of`: the expected number, for faults of
    counting.
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
    """Facts a file states about itself; None where the file is silent.

    `upn_authorities` are the numbers of the local authorities that first gave the UPNs; `upper_years` is
    the number of records of pupils in year 9 and above.
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
    """Content outside a file's data type: place and kind of values.

    `position` counts columns, or kinds of element, from 1; 0 is outside them, as in lines above a table. A
    `text` is shown by a workbook in place of a cell. `header` is the name in the file: a column may be
    headed with a child's name, so only people examining held files may see a header. `filled` is the number
    of records with a value. `topic` gives the reason for sensitivity in the gateway's words; empty where
    not sensitive. `assessment` marks grades other than results: "mock", "predicted", "forecast" and the
    like. `further`: stands for all remaining ones. `field`: the field named by the header, by its key in
    the policies; empty where unknown. `types`: the data types carrying that field.
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
    """School named in records of a file, with the number of such records. Missing parts are empty.

    `dfe_number` is LA + establishment, 7 digits; `establishment` stands alone without an LA. `name` numbers
    the different names in the file from 1; the names themselves stay in the file. All empty: records naming
    no school. `further`: more schools than are listed.
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
    """File recognised, by its content, as exactly one data type.

    `mixed_with` names the second type of a results file with both GCSE and A level. `items` are Appendix A
    labels as "Group: Item"; `other_items` personal items outside Appendix A. `pupils` counts distinct pupil
    records. `unlisted` is content outside the data type. `results` are the types of examination results,
    for any data type. `schools` are the schools named in records, most records first; empty where no record
    names a school. `stated` are the headings, with the keys of their fields, stated by the provider.
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
    """Content of `Classified` needed when comparing many files."""

    data_type: str
    format: str = ""
    items: tuple[str, ...] = ()
    other_items: tuple[str, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()
    findings: tuple[Finding, ...] = ()
    stated: Stated = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollEntry:
    """Data of one pupil in a file, with the pupil as a keyed digest. `record` counts from 1.

    `pupil` and `former` (the previous number) have 16 octets, `birth_date` 8. `school` is the number of the
    school in the record: DfE number, else URN, else establishment; empty without any.
    """

    pupil: bytes
    on_roll: bool
    record: int
    birth_date: bytes | None = None
    former: bytes | None = None
    school: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRefused:
    """File that is not exactly one known data type. `code` is a `classify:` code, or `open:malware`.

    `about` fills the sentence of the reason, in the gateway's words. `sensitive` are likely topics, in the
    gateway's words. `parts` are the files of an archive, or tables of a workbook, not all of one type: each
    by itself.
    """

    code: str
    evidence: tuple[str, ...] = ()
    runner_up: str | None = None
    format: str | None = None
    extension: str = "bin"
    about: str | None = None
    sensitive: tuple[str, ...] = ()
    parts: tuple[Classified | ContentRefused, ...] = ()
