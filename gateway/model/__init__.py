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
    """Return a text below the statement of its purpose, ready for signing."""
    return f"{_FIRST[purpose]}\n\n{text}"


def signed_by(name: str, office: str, text: str) -> str:
    """Return a text below the name and office of its signatory. ValueError if these are not one line each."""
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
    """Return a text without the statement of this purpose, if it has one; None if it has that of another."""
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
    """Records that a team may have: those in which an item has one of these values, in any case."""

    item: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a team may have of a file of one data type.
    `items` are labels, "Group: Item". `told` is content outside the data type, which nobody gets. `without`:
    numbers, from 0 in the order of a view, of records left out as a whole. `of_school`: DfE number and URN of
    the school whose records alone are given. `stated`: headings whose meaning the provider has stated.
    `where`: which records are given, where not all are.
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
    """Request for tables of counts (clause 2.4.2), for a team that may have no pupil's record.
    A count below `threshold` is withheld; others are rounded to multiples of `rounding`, at random from
    `seed` (32 octets in hexadecimal), a secret of the file. Joiners and leavers count from `since` on.
    `school` and `period` are what the tables are about, in the gateway's words.
    """

    threshold: int
    rounding: int
    seed: str
    since: date | None
    school: str
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """View made from a file: size in bytes, SHA-256, and the labels of what was left out.
    With `whole`, nothing was left out or changed, and the content of the file is the view.
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
    """One kind of quality fault in a file: how often, and the first 20 records with it, from 1.
    `about` names the data item (a label of Appendix A), where the code does not say enough. `expected`: what
    the values should be, if wrong ones are left out of every view. `much`: so many of a column are wrong that
    the file waits. `of`: how many there should be, for a fault of counting.
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
    """What a file states about itself; None where it is silent.
    `upn_authorities`: numbers of the local authorities that gave the UPNs. `upper_years`: how many records
    are of pupils in year 9 or above.
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
    """Column, element or text in a file that its data type does not carry.
    `position` counts columns, or kinds of elements, from 1; 0 is elsewhere, as above a table. A `text` is
    what a workbook shows in place of a cell. `header` is the name in the file: it may be a child's, so only
    people who examine held files see it. `filled`: how many records have a value. `topic`: why it is
    sensitive, in the gateway's words; else "". `assessment`: "mock", "predicted" and the like, for grades
    that are no results. `further`: stands for all that are not listed. `field`: the key of the field that
    the header means, and `types` the data types that carry it.
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
    """School that records of a file name, with their number. Parts that they do not name are "".
    `dfe_number` is LA + establishment, 7 digits; `establishment` stands alone without an LA. `name` numbers
    the different names from 1, which themselves stay in the file. All parts are "" for records that name no
    school. `further`: stands for all schools that are not listed.
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
    where no record names one. `stated`: headings whose meaning the provider has stated.
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
    """Part of `Classified` that is loaded where many files are compared."""

    data_type: str
    format: str = ""
    items: tuple[str, ...] = ()
    other_items: tuple[str, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()
    findings: tuple[Finding, ...] = ()
    stated: Stated = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollEntry:
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
    """File that is not exactly one known data type. `code` is a `classify:` code, or `open:malware`.
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
    """Body that sends files. `dfe_number` is LA + establishment, 7 digits.
    `number` identifies one with neither a DfE number nor a URN. `harmless`: column names that an
    administrator has listed as harmless; `stated`: headings whose meaning the provider has stated. `schools`:
    DfE numbers or URNs of further schools that it speaks for, as a multi-academy trust does. `closed_on`: the
    last day, None while open; `succeeded_by`: the id of the successor.
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

    @property
    def is_closed(self) -> bool:
        """True once recorded as closed: such a provider owes nothing and gets nothing new."""
        return self.closed_on is not None


@dataclass(frozen=True, slots=True)
class RatificationsThatCount:
    """Ratifications that count: of these academic years, of the text with this SHA-256 (None: of any).
    One that a notice ended before the day `on` does not count.
    """

    years: tuple[str, ...] = ()
    text: str | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """Public key that may be enrolled. After `expires_at` it cannot sign."""

    kind: FileKeyKind
    fingerprint: str
    material: str
    algorithm: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """File as it landed, as intake tells it.

    Inside, `size` and `sha256` are those of the stored copy, `provider` is enrolled, and `landed_at` is near
    the kernel's time for the record. In the spool `sha256` is "", but for a withheld file. A file counts only
    where the provider could log in with `ssh_key` at that time. Nothing proves `name`, `folder`, `client`,
    `withheld` and the data of a withheld file, as receipts say.

    `withheld`: sent without encryption, so intake kept nothing; `size` and `sha256` are of the bytes that
    passed by, and `looks_like` tells what they begin like: a public key, a secret key, or anything else.
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
    """Sealed file, decrypted, with one good signature over the whole.
    `content` is a descriptor of anonymous memory at offset 0, which the holder of this value closes; `size`
    in bytes and `sha256` are of the content. `opened_by`: fingerprint of the gateway's certificate, where the
    engine reports it. `late`: the signer's certificate was not valid when signing and is now: it had expired
    and was "renewed", or its owner had not "vouched" for the key before.
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
    """File that the policies allow, as classified: it goes to `teams` under `flow`."""

    state: ClassVar[Outcome] = "accepted"
    classified: Classified
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Held file that a person has released to `teams` under `flow`, as a data type, about a period if known.
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
    """Drop or declaration that was taken and recorded: it goes to no team."""

    state: ClassVar[Outcome] = "accepted"
    teams: ClassVar[tuple[str, ...]] = ()
    flow: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """File that waits for a person, or until `until` where known; `teams` are its intended recipients."""

    state: ClassVar[Outcome] = "held"
    reasons: tuple[Reason, ...]
    flow: str | None = None
    teams: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """File that was refused for good. `few`: it is sensitive, so only few people may know of it."""

    state: ClassVar[Outcome] = "refused"
    teams: ClassVar[tuple[str, ...]] = ()
    reasons: tuple[Reason, ...]
    flow: str | None = None
    few: bool = False


Decision = Accepted | Released | Settled | Held | Refused
"""Each decision has a state, a flow, teams and reasons."""


class Arrival(NamedTuple):
    """Arrival of data in a flow, about the period that the data states.
    `nil`: no file came, but a statement that there is nothing to send for the period.
    """

    flow: str
    data_type: str
    at: datetime
    period: str | None = None
    nil: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Transfer in the registry: the upload, what opening and classifying found, and the decision.
    `sequence` orders transfers whatever the clock says. `waits_for`: what ends a hold. `period`: the one that
    the file states.
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
    """Accepted file to compare with others of the same kind and period.
    `content` is loaded only where the schools of the file have to be told.
    """

    sequence: int
    reference: str
    content: Classified | ContentRefused | None = None


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 file", "2 files"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
