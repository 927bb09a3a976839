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
"""Beginning of the first line of every text that is signed for one purpose."""
Purpose = Literal["ratification", "key", "lost-key"]
_FIRST: dict[Purpose, str] = {
    "ratification": f"{STATEMENT}we agree to the text below; for /agreement alone.",
    "key": f"{STATEMENT}the key below is ours; for /keys alone.",
    "lost-key": f"{STATEMENT}the SSH key below is ours no more; for /keys alone.",
}


_SIGNED_BY = "Signed by: "
_LONGEST_NAME = 160


def stated(purpose: Purpose, text: str) -> str:
    """Return a text headed by the statement of its purpose, ready for signing."""
    return f"{_FIRST[purpose]}\n\n{text}"


def signed_by(name: str, office: str, text: str) -> str:
    """Return a text headed by name and office of its signatory. ValueError if one is not a single line."""
    who = f"{name.strip()}, {office.strip()}"
    if not name.strip() or not office.strip() or not is_signatory(who):
        raise ValueError("a name and an office of one line each are needed")
    return f"{_SIGNED_BY}{who}\n\n{text}"


def without_signatory(text: str) -> tuple[str, str]:
    """Return the name and office that head a text, and the text below; "" for a text without them."""
    first, _, rest = text.partition("\n")
    who = first.removeprefix(_SIGNED_BY).rstrip()
    if who == first.rstrip() or not is_signatory(who):
        return "", text
    return who, rest.removeprefix("\r").removeprefix("\n")


def is_signatory(who: str) -> bool:
    """Return True for a name and office fit for the record: one printable line of up to 160 characters."""
    return who.isprintable() and 0 < len(who) <= _LONGEST_NAME


def read_as(purpose: Purpose, text: str) -> str | None:
    """Return a text signed for this purpose, or for none, without the purpose; None if for another."""
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
class RecordsWhere:
    """Condition on a record: `item` has one of `values`, in upper or lower case."""

    item: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The part of a file of one data type a team may have.
    `items`: labels of Appendix A, "Group: Item", and of items outside it that such files carry by nature.
    `told`: the classifier's findings outside the data type, which nobody gets.
    `without`: numbers of records left out as a whole, from 0 in the order of the view.
    `of_school`: DfE number and URN of the one school whose records are given; None for all.
    `stated`: headings with meanings stated by the provider. `where`: the condition on records given, if any.
    """

    data_type: str
    items: tuple[str, ...]
    told: tuple[Unlisted, ...] = ()
    without: tuple[int, ...] = ()
    of_school: tuple[str, str] | None = None
    stated: Stated = ()
    where: RecordsWhere | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Parameters of the tables of counts (clause 2.4.2) for a team that may see no pupil's record.
    A count below `threshold` is withheld, others are rounded to multiples of `rounding`, at random from
    `seed` (32 octets in hexadecimal), a secret of one file. Joiners and leavers are counted from `since`.
    `school` and `period` are the tables' subject, in the gateway's words.
    """

    threshold: int
    rounding: int
    seed: str
    since: date | None
    school: str
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view made from a file: size in bytes, SHA-256, and the labels of the items left out.
    `whole`: nothing was left out or changed, so the content of the file itself is the view.
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
"""Headings whose meaning a provider has stated, each with the key of the field that it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of quality fault in a file: number of occurrences, and the first 20 records with it (from 1).
    `about`: the data item, by its Appendix A label; "" where the code says enough. `expected`: the correct
    form, for wrong values every view leaves out. `much`: so many values of a column are wrong that its
    heading or the file must be wrong. `of`: the expected number, for faults of counting.
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
    """Content outside a file's data type: its place, and the kind of its values.
    `position`: number of the column, or kind of element, from 1; 0 outside them, as in lines above a table.
    `place`: "text" is shown by a workbook in place of a cell. `filled`: number of records with a value.
    `header`: the name in the file. Only people examining held files see it: it may name a child.
    `topic`: the sensitive topic, in the gateway's words; else "". `assessment`: of grades that are no
    results, such as "mock" or "predicted". `further`: stands for all content not listed.
    `field`: the key of the field the header names; "" if unknown. `types`: the data types with this
    field.
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
    `mixed_with` is the second type of a file with results of both GCSE and A level. `items` are labels of
    Appendix A, "Group: Item"; `other_items` are other personal items. `pupils` counts different pupils.
    `results` are the types of examination results in a file of any type. `schools`: most records first; ()
    where no record names one. `stated`: headings with a meaning stated by the provider.
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
    """The parts of `Classified` that are loaded to compare many files."""

    data_type: str
    format: str = ""
    items: tuple[str, ...] = ()
    other_items: tuple[str, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()
    findings: tuple[Finding, ...] = ()
    stated: Stated = ()


class RollEntry(NamedTuple):
    """Pupil in a roll, as keyed digests of UPN (16 octets), former UPN (16) and date of birth (8).
    `record` counts from 1. `school` is the school's DfE number in the record, else URN, else establishment,
    else "".
    """

    pupil: bytes
    on_roll: bool
    record: int
    birth_date: bytes | None = None
    former: bytes | None = None
    school: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRefused:
    """Content of no known data type, or of several. `code` is a `classify:` code, or `open:malware`.
    `about` fills the sentence of the reason, and `sensitive` are likely topics, in the gateway's words.
    `parts`: each file of an archive, or table of a workbook, where these are of several types.
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
    """A body that sends files, as in the registry. `dfe_number` is LA + establishment, 7 digits.
    `number` identifies a body with neither a DfE number nor a URN. `harmless` are column names listed as
    harmless by an administrator; `stated` are headings with meanings stated by the provider. `schools` are
    the DfE numbers or URNs of further schools the provider speaks for, as a multi-academy trust does.
    `closed_on` is the last day, None while open: a closed provider owes nothing and gets nothing new;
    `succeeded_by` is the id of the successor.
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
    """Conditions for a ratification to count: academic year, and SHA-256 of the text (None: any text).
    A ratification a notice ended before the day `on` does not count.
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

    Inside, `size` and `sha256` are of the stored copy, `provider` is enrolled, and `landed_at` is within
    minutes of the kernel's time for the record. In the spool `sha256` is empty, except for a withheld file:
    a stored file is hashed when copied. `ssh_key` is only intake's statement: a file counts only where the
    provider could log in with that key at that time. `name`, `folder`, `client`, `withheld` and all data of
    a withheld file are intake's statements alone; receipts say so.

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
    """Signer and time of a verified signature. Fingerprints are lower-case hex.
    `expires_at`: the signature's own expiry, where the engine reports it.
    """

    certificate: str
    signing_key: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A sealed file, decrypted, with one good signature over the whole.
    `content`: descriptor of anonymous memory at offset 0, to be closed by the holder of this value.
    `size`, `sha256`: of the content. `opened_by`: fingerprint of the gateway's certificate used, if known.
    `late`: the signer's certificate was not valid at signing and is now: "renewed", if it had expired;
    "vouched", if its owner bound the key only after signing.
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
    """File allowed by policy as classified; goes to `teams` under `flow`."""

    state: ClassVar[Outcome] = "accepted"
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Held file a person has released to `teams` under `flow`, as a data type, about a period if known.
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
    """Outcome of a drop or declaration: accepted and recorded, with nothing to route."""

    state: ClassVar[Outcome] = "accepted"
    teams: ClassVar[tuple[str, ...]] = ()
    flow: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """File waiting for a person, or until `until` (UTC) where known."""

    state: ClassVar[Outcome] = "held"
    reasons: tuple[Reason, ...]
    flow: str | None = None
    teams: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """File refused for good. `few`: it is sensitive, so only few people may know of it."""

    state: ClassVar[Outcome] = "refused"
    teams: ClassVar[tuple[str, ...]] = ()
    reasons: tuple[Reason, ...]
    flow: str | None = None
    few: bool = False


Decision = Accepted | Released | Settled | Held | Refused
"""Each decision has a state, a flow, teams and reasons."""


class Arrival(NamedTuple):
    """Arrival of data in a flow, about the period the data states.
    `nil`: no file came, but a statement that there is nothing to send for the period.
    """

    flow: str
    data_type: str
    at: datetime
    period: str | None = None
    nil: bool = False


class LogStep(NamedTuple):
    """A step of a file, from an entry of the log. `by`: the person or service acting, `why`: the reason.
    `number` is that of the entry, `reasons` are the codes of a decision.
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
    """A transfer in the registry: the upload, the results of opening and classifying, and the decision.
    `sequence` orders transfers regardless of the clock. `waits_for` names the event ending a hold. `period`
    is the period stated in the file.
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


@dataclass(frozen=True, slots=True)
class Alike:
    """An accepted file of the same data type and period as another one, to compare their schools.
    `content` is loaded only where the schools of the file are needed.
    """

    sequence: int
    reference: str
    content: Classified | ContentRefused | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidColumn:
    """A column filled from a field, from the first of `headings` with a value, or always with `value`."""

    name: str
    field: str = ""
    headings: tuple[str, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLayout:
    """Columns of a file in order. With `each`, such as "Contact", a row for each such part of a record.
    The heading "Contact/Surname" is the element Surname within Contact, or the column "Contact 2 Surname".
    """

    columns: tuple[LaidColumn, ...]
    each: str = ""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 file", "2 files"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
