"""Define the frozen values that pass from step to step: Upload, Opened, Classified, decisions.

All times are aware datetimes in UTC. All digests are lower-case hexadecimal. No value holds a pupil's data:
the content itself stays behind a file descriptor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Literal, NamedTuple

STATEMENT = "Statement to the gateway: "
"""The first words of every text a provider signs for one purpose alone."""
Purpose = Literal["ratification", "key", "lost-key"]
_FIRST: dict[Purpose, str] = {
    "ratification": f"{STATEMENT}we agree to the text below; for /agreement alone.",
    "key": f"{STATEMENT}the key below is ours; for /keys alone.",
    "lost-key": f"{STATEMENT}the SSH key below is ours no more; for /keys alone.",
}


_SIGNED_BY = "Signed by: "
_LONGEST_NAME = 160


def stated(purpose: Purpose, text: str) -> str:
    """Return a text for signing: a line that states the one purpose of the signature, then `text`."""
    return f"{_FIRST[purpose]}\n\n{text}"


def with_signatory(name: str, office: str, text: str) -> str:
    """Return a text below a line naming its signatory and office. ValueError if either is not one line."""
    who = f"{name.strip()}, {office.strip()}"
    if not name.strip() or not office.strip() or not is_signatory(who):
        raise ValueError("a name and an office of one line each are needed")
    return f"{_SIGNED_BY}{who}\n\n{text}"


def without_signatory(text: str) -> tuple[str, str]:
    """Split a text into "NAME, OFFICE" of its signatory ("" if not stated) and the text below that line."""
    first, _, rest = text.partition("\n")
    who = first.removeprefix(_SIGNED_BY).rstrip()
    if who == first.rstrip() or not is_signatory(who):
        return "", text
    return who, rest.removeprefix("\r").removeprefix("\n")


def is_signatory(who: str) -> bool:
    """Return True if `who`, a name and office, is one printable line of 1 to 160 characters."""
    return who.isprintable() and 0 < len(who) <= _LONGEST_NAME


def read_as(purpose: Purpose, text: str) -> str | None:
    """Return a signed text without its first line, which states the purpose; None for another purpose.

    A text that states no purpose is returned unchanged.
    """
    bare = text.removeprefix("\ufeff").lstrip()
    first, _, rest = bare.partition("\n")
    if first.rstrip() == _FIRST[purpose]:
        return rest.removeprefix("\r").removeprefix("\n")
    return None if bare.startswith(STATEMENT.rstrip()) else text


UNKNOWN = "what no rule knows"
"""Label for columns and elements left out of a view because the agreement names nothing like them."""

APART = "records that few people may see"
"""Label for records left out because they are of protected children."""

WITHHELD = "values that are not what they should be"
"""Label for cells left blank because their values are not of their kind."""

OTHER_SCHOOLS = "records of other schools"
"""Label for records left out where a provider gets only its own pupils' records."""

OTHER_RECORDS = "records of children that the team is not there for"
"""Label for records left out where the agreement gives a team only those of some children."""

EVERY_RECORD = "every record of a pupil"
"""Label for everything left out where a team gets only counts."""

VIEW_EXTENSIONS = {"xls": "xlsx", "xlsb": "xlsx", "ods": "xlsx", "txt": "csv"}
"""Extensions of views, where different from the file's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The part of a file that one team or provider may have, from which a view of the file is made.
    `data_type`: the type as which the file is read. `items`: the data items shown: Appendix A labels ("Group:
    Item"), and labels of other items. `unlisted`: the columns and elements unknown to the data type; no view
    shows them. `without`: the numbers of the records left out as a whole, from 0 in the order of the view.
    `of_school`: DfE number and URN of the only school whose records are shown; None for all schools.
    `stated`: headings with meanings stated by the provider. `where`: an item and some values; only records
    with one of the values, in upper or lower case, are shown. None for all records.
    """

    data_type: str
    items: tuple[str, ...]
    unlisted: tuple[Unlisted, ...] = ()
    without: tuple[int, ...] = ()
    of_school: tuple[str, str] | None = None
    stated: Stated = ()
    where: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How to count pupils in the tables (clause 2.4.2) for a team that may see no pupil's record.
    A count below `threshold` is withheld; other counts are rounded up or down, by chance, to a multiple of
    `rounding`. `seed`: the secret from which the chance is drawn, 32 octets in hexadecimal, another for each
    file. Pupils who joined or left are counted from the day `since`; with None, all leavers and no joiners
    are counted. `school`: the provider's id. `school` and `period` are the subject of the tables.
    """

    threshold: int
    rounding: int
    seed: str
    since: date | None
    school: str
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view made from a file: its size in bytes and SHA-256, and the labels of the items left out.
    `whole`: nothing was left out or changed, so the file's own content serves as the view.
    """

    size: int
    sha256: str
    left_out: tuple[str, ...] = ()
    whole: bool = False


Folder = Literal["in", "keys", "agreement"]
ProviderKind = str
"""Id of a kind of provider, as listed with its rights in bodies.toml."""
LooksLike = Literal["", "public", "secret-key", "other-encryption", "unknown"]
Level = Literal["certain", "strong", "moderate"]
Late = Literal["renewed", "vouched"]
Severity = Literal["error", "query"]
ValueKind = Literal[
    "nothing", "flags", "dates", "times", "numbers", "grades", "codes", "identifiers", "contact details",
    "names", "words", "free text", "mixed",
]  # fmt: skip
FileKeyKind = Literal["ssh", "openpgp"]
"""Kinds of keys that their owner sends as a file."""
KeyKind = FileKeyKind | Literal["passkey", "openid"]
Outcome = Literal["accepted", "held", "refused"]
State = Literal["landed"] | Outcome
WaitsFor = Literal["date", "ratification", "key", "approval", "person"]
"""What ends a hold: a day, a ratification, a renewed key, the approval of a dropped key, or a person."""


class GatewayKeyKind(StrEnum):
    """Algorithm of a gateway's OpenPGP key; RSA is for senders whose program lacks Curve25519."""

    CURVE25519 = "curve25519"
    RSA4096 = "rsa4096"


Stated = tuple[tuple[str, str], ...]
"""Headings a provider has explained, each with the key in items.toml of the field that it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of quality fault in a file: how often it occurs, and the first 20 records with it (from 1).
    `about`: the data item, by the Appendix A label; "" if `code` alone names the fault. `expected`: for wrong
    values, which every view leaves out, the correct form; "" for other faults. `much`: True if so many values
    of a column are wrong that the heading or the file must be wrong. `of`: for "results:lacking", the number
    of results that should be in the file, of which `count` are missing; else 0. `item`: the label of the data
    item with the fault, if `about` names something else; "" in all other cases.
    """

    code: str
    severity: Severity
    count: int
    rows: tuple[int, ...] = ()
    about: str = ""
    expected: str = ""
    much: bool = False
    of: int = 0
    item: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that a file states about itself; None for a fact that is not stated.
    `latest_day`: the latest day of sessions in attendance, else the day of the export of a table; never
    after the day of the upload.
    `upn_authorities`: the numbers of the local authorities that first gave the UPNs. `upper_years`: the
    number of records of pupils in year 9 and above.
    """

    la: str | None = None
    establishment: str | None = None
    urn: str | None = None
    academic_year: str | None = None
    term: str | None = None
    reference_date: date | None = None
    latest_day: date | None = None
    key_stage: str | None = None
    software: str | None = None
    version: str | None = None
    upn_authorities: tuple[str, ...] | None = None
    upper_years: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """A column or element in a file, unknown to the file's data type.
    `place`: the sort of entry: "column", "element", or "text" for words that a workbook shows beside its
    cells. `position`: the number of the column, or of the sort of element, from 1; 0 for lines above a table.
    `filled`: the number of records with a value. `header`: the name in the file; because a child may be named
    there, only people examining held files see headers. `topic`: the sensitive topic, in the gateway's words;
    else "". `assessment`: the sort of grades other than results, such as "mock" or "predicted"; else "".
    `further`: True for one last entry that stands for all columns left off a long list. `field`: the key of
    the field named in the header; "" if unknown. `types`: the data types with the field.
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
    """A school named by `records` records of a file, with the numbers in the file; "" for a missing number.
    `dfe_number` is LA + establishment, 7 digits; `establishment` is set if no LA is stated. `name` numbers
    the different names in the file from 1; the names themselves stay in the file. An entry without any number
    is for the records that name no school. `further`: True for one last entry that stands for all schools
    left off a long list.
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
    """The content of a file recognised as exactly one data type.
    `mixed_with` is the second type of a file with results of both GCSE and A level. `items` are labels of
    Appendix A, "Group: Item"; `other_items` are other personal items. `pupils` counts different pupils.
    `results` are the types of examination results in a file of any type. `schools`: most records first; ()
    where no record names one. `stated`: headings the provider has explained. `name_suggests`: the data
    type the file's name suggests, if any.
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
    """The facts of a `Classified` file needed to compare many files; the fields mean the same in both."""

    data_type: str
    format: str = ""
    items: tuple[str, ...] = ()
    other_items: tuple[str, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()
    findings: tuple[Finding, ...] = ()
    stated: Stated = ()


class RollEntry(NamedTuple):
    """A pupil in a roll, by keyed digests of UPN (16 octets), former UPN (16) and date of birth (8).
    `record`: the number of the pupil's record in the file, from 1. `school`: the DfE number of the school
    in the record, else its URN, else its establishment number, else "".
    """

    pupil: bytes
    on_roll: bool
    record: int
    birth_date: bytes | None = None
    former: bytes | None = None
    school: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRefused:
    """The content of a file of no known data type, or of several.
    `code`: a reason code that begins with `classify:`, or `open:malware`. `about`: the words that fill the
    blank in the reason's sentence; None if the sentence has no blank, or the kind of content is unknown.
    `sensitive`: likely sensitive topics, in the gateway's words. `parts`: the files of an archive, or tables
    of a workbook, if they are of several types.
    """

    code: str
    evidence: tuple[str, ...] = ()
    runner_up: str | None = None
    format: str | None = None
    extension: str = "bin"
    about: str | None = None
    sensitive: tuple[str, ...] = ()
    parts: tuple[Classified | ContentRefused, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A body that sends files, such as a school, as in the registry.
    `dfe_number`: LA + establishment, 7 digits. `number`: identifies a body with neither a DfE number nor a
    URN. `harmless`: column names listed as harmless by an administrator. `stated`: headings with meanings
    stated by the provider. `schools`: the DfE numbers or URNs of further schools for which the provider
    sends, as a multi-academy trust does. `closed_on`: the last day, None while open; a closed provider owes
    nothing and gets nothing new. `succeeded_by`: the id of the successor.
    """

    id: str
    name: str
    kind: ProviderKind
    dfe_number: str | None = None
    urn: str | None = None
    number: str | None = None
    suspended: bool = False
    ratified: bool = False
    harmless: tuple[str, ...] = ()
    stated: Stated = ()
    schools: tuple[str, ...] = ()
    closed_on: date | None = None
    succeeded_by: str | None = None


@dataclass(frozen=True, slots=True)
class RatificationsThatCount:
    """The conditions on which a provider's ratification of the agreement counts.
    The ratification must be for one of the academic `years`, and of the text with the SHA-256 `text` (None:
    of any text). A ratification that a notice ended by the day `on` does not count (None: notices are
    ignored).
    """

    years: tuple[str, ...] = ()
    text: str | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A public key found fit for enrolment. After `expires_at` the key cannot sign."""

    kind: FileKeyKind
    fingerprint: str
    material: str
    algorithm: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file as landed and recorded by intake.

    In the inside zone, `size` and `sha256` are of the stored copy, `provider` is enrolled, and `landed_at` is
    within minutes of the kernel's time of renaming the upload's record. In the spool `sha256` is empty,
    except for a withheld file: a stored file is hashed when copied. `ssh_key` is only intake's statement: a
    file counts only where the provider could log in with that key at that time. `name`, `folder`, `client`,
    `withheld` and all data of a withheld file are intake's statements alone; receipts say so.

    `withheld`: sent without encryption, so intake wrote nothing of the content; `size` and `sha256` are of
    the bytes passing by. `looks_like` classifies the beginning of a withheld file: public key material, a
    secret key, or anything else.
    """

    reference: str
    provider: str
    name: str
    folder: Folder
    size: int
    sha256: str
    started_at: datetime
    landed_at: datetime
    ssh_key: str
    client: str = ""
    withheld: bool = False
    looks_like: LooksLike = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A verified signature: fingerprints of the signer's certificate and signing key, and the time.
    `expires_at`: the expiry of the signature itself, if the engine reports one.
    """

    certificate: str
    signing_key: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A sealed file after decryption, with one good signature over the whole.
    `content`: descriptor of anonymous memory at offset 0, to be closed by the holder of this value. `size`,
    `sha256`: of the content. `opened_by`: fingerprint of the gateway's certificate used, if known. `late`:
    None if the signer's certificate was valid at the time of signing; "renewed" if it had expired then, and
    was renewed since; "vouched" if its owner bound the signing key to it only later.
    """

    content: int
    size: int
    sha256: str
    signature: Signature
    engine: str
    opened_by: str | None = None
    late: Late | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Reason of a decision: a stable code, its clause, a sentence for a school secretary, the next step."""

    code: str
    clause: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The decision that a file, as classified, goes to `teams` under `flow`."""

    state: ClassVar[Outcome] = "accepted"
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A held file a person has released to `teams` under `flow`, as a data type and about a period.
    `on_roll`: the pupils in the file count as on its sender's roll.
    """

    state: ClassVar[Outcome] = "accepted"
    data_type: str | None = None
    period: str | None = None
    on_roll: bool = True
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The outcome of an accepted drop or declaration, which is recorded, but goes to no team."""

    state: ClassVar[Outcome] = "accepted"
    teams: ClassVar[tuple[str, ...]] = ()
    flow: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The decision that a file waits: until the moment `until` (UTC), or for a person if `until` is None."""

    state: ClassVar[Outcome] = "held"
    reasons: tuple[Reason, ...]
    flow: str | None = None
    teams: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The decision that a file is refused for good. `few`: only few people may know of the file."""

    state: ClassVar[Outcome] = "refused"
    teams: ClassVar[tuple[str, ...]] = ()
    reasons: tuple[Reason, ...]
    flow: str | None = None
    few: bool = False


Decision = Accepted | Released | Settled | Held | Refused
"""A decision; each kind has a state, a flow, teams and reasons."""


class Arrival(NamedTuple):
    """The arrival of a file of a flow; `period` is the one the file states, if any.
    `nil`: the arrival is no file, but a nil return: the statement that nothing is to be sent for the period.
    """

    flow: str
    data_type: str
    at: datetime
    period: str | None = None
    nil: bool = False


class LogStep(NamedTuple):
    """An entry of the log about a file, with the entry's `number`. `by`: the person or service that acted.
    `why`: the reason a person gave. `reasons`: the codes of a decision.
    """

    number: int
    at: datetime
    kind: str
    team: str | None = None
    reasons: str | None = None
    by: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A file in the registry: its upload, the results of opening and classifying, and the decision.
    `sequence`: the number in the order of landing. `waits_for`: the event that ends a hold. `period`: the one
    stated in the file. `rules`: the digest of the policies and code by which the content was judged.
    """

    sequence: int
    upload: Upload
    state: State
    flow: str | None = None
    data_type: str | None = None
    extension: str = "bin"
    content_size: int | None = None
    content_sha256: str | None = None
    signature: Signature | None = None
    opened_by: str | None = None
    engine: str | None = None
    content: Classified | ContentRefused | None = None
    decided_at: datetime | None = None
    held_until: datetime | None = None
    waits_for: WaitsFor | None = None
    rules: str | None = None
    period: str | None = None
    teams: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidColumn:
    """A column of an output file, with one source of values: `field` (a key of items.toml), the first of the
    `headings` of a view that has a value, or the fixed `value`, which is the same in every row.
    """

    name: str
    field: str = ""
    headings: tuple[str, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLayout:
    """The columns of an output file, in order. `each`: "" for one row a record, or the name of a part that a
    record may have several times, such as "Contact": then each contact gets a row.
    The heading "Contact/Surname" is the element Surname within Contact, or the column "Contact 2 Surname".
    """

    columns: tuple[LaidColumn, ...]
    each: str = ""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with the noun: "1 file", "2 files"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
