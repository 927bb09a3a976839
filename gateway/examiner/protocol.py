"""What the isolated children are asked, what they answer, and what comes of it: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gateway.examiner.view_protocol import NamingRecords, RecordsNamed, SealPart, Viewed, Viewing
from gateway.model import Classified, ContentRefused, Folder, Opened, Signature
from gateway.model.content import Stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One landed file to examine. `senders` are armored certificates in force.

    `others` are the provider's further ones, which wait for approval or have ended: a file that one of
    them signed is told apart from a stranger's. `opens_with` are the fingerprints of the gateway's keys
    that still open uploads; none means every one. `agreement` is the text of which a drop in /agreement
    must be a signed copy; empty for others. `least_rsa_bits` is what the policy asks of a new key,
    `verified` what `certificates.admit` is told of the engines.
    `rolls` are the data types of which the pupils are digested, `stated` the headings that the provider has
    said the meaning of.
    """

    reference: str
    name: str
    senders: tuple[str, ...]
    now: datetime
    folder: Folder = "in"
    agreement: str = ""
    others: tuple[str, ...] = ()
    opens_with: tuple[str, ...] = ()
    least_rsa_bits: int = 0
    verified: tuple[str, ...] = ()
    rolls: tuple[str, ...] = ()
    stated: Stated = ()
    kind: Literal["job"] = "job"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRefused:
    """The sealed file could not be opened, by its own doing. `code` is an `open:` code."""

    code: str
    detail: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """A file out of its seal, with one good signature; its content follows as a descriptor.

    `why`, where the key that signed has ended or does not count yet, says which.
    """

    reference: str
    opened: Opened
    why: OpenRefused | None = None
    kind: Literal["unsealed"] = "unsealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One content to classify, whose descriptor goes along. Pupils are told of for the types in `rolls`."""

    reference: str
    name: str
    today: date
    rolls: tuple[str, ...] = ()
    stated: Stated = ()
    kind: Literal["reading"] = "reading"


Pupil = tuple[
    Annotated[str, Field(pattern=r"^[A-Z][0-9]{11}[0-9A-Z]$")],
    date | None,
    Annotated[str, Field(pattern=r"^[A-Z][0-9]{11}[0-9A-Z]$")] | None,
    bool,
    Annotated[int, Field(ge=0, lt=2**32)],
    Annotated[str, Field(pattern=r"^([0-9]{4}|[0-9]{6,7}|EY[0-9]{6})?$")],
]
"""UPN, date of birth, former UPN, on roll, number of the record, number of the school.

It leaves the service as digests.
"""
Number = Annotated[str, Field(pattern=r"^[A-Z][0-9]{11}[0-9A-Z]$")]
NameKey = Annotated[str, Field(pattern=r"^\w+\|\w+\|[0-9]{4}-[0-9]{2}-[0-9]{2}$", max_length=400)]
"""As `gateway.classify.person_names` makes it. It leaves the service as a digest, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a content is, and its pupils where it is a roll; `left_out`: records beyond those told of.

    `numbers` and `names` are of all persons in it, whatever it is: UPNs, and keys of those who have none.
    """

    reference: str
    content: Classified | ContentRefused
    pupils: list[Pupil] | None = None
    numbers: list[Number] = field(default_factory=list)
    names: list[NameKey] = field(default_factory=list)
    left_out: int = 0
    kind: Literal["read"] = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """A drop to judge, whose descriptor goes along: as it came, or out of its seal with its `signature`."""

    job: Job
    signature: Signature | None = None
    kind: Literal["judging"] = "judging"

    @property
    def reference(self) -> str:
        """The reference of the drop."""
        return self.job.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class StillSealed:
    """A drop that has to be opened before it can be judged."""

    reference: str
    kind: Literal["still-sealed"] = "still-sealed"


FoundChange = Literal["new", "renewed", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """What a drop in /keys holds: a new key, a known certificate renewed, or one revoked.

    `material` is public, as the registry keeps it. `expires_at`: from when on it cannot sign. `final`
    says that a revoked one may be in wrong hands.
    """

    change: FoundChange
    kind: Literal["ssh", "openpgp"]
    fingerprint: str
    material: str
    algorithm: str
    expires_at: datetime | None = None
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOpened:
    """A file with one good signature that counts, classified.

    `opened.content` is -1: the content is gone with the children. `roll` is the file's roll as
    `rolls.packed` gives it, in base64; `persons` the digests of all persons in it, of 16 octets each,
    likewise.
    """

    reference: str
    opened: Opened
    content: Classified | ContentRefused
    roll: str | None = None
    persons: str = ""
    kind: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWaits:
    """A file with one good signature, classified, whose signing key has ended or does not count yet.

    `why` says which of these; the rest is as in `FileOpened`.
    """

    reference: str
    opened: Opened
    content: Classified | ContentRefused
    why: OpenRefused
    roll: str | None = None
    persons: str = ""
    kind: Literal["waits"] = "waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused:
    """A file or drop that could not be opened or was not what its folder takes, by its own doing."""

    reference: str
    why: OpenRefused
    kind: Literal["refused"] = "refused"


Heading = Annotated[str, Field(pattern=r"^[^\x00-\x1f=]{1,80}$")]
FieldKey = Annotated[str, Field(pattern=r"^([a-z0-9-]{1,60})?$")]
"""The key of a field of items.toml; empty where the provider says that the heading is something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementCopy:
    """A drop in /agreement that is the agreement's text, signed by its provider."""

    reference: str
    signature: Signature
    kind: Literal["agreement"] = "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDrop:
    """A drop in /keys that holds a key. `signature`: of the drop as a whole, where it came signed."""

    reference: str
    key: FoundKey
    signature: Signature | None = None
    kind: Literal["key"] = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadingsDrop:
    """A drop in /keys that says what headings of the provider mean: each with the key of a field."""

    reference: str
    stated: Annotated[tuple[tuple[Heading, FieldKey], ...], Field(min_length=1, max_length=100)]
    signature: Signature
    kind: Literal["headings"] = "headings"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWithheld:
    """Intake wrote nothing of it down, since it came in the clear. Said by the parent, without a child."""

    reference: str
    why: OpenRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLost:
    """Every child that was given the file was lost over it. Said by the parent."""

    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """One accepted or held file to open again for collection; its digest proves the content."""

    reference: str
    sha256: str
    kind: Literal["reopen"] = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """The content follows as a descriptor of anonymous memory, `size` bytes long."""

    reference: str
    size: int
    kind: Literal["reopened"] = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reseal:
    """One stored file whose session key is to be sealed to another certificate of the gateway.

    `sha256` is of its content and proves the session key; None where the file was never opened.
    """

    reference: str
    certificate: str
    sha256: str | None
    kind: Literal["reseal"] = "reseal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """The session key of a stored file, sealed and armored; `proved` where its content was opened with it."""

    reference: str
    session: str
    proved: bool
    kind: Literal["resealed"] = "resealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealCopy:
    """One accepted file to open and seal to a provider that it is about; its digest proves the content.

    `recipients` are the provider's armored certificates in force at `now`; `signer` is the fingerprint of
    the gateway's key that signs.
    """

    reference: str
    sha256: str
    signer: str
    recipients: tuple[str, ...]
    now: datetime
    kind: Literal["seal-copy"] = "seal-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCopy:
    """The sealed copy follows as a descriptor of anonymous memory. `size` and `sha256` are of it.

    `sealed_to` are the fingerprints of the certificates that can open it.
    """

    reference: str
    size: int
    sha256: str
    sealed_to: tuple[str, ...]
    kind: Literal["sealed-copy"] = "sealed-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A fault of ours; `explanation` is a sentence without names or contents."""

    reference: str
    explanation: str
    kind: Literal["failed"] = "failed"


Looked = FileOpened | FileWaits | FileRefused | AgreementCopy | KeyDrop | HeadingsDrop
"""What the children find when they look at one file."""

Examined = Looked | FileWithheld | FileLost
"""The outcome of the examination of one file, whoever says it."""

Request = Job | Reopen | Reseal | SealCopy | SealPart | Reading | Viewing | NamingRecords | Judging
Answer = (
    Unsealed
    | FileRefused
    | Reopened
    | Resealed
    | SealedCopy
    | Read
    | Viewed
    | RecordsNamed
    | AgreementCopy
    | KeyDrop
    | HeadingsDrop
    | StillSealed
    | Failed
)
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
