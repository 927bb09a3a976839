"""Answers about schools and the agreement: due files, each school's page, ratifications."""

from datetime import date, datetime

from gateway.home.settings_file import File
from gateway.zones.console_api.answers import Named, SeenAnswer


class CellSeen(SeenAnswer):
    """The standing of one data type of a school: state in a word, due day, last arrival."""

    data_type: str
    state: str
    due: date | None
    last: datetime | None
    missed: int
    to_chase: bool


class SchoolRow(File):
    """One line of the matrix, its cells in the order of the data types."""

    school: Named
    cells: tuple[CellSeen | None, ...]


class SchoolsSeen(File):
    """A page of the matrix, as judged at a moment: from the `first` school on, of `total`."""

    on: date
    judged_at: datetime
    data_types: tuple[Named, ...]
    schools: tuple[SchoolRow, ...]
    page: int
    first: int
    total: int
    late: bool


class ContactSeen(SeenAnswer):
    """One way to reach a provider."""

    role: str
    email: str | None
    telephone: str | None


class KeyLife(SeenAnswer):
    """A provider's key: start and end of validity, and last use."""

    kind: str
    fingerprint: str
    state: str
    added_at: datetime
    added_by: str
    until: datetime | None
    last_used_at: datetime | None
    why: str | None


class ToldSchool(File):
    """A notice or a letter to a provider: time, subject, and result."""

    at: datetime
    what: str
    how: str
    became: str


class DiscrepancySeen(File):
    """A contradiction between two rolls about one pupil, with the names of `others`. Names no child."""

    number: int
    what: str
    others: tuple[str, ...]
    opened_at: datetime


class TransferLine(File):
    """One file of a provider, with any outcome."""

    reference: str
    data_type: Named | None
    state: str
    landed_at: datetime
    why: str


class Ratified(File):
    """A ratification of the agreement."""

    academic_year: str
    signatory: str
    on: date


class SchoolTold(File):
    """A provider's page; `kinds` are names of kinds of data, and `next` leads to earlier files.

    `standing`: "ratified", "lapsed" or "never"; "" for a provider that is no party to the agreement.
    """

    school: Named
    kind: str
    dfe_number: str | None
    urn: str | None
    suspended: bool
    closed_on: date | None
    contacts: tuple[ContactSeen, ...]
    ratifications: tuple[Ratified, ...]
    standing: str
    cells: tuple[CellSeen, ...]
    kinds: dict[str, str]
    keys: tuple[KeyLife, ...]
    discrepancies: tuple[DiscrepancySeen, ...]
    told: tuple[ToldSchool, ...]
    becomes: tuple[str, ...]
    coming: tuple[str, ...] = ()
    signatories: tuple[Named, ...]
    files: tuple[TransferLine, ...]
    next: int | None


class ClauseSeen(File):
    """A clause: number, subject, text, and the policy entries citing it."""

    clause: str
    words: str
    text: str
    rules: tuple[str, ...]


class StandingSeen(File):
    """A school's ratification: "ratified", "lapsed" or "never", with year and end."""

    school: Named
    standing: str
    academic_year: str | None
    lapses: date | None


class AgreementSeen(File):
    """The agreement and its ratifications; digests of its text and of the policies in force."""

    sha256: str
    policies: str
    clauses: tuple[ClauseSeen, ...]
    standings: tuple[StandingSeen, ...]
