"""The frozen values that pass from step to step: Upload, Opened, Classified, decisions, receipts.

All times are aware datetimes in UTC. All digests are lower-case hexadecimal. No value here holds
a pupil's data: the content itself stays behind a file descriptor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Literal, NamedTuple

Folder = Literal["in", "keys", "agreement"]
ProviderKind = Literal["school", "academy", "dfe", "fft", "alps", "lpuk", "la"]
LooksLike = Literal["", "public", "secret-key", "other-encryption", "unknown"]
Level = Literal["certain", "strong", "moderate"]
Late = Literal["renewed", "vouched"]
Severity = Literal["error", "query"]
ValueKind = Literal[
    "nothing",
    "flags",
    "dates",
    "times",
    "numbers",
    "grades",
    "codes",
    "identifiers",
    "contact details",
    "names",
    "words",
    "free text",
    "mixed",
]
KeyKind = Literal["ssh", "openpgp"]
Outcome = Literal["accepted", "held", "refused"]
State = Literal["landed"] | Outcome
WaitsFor = Literal["date", "ratification", "key", "approval", "person"]
"""What ends a hold: a key is renewed or approved; `approval` is that of a key which was dropped."""

EDUCATION_PROVIDERS: frozenset[ProviderKind] = frozenset({"school", "academy"})


class GatewayKeyKind(StrEnum):
    """What a key of the gateway is made of: RSA is for senders whose program knows no Curve25519."""

    CURVE25519 = "curve25519"
    RSA4096 = "rsa4096"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file as it landed, as intake recorded it.

    Inside, `size` and `sha256` are of what was copied, `provider` is one that is enrolled, and `landed_at` is
    within minutes of when the kernel saw the record made. `ssh_key` is only what intake says: a file counts
    only where that provider could log in with it then. `name`, `folder`, `client`, `withheld`, and what was
    withheld, are intake's word alone; receipts say so.

    `withheld`: it came without encryption, so intake wrote none of it down; `size` and `sha256` are
    of what passed by. `looks_like` is what a withheld one was by its beginning: something about keys
    that is no secret, a secret key, or anything else.
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
    """Who signed and when, as the OpenPGP engine verified it. Fingerprints are lower-case hex.

    `expires_at`: until when the signature is to count by its own word, where the engine tells.
    """

    certificate: str
    signing_key: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A sealed file that was decrypted and whose one signature is good over all of it.

    `content` is a readable, seekable descriptor of anonymous memory (memfd) at offset 0; whoever
    holds the value closes it. `size` is in bytes; `sha256` is of the content. `opened_by` is the
    fingerprint of the gateway certificate it was sealed to, where the engine can tell. `late`: the signer's
    certificate did not count when it signed, and does now: it had expired and was "renewed", or nothing that
    we have of it is as old, and its owner has "vouched" for the key since.
    """

    content: int
    size: int
    sha256: str
    signature: Signature
    engine: str
    opened_by: str | None = None
    late: Late | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of quality fault in a file: how often, and in which records (counted from 1, first 20).

    `about` names the data item concerned in words of ours (an Appendix A label); empty where the
    code says it.
    """

    code: str
    severity: Severity
    count: int
    rows: tuple[int, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a file says of itself. Every field is None where the file is silent."""

    la: str | None = None
    establishment: str | None = None
    urn: str | None = None
    academic_year: str | None = None
    term: str | None = None
    reference_date: date | None = None
    key_stage: str | None = None
    software: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """Something in a file that its data type does not carry: where it stands and what it looks like.

    `position` counts columns, or kinds of element, from 1; 0 is what stands outside them, as lines above
    a table do. `header` is its name as the file writes it: a column may be headed with a child's name, so
    it is for the people who look at held files and for nobody else. `filled` is in how many records it
    is filled. `topic` says, in words of ours, why it is sensitive; empty where it is not.
    `assessment` marks grades that are no results: "mock", "predicted", "forecast" and the like.
    """

    position: int
    header: str
    filled: int
    kind: ValueKind
    place: Literal["column", "element"] = "column"
    topic: str = ""
    assessment: str = ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: a stable code, the clause it rests on, a sentence for a school secretary, the next step."""

    code: str
    clause: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A body that sends, as the registry knows it. `dfe_number` is LA + establishment, 7 digits.

    `harmless` are the names of columns that an administrator has listed as harmless for it. `schools` are
    the DfE numbers or URNs of those for which it speaks beside itself, as a multi-academy trust does.
    """

    id: str
    name: str
    kind: ProviderKind
    dfe_number: str | None = None
    urn: str | None = None
    suspended: bool = False
    ratified: bool = False
    harmless: tuple[str, ...] = ()
    schools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A public key that was judged and found fit. `expires_at`: from when on it cannot sign."""

    kind: KeyKind
    fingerprint: str
    material: str
    algorithm: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The policy allows the file, as it was classified: it goes to `teams` under `flow`."""

    state: ClassVar[Outcome] = "accepted"
    classified: Classified
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


class Arrival(NamedTuple):
    """That something of a flow came, and when. `period` is what it is about, where it says so.

    `nil`: no file, but the word that there is nothing to send for that period.
    """

    flow: str
    data_type: str
    at: datetime
    period: str | None = None
    nil: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A person sends a held file on to `teams` under `flow`, as `data_type`.

    `on_roll`: the pupils in it are on its sender's roll.
    """

    state: ClassVar[Outcome] = "accepted"
    data_type: str | None = None
    on_roll: bool = True
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A drop or a declaration was taken and is on record; there is nothing to route."""

    state: ClassVar[Outcome] = "accepted"
    teams: ClassVar[tuple[str, ...]] = ()
    flow: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The file waits: for a person, or until `until` (UTC) where a moment is known."""

    state: ClassVar[Outcome] = "held"
    reasons: tuple[Reason, ...]
    flow: str | None = None
    teams: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The file is not taken. Final."""

    state: ClassVar[Outcome] = "refused"
    teams: ClassVar[tuple[str, ...]] = ()
    reasons: tuple[Reason, ...]
    flow: str | None = None


Decision = Accepted | Released | Settled | Held | Refused
"""Each has a state, a flow, teams and reasons. Teams of a held file are those that it is to go to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer as the registry knows it: the upload, what opening and classifying found, the outcome.

    `sequence` orders transfers whatever the clock did. `waits_for` says what ends a hold. `period` is what
    the file says it is about.
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
    period: str | None = None
    teams: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
