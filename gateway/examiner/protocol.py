"""What a child process is asked to examine, and what it answers. Plain values, sent as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gateway.model import Classified, ContentRefused, Folder, Opened, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One landed file to examine. `senders` are armored certificates in force.

    `others` are the provider's further ones, which wait for approval or have ended: a file that one of
    them signed is told apart from a stranger's. `opens_with` are the fingerprints of the gateway's keys
    that still open uploads; none means every one. `agreement` is the text of which a drop in /agreement
    must be a signed copy; empty for others. `least_rsa_bits` is what the policy asks of a new key.
    `rolls` are the data types of which the pupils are digested.
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
    rolls: tuple[str, ...] = ()
    kind: Literal["job"] = "job"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRefused:
    """The sealed file could not be opened, by its own doing. `code` is an `open:` code."""

    code: str
    detail: dict[str, str | int] = field(default_factory=dict)


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

    `opened.content` is -1: the content is gone with the child. `roll` is the file's roll as
    `rolls.packed` gives it, in base64.
    """

    reference: str
    opened: Opened
    content: Classified | ContentRefused
    roll: str | None = None
    kind: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWaits:
    """The same, but the key that signed has ended, or does not count yet: `why` says which."""

    reference: str
    opened: Opened
    content: Classified | ContentRefused
    why: OpenRefused
    roll: str | None = None
    kind: Literal["waits"] = "waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused:
    """A file or drop that could not be opened or was not what its folder takes, by its own doing."""

    reference: str
    why: OpenRefused
    kind: Literal["refused"] = "refused"


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

    `recipients` are the provider's armored certificates in force at `now`.
    """

    reference: str
    sha256: str
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


GREETING = b"at work"
"""What a child says first, once it has loaded what it needs."""

Looked = FileOpened | FileWaits | FileRefused | AgreementCopy | KeyDrop
"""What a child finds when it looks at one file."""

Examined = Looked | FileWithheld | FileLost
"""The outcome of the examination of one file, whoever says it."""

Request = Job | Reopen | Reseal | SealCopy
Answer = Looked | Reopened | Resealed | SealedCopy | Failed
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
