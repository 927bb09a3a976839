"""Answers about schools and the agreement: what is due, each school's page, who has ratified."""

from __future__ import annotations

from datetime import date, datetime

from gateway.home.settings_file import File
from gateway.zones.hatch.answers import Named, SeenAnswer, WhyWas


class CellSeen(SeenAnswer):
    """How one data type of a school stands: the state in a word, when it is due, when the last came."""

    data_type: str
    state: str
    due: date | None
    last: datetime | None
    missed: int


class SchoolRow(File):
    """One line of the matrix, its cells in the order of the data types."""

    school: Named
    cells: tuple[CellSeen | None, ...]


class SchoolsSeen(File):
    """A page of the matrix, as it was judged at a moment; `pages` is how many there are."""

    on: date
    judged_at: datetime
    data_types: tuple[Named, ...]
    schools: tuple[SchoolRow, ...]
    page: int
    pages: int
    late: bool


class ContactSeen(SeenAnswer):
    """One way to reach a provider."""

    role: str
    email: str | None
    telephone: str | None


class KeyLife(SeenAnswer):
    """A key of a provider and its life: from when until when it counts, and when it was used last."""

    kind: str
    fingerprint: str
    state: str
    added_at: datetime
    added_by: str
    until: datetime | None
    last_used_at: datetime | None
    why: str | None


class ToldSchool(File):
    """A notice or a letter to a provider: when, what it is about, and whether it has gone or come back."""

    at: datetime
    what: str
    how: str
    became: str


class DiscrepancySeen(File):
    """Something that two rolls say of one pupil and cannot both be right. It names no child."""

    number: int
    what: str
    providers: tuple[str, ...]
    opened_at: datetime


class TransferLine(File):
    """One file of a provider, whatever became of it."""

    reference: str
    data_type: Named | None
    state: str
    landed_at: datetime
    reasons: tuple[WhyWas, ...]


class Ratified(File):
    """A ratification of the agreement."""

    academic_year: str
    signatory: str
    on: date


class SchoolTold(File):
    """A provider's page; `next` leads to its earlier files."""

    school: Named
    kind: str
    dfe_number: str | None
    urn: str | None
    suspended: bool
    closed_on: date | None
    contacts: tuple[ContactSeen, ...]
    ratifications: tuple[Ratified, ...]
    cells: tuple[CellSeen, ...]
    keys: tuple[KeyLife, ...]
    discrepancies: tuple[DiscrepancySeen, ...]
    told: tuple[ToldSchool, ...]
    becomes: tuple[str, ...]
    coming: tuple[str, ...] = ()
    signatories: tuple[Named, ...]
    files: tuple[TransferLine, ...]
    next: int | None


class ClauseSeen(File):
    """A clause: its number, what it is about, its text, and what in the policies rests on it."""

    clause: str
    words: str
    text: str
    rules: tuple[str, ...]


class StandingSeen(File):
    """Whether a school has ratified: "ratified", "lapsed" or "never"; for which year, and until when."""

    school: Named
    standing: str
    academic_year: str | None
    lapses: date | None


class AgreementSeen(File):
    """The agreement, and who has ratified it; the digests of its text and of the policies in force."""

    sha256: str
    policies: str
    clauses: tuple[ClauseSeen, ...]
    standings: tuple[StandingSeen, ...]
