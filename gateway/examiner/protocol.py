"""Requests to the isolated children, their answers, and the outcomes: plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gateway.home.settings import Limits, OpenLimits, ProcessorSettings
from gateway.model import Basis, Classified, ContentRefused, Counting, Folder, Opened, Signature, Stated, View
from gateway.model.layout import FileLayout
from gateway.openpgp.engines import ProgramFile


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutFile:
    """One file, by its reference: the subject of each request, answer and outcome."""

    reference: str


# Requests to the viewer and its answers: plain values.


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing(AboutFile):
    """Content, sent as a descriptor, to make a view or counts of."""

    basis: Basis | Counting
    kind: Literal["viewing"] = "viewing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed(AboutFile):
    """View made, following as a descriptor of anonymous memory unless the content is the view."""

    view: View
    kind: Literal["viewed"] = "viewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayingOut(AboutFile):
    """View, sent as a descriptor, to lay out as a file for another system."""

    layout: FileLayout
    stated: Stated
    kind: Literal["laying-out"] = "laying-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut(AboutFile):
    """File laid out, following as a descriptor of anonymous memory; `filled` are rows with a value, by
    column.
    """

    size: int
    sha256: str
    rows: int
    filled: tuple[int, ...]
    kind: Literal["laid-out"] = "laid-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingRecords(AboutFile):
    """Content, sent as a descriptor, to list the persons of each record of."""

    kind: Literal["naming-records"] = "naming-records"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsNamed(AboutFile):
    """Persons in each record, in the order of a view: UPNs, and names as in `classify.person_names`.

    A record naming nobody has neither.
    """

    records: list[tuple[list[str], list[str]]]
    kind: Literal["records-named"] = "records-named"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPart(AboutFile):
    """Content, sent as a descriptor: a provider's part of a file, to seal to the provider.

    The rest is as in `SealCopy`.
    """

    signer: str
    recipients: tuple[str, ...]
    now: datetime
    kind: Literal["seal-part"] = "seal-part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(AboutFile):
    """One landed file to examine. `senders` are armored certificates in force.

    `others` are the provider's certificates awaiting approval or ended, to tell a file signed by one of
    them from a stranger's. `opens_with` are the fingerprints of the gateway's keys still opening uploads;
    empty for all. `agreement` is the text expected in /agreement; empty for other folders. `least_rsa_bits`
    is the policy's minimum for a new key; `verified` goes to `certificates.admit`.

    `rolls` are the data types with digests of pupils; `stated` are headings with meanings stated by the
    provider.
    """

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
    """Reason for not opening a sealed file, caused by the file. `code` is an `open:` code."""

    code: str
    detail: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed(AboutFile):
    """File unsealed, with one good signature; its content follows as a descriptor.

    `why` is set where the signing key has ended or is not yet in force.
    """

    opened: Opened
    why: OpenRefused | None = None
    kind: Literal["unsealed"] = "unsealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(AboutFile):
    """One content to classify, sent as a descriptor. Pupils are returned for the types in `rolls`."""

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

Leaves the service only as digests.
"""
Number = Annotated[str, Field(pattern=r"^[A-Z][0-9]{11}[0-9A-Z]$")]
NameKey = Annotated[str, Field(pattern=r"^\w+\|\w+\|[0-9]{4}-[0-9]{2}-[0-9]{2}$", max_length=400)]
"""Name as `gateway.classify.identifiers` writes names. Leaves the service only as a digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(AboutFile):
    """Classified content; for a roll also its pupils. `left_out` counts records beyond the limit.

    `numbers` and `names` are of all persons in any content: UPNs, and keys of persons without a UPN.
    """

    content: Classified | ContentRefused
    pupils: list[Pupil] | None = None
    numbers: list[Number] = field(default_factory=list)
    names: list[NameKey] = field(default_factory=list)
    left_out: int = 0
    kind: Literal["read"] = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """Drop to judge, sent as a descriptor: as received, or unsealed with its `signature`."""

    job: Job
    signature: Signature | None = None
    kind: Literal["judging"] = "judging"

    @property
    def reference(self) -> str:
        """Reference of the drop."""
        return self.job.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class StillSealed(AboutFile):
    """Drop to be opened before it can be judged."""

    kind: Literal["still-sealed"] = "still-sealed"


FoundChange = Literal["new", "renewed", "revoked"]
SSH_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)
"""An SSH key's fingerprint as OpenSSH shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """Key found in a drop in /keys: new, or a known certificate renewed or revoked.

    `material` is public, as stored in the registry; empty for an SSH key revoked by its fingerprint. After
    `expires_at` the key cannot sign. `final`: a revoked key that may be in wrong hands.
    """

    change: FoundChange
    kind: Literal["ssh", "openpgp"]
    fingerprint: str
    material: str
    algorithm: str
    expires_at: datetime | None = None
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead(AboutFile):
    """File with one good signature, classified.

    `opened.content` is -1: the content is gone with the children. `roll` is the roll as packed by
    `rolls.packed`, in base64; `persons` the concatenated 16-octet digests of all persons, in base64.
    """

    opened: Opened
    content: Classified | ContentRefused
    roll: str | None = None
    persons: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOpened(FileRead):
    """File signed by a key in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWaits(FileRead):
    """File whose signing key has ended or is not yet in force, as `why` tells."""

    why: OpenRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused(AboutFile):
    """File or drop impossible to open, or wrong for its folder."""

    why: OpenRefused
    kind: Literal["refused"] = "refused"


Heading = Annotated[str, Field(pattern=r"^[^\x00-\x1f=]{1,80}$")]
FieldKey = Annotated[str, Field(pattern=r"^([a-z0-9-]{1,60})?$")]
"""Key of a field of items.toml; empty where the provider states another meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementCopy(AboutFile):
    """Drop in /agreement with the agreement's text, signed by its provider. `signatory`: as the text says."""

    signature: Signature
    signatory: str = ""
    kind: Literal["agreement"] = "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDrop(AboutFile):
    """Drop in /keys with a key. `signature`: of the whole drop, where signed."""

    key: FoundKey
    signature: Signature | None = None
    kind: Literal["key"] = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadingsDrop(AboutFile):
    """Drop in /keys stating the meaning of headings: each with the key of a field."""

    stated: Annotated[tuple[tuple[Heading, FieldKey], ...], Field(min_length=1, max_length=100)]
    signature: Signature
    kind: Literal["headings"] = "headings"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWithheld(AboutFile):
    """File in the clear, so not written down by intake. Made by the service, without a child."""

    why: OpenRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLost(AboutFile):
    """File that lost every child given the file. Made by the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(AboutFile):
    """Accepted or held file to open again for collection; its digest proves the content."""

    sha256: str
    kind: Literal["reopen"] = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(AboutFile):
    """Content reopened, following as a descriptor of anonymous memory, `size` bytes long."""

    size: int
    kind: Literal["reopened"] = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reseal(AboutFile):
    """Stored file whose session key is to be sealed to another certificate of the gateway.

    `sha256` of the content proves the session key; None where the file was never opened.
    """

    certificate: str
    sha256: str | None
    kind: Literal["reseal"] = "reseal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed(AboutFile):
    """Session key of a stored file, sealed and armored; `proved` by opening the content."""

    session: str
    proved: bool
    kind: Literal["resealed"] = "resealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealCopy(AboutFile):
    """Accepted file to open and seal to a provider concerned; its digest proves the content.

    `recipients` are the provider's armored certificates in force at `now`; `signer` is the fingerprint of
    the gateway's signing key.
    """

    sha256: str
    signer: str
    recipients: tuple[str, ...]
    now: datetime
    kind: Literal["seal-copy"] = "seal-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCopy(AboutFile):
    """Sealed copy, following as a descriptor of anonymous memory. `size` and `sha256` are of the copy.

    `sealed_to` are the fingerprints of the certificates able to open the copy.
    """

    size: int
    sha256: str
    sealed_to: tuple[str, ...]
    kind: Literal["sealed-copy"] = "sealed-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(AboutFile):
    """Fault of the gateway; `explanation` is a sentence without names or contents."""

    explanation: str
    kind: Literal["failed"] = "failed"


Looked = FileOpened | FileWaits | FileRefused | AgreementCopy | KeyDrop | HeadingsDrop
"""Result of the children for one file."""

Examined = Looked | FileWithheld | FileLost
"""Outcome of the examination of one file, from the children or the service."""

Request = (
    Job | Reopen | Reseal | SealCopy | SealPart | Reading | Viewing | LayingOut | NamingRecords | Judging
)
Answer = (
    Unsealed
    | FileRefused
    | Reopened
    | Resealed
    | SealedCopy
    | Read
    | Viewed
    | LaidOut
    | RecordsNamed
    | AgreementCopy
    | KeyDrop
    | HeadingsDrop
    | StillSealed
    | Failed
)
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])


# Setup of each kind of isolated child at its start, and nothing else: plain values.


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenerSetup:
    """Setup of an opener: the gateway's OpenPGP secret keys by fingerprint, and no other secret.

    `proved`: the SOP program, where already proved to the service; otherwise the opener proves the program.
    """

    secrets: dict[str, str]
    settings: ProcessorSettings
    limits: OpenLimits
    proved: ProgramFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSetup:
    """Setup of a child that reads contents and holds no secret: the folder of its rules, and the limits."""

    rules: Path
    limits: Limits


OPENER_SETUP = TypeAdapter(OpenerSetup)
READER_SETUP = TypeAdapter(ReaderSetup)


# A drop to judge: as sent, or unsealed together with its signer.

DROP_BYTES = 1024**2
"""Larger than any text of an agreement and any certificate."""


# A drop is refused with the reasons for files, except where its folder has a reason of its own. A copy of
# the agreement need not be encrypted.
_UNREADABLE = ("open:not-encrypted", "open:other-encryption", "open:unreadable", "open:empty")
_NO_KEY = ("key:not-a-certificate", "key:not-an-ssh-key", "key:not-a-revocation")
_KNOWN_AS: dict[Folder, dict[str, str]] = {
    "agreement": dict.fromkeys((*_UNREADABLE, "open:not-signed"), "agreement:not-signed"),
    "keys": {
        "open:not-signed": "key:not-signed",
        **dict.fromkeys(("open:wrong-signer", "open:bad-signature"), "key:wrong-signer"),
        **dict.fromkeys((*_UNREADABLE, *_NO_KEY), "key:not-a-key"),
    },
}


class IsSealed(Exception):  # noqa: N818 - what the drop is
    """Report a sealed drop, to be opened first."""


@dataclass(frozen=True, slots=True)
class DropToJudge:
    """One drop. `opened_by`: the signature, where the drop has been unsealed."""

    job: Job
    data: bytes
    opened_by: Signature | None
    limits: OpenLimits


def refused(job: Job, code: str, detail: dict[str, str | int] | None = None) -> FileRefused:
    """Return the refusal of a drop, with `code` translated to the reason of its folder."""
    known = _KNOWN_AS.get(job.folder, {}).get(code, code)
    return FileRefused(reference=job.reference, why=OpenRefused(code=known, detail=detail or {}))
