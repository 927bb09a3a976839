"""Requests to the isolated children, their answers, and the outcomes: plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gateway import model
from gateway.home.settings import Limits, OpenLimits, ProcessorSettings
from gateway.openpgp.engines import ProgramFile


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutFile:
    """Base of requests, answers and outcomes about the file with this reference."""

    reference: str


# Requests to the viewer and its answers: plain values.


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing(AboutFile):
    """Ask the viewer for a view, or counts, of the content sent as a descriptor."""

    basis: model.Basis | model.Counting
    kind: Literal["viewing"] = "viewing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed(AboutFile):
    """Answer with a view; a descriptor of the view follows, unless the view is the whole content."""

    view: model.View
    kind: Literal["viewed"] = "viewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayingOut(AboutFile):
    """Ask the viewer to lay out the view sent as a descriptor for another system."""

    layout: model.FileLayout
    stated: model.Stated
    kind: Literal["laying-out"] = "laying-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut(AboutFile):
    """Answer with a file laid out; its descriptor follows. `filled`: the number of values in each column."""

    size: int
    sha256: str
    rows: int
    filled: tuple[int, ...]
    kind: Literal["laid-out"] = "laid-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingRecords(AboutFile):
    """Ask the viewer for the persons in each record of the content sent as a descriptor."""

    kind: Literal["naming-records"] = "naming-records"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsNamed(AboutFile):
    """Answer with the persons of each record, as UPNs and name keys (`identifiers.name_keys`).
    The records are in the order in which `Basis.without` counts records.
    """

    records: list[tuple[list[str], list[str]]]
    kind: Literal["records-named"] = "records-named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(AboutFile):
    """One landed file to examine. `senders` are the provider's armored certificates in force.
    The opener gets the sealed file as a descriptor. The judge gets a drop, as received or opened by the
    opener.

    - `others`: the provider's further certificates, not yet approved or out of use: a file signed by one of
      them is not a stranger's.
    - `opens_with`: fingerprints of the gateway's keys that may open uploads; () for all.
    - `agreement`: the text expected in /agreement; "" for other folders.
    - `least_rsa_bits`: the policy's minimum for a new key. `verified`: the post-quantum kinds of keys that a
      new certificate may have (`certificates.admit`).
    - `rolls`: the data types from which pupils are collected. `stated`: headings explained by the provider.
    - `signature`: the signature of a drop that the opener has opened; None before.
    - `waited_days`: for how long the file has waited here since it landed, as for its key to be renewed.
    """

    name: str
    senders: tuple[str, ...]
    now: datetime
    waited_days: float = 0
    folder: model.Folder = "in"
    agreement: str = ""
    others: tuple[str, ...] = ()
    opens_with: tuple[str, ...] = ()
    least_rsa_bits: int = 0
    verified: tuple[str, ...] = ()
    rolls: tuple[str, ...] = ()
    stated: model.Stated = ()
    signature: model.Signature | None = None
    kind: Literal["job"] = "job"


def limits_for(job: Job, limits: OpenLimits) -> OpenLimits:
    """Return the limits for one file. A signature may be older than usual by as long as the file has waited
    here.
    """
    most = limits.signature_age_days + job.waited_days
    return limits.model_copy(update={"signature_age_days": most})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRefused:
    """The reason why a file is refused or has to wait: a code, and details for the sentence of the code."""

    code: str
    detail: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed(AboutFile):
    """The opener's answer for a file with one good signature; the content's descriptor is sent along.
    `why`: the reason why the file must wait, if the signing key has ended or is not yet in force; else None.
    """

    opened: model.Opened
    why: OpenRefused | None = None
    kind: Literal["unsealed"] = "unsealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(AboutFile):
    """Ask the classifier for a content's type, and for its pupils if of a type in `rolls`."""

    name: str
    today: date
    rolls: tuple[str, ...] = ()
    stated: model.Stated = ()
    kind: Literal["reading"] = "reading"


_NUMBER = "[A-Z][0-9]{11}[0-9A-Z]"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_SCHOOL = "[0-9]{4}|[0-9]{6,7}|EY[0-9]{6}"
PUPILS, PERSONS = 200_000, 400_000
"""Most pupils of a roll, and persons of a file, to be indexed; the service logs how many are left out."""
# The longest lines, with their ends. How many lines there are is counted in `parent`.
_LONGEST_NUMBER, _LONGEST_KEY, _LONGEST_PUPIL = 14, 313, 60
Numbers = Annotated[str, Field(pattern=rf"^({_NUMBER}\n)*$", max_length=_LONGEST_NUMBER * PERSONS)]
NameKeys = Annotated[str, Field(pattern=rf"^(\w+\|\w+\|{_DAY}\n)*$", max_length=_LONGEST_KEY * PERSONS)]
"""Persons' keys from `identifiers.name_keys`, one a line; kept as digests only."""
Pupils = Annotated[
    str,
    Field(
        pattern=rf"^({_NUMBER},({_DAY})?,({_NUMBER})?,[01],[0-9]{{1,9}},({_SCHOOL})?\n)*$",
        max_length=_LONGEST_PUPIL * PUPILS,
    ),
]
"""Pupils of a roll, one a line: UPN, date of birth, former UPN, 1 if on roll, number of the record, number of
the school; kept as digests. One text takes a tenth of the memory of so many values.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(AboutFile):
    """Answer to `Reading`: the type of a content, and the pupils of a roll.
    `numbers`: the UPNs found, one in each line. `names`: keys made of name and date of birth, for persons
    without a UPN, one in each line. `left_out`: the number of persons beyond the limit. `unread`: True if the
    classifier was lost (`ExaminerLost`) over content with malware, so nobody was sought in it.
    """

    content: model.Classified | model.ContentRefused
    pupils: Pupils | None = None
    numbers: Numbers = ""
    names: NameKeys = ""
    left_out: int = 0
    unread: bool = False
    kind: Literal["read"] = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class StillSealed(AboutFile):
    """Answer that a drop is sealed, and has to be opened before the judge can judge the drop."""

    kind: Literal["still-sealed"] = "still-sealed"


SSH_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)
"""An SSH key's fingerprint as OpenSSH shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOpened(AboutFile):
    """Outcome for a file with one good signature, opened and classified.
    `opened.content` is -1, because the children keep no content. `roll`: the pupils of a roll, packed by
    `persons.packed`. `persons`: the 16-octet digests of all persons, joined; None if nobody was sought in the
    file. `why`: the reason why the file must wait, if the signing key has ended or is not yet in force; else
    None.
    """

    opened: model.Opened
    content: model.Classified | model.ContentRefused
    why: OpenRefused | None = None
    roll: bytes | None = None
    persons: bytes | None = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused(AboutFile):
    """Answer and outcome for a file or drop that cannot be opened, or is wrong for its folder.
    Also the outcome for a file sent unencrypted: intake stored nothing of the file, so no child examines it.
    """

    why: OpenRefused
    kind: Literal["refused"] = "refused"

    @property
    def is_secret(self) -> bool:
        """True for a secret key: nothing of the file is kept."""
        return self.why.code == "key:secret"


Heading = Annotated[str, Field(pattern=r"^[^\x00-\x1f=]{1,80}$")]
FieldKey = Annotated[str, Field(pattern=r"^([a-z0-9-]{1,60})?$")]
"""Key of a field of items.toml; "" where the provider states a meaning of no field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementCopy(AboutFile):
    """The agreement's text in a drop in /agreement, signed by the provider.
    `signatory`: the name of the person who signs, if the drop states one; else "".
    """

    signature: model.Signature
    signatory: str = ""
    kind: Literal["agreement"] = "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDrop(AboutFile):
    """Outcome for a drop in /keys with a key: a new one, or a known certificate renewed or revoked.
    `key`: as the registry stores it; without `material` for an SSH key revoked by fingerprint. `final`: True
    for a revoked key that may be in wrong hands. `signature`: the drop's; None if unsigned.
    """

    change: Literal["new", "renewed", "revoked"]
    key: model.NewKey
    final: bool = False
    signature: model.Signature | None = None
    kind: Literal["key"] = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadingsDrop(AboutFile):
    """Outcome for a drop in /keys that explains headings: each heading with the key of the field meant."""

    stated: Annotated[tuple[tuple[Heading, FieldKey], ...], Field(min_length=1, max_length=100)]
    signature: model.Signature
    kind: Literal["headings"] = "headings"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLost(AboutFile):
    """Outcome for a file on which one process after another crashed, or ran out of memory or time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(AboutFile):
    """Ask the opener for the content of an accepted or held file, proved by digest `sha256`."""

    sha256: str
    kind: Literal["reopen"] = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(AboutFile):
    """Answer with a reopened content of `size` bytes; the descriptor of anonymous memory follows."""

    size: int
    kind: Literal["reopened"] = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reseal(AboutFile):
    """Ask the opener to seal the session key of a stored file to another certificate of the gateway.
    `sha256`: of the content, to prove the session key; None for a file never opened.
    """

    certificate: str
    sha256: str | None
    kind: Literal["reseal"] = "reseal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed(AboutFile):
    """Answer with a stored file's session key, sealed and armored.
    `proved`: the content was opened with the session key, and has the expected digest.
    """

    session: str
    proved: bool
    kind: Literal["resealed"] = "resealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealCopy(AboutFile):
    """Ask the opener to seal an accepted file for a provider; the content must have the digest `sha256`.
    If `sha256` is None, the descriptor is not the stored file, but the content of a part to seal.
    `recipients`: the provider's armored certificates in force at `now`. `signer`: fingerprint of the
    gateway's signing key.
    """

    sha256: str | None
    signer: str
    recipients: tuple[str, ...]
    now: datetime
    kind: Literal["seal-copy"] = "seal-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCopy(AboutFile):
    """Answer with a sealed copy; the descriptor follows. `size` and `sha256` are of the copy.
    `sealed_to` are the fingerprints of the certificates able to open the copy.
    """

    size: int
    sha256: str
    sealed_to: tuple[str, ...]
    kind: Literal["sealed-copy"] = "sealed-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(AboutFile):
    """Answer about a failure of the gateway: a sentence without names or contents of files."""

    explanation: str
    kind: Literal["failed"] = "failed"


DropRead = AgreementCopy | KeyDrop | HeadingsDrop
"""What the judge finds in a drop that is as it should be."""

Looked = FileOpened | FileRefused | DropRead
"""Result of the children for one file."""

Examined = Looked | FileLost
"""Outcome of the examination of one file, from the children or the service."""

Request = Job | Reopen | Reseal | SealCopy | Reading | Viewing | LayingOut | NamingRecords
OfOpener = Unsealed | FileRefused | Reopened | Resealed | SealedCopy
Judged = DropRead | FileRefused | StillSealed
Answer = OfOpener | Judged | Read | Viewed | LaidOut | RecordsNamed | Failed
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])


# Setup of each kind of isolated child at its start, and nothing else: plain values.


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenerSetup:
    """Setup of an opener: the gateway's OpenPGP secret keys by fingerprint, and no other secret.
    `proved`: the SOP program's file, if the service has tested it already; None to have the opener test it.
    """

    secrets: dict[str, str]
    settings: ProcessorSettings
    limits: OpenLimits
    proved: ProgramFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSetup:
    """Setup of a classifier, judge or viewer, without a secret: the folder of policies, and the limits."""

    rules: Path
    limits: Limits


OPENER_SETUP = TypeAdapter(OpenerSetup)
READER_SETUP = TypeAdapter(ReaderSetup)


DROP_BYTES = 1024**2
"""Most bytes of a drop: more than any text of an agreement, or certificate, has."""


# A drop is refused with the reasons for files, except where its folder has a reason of its own. A copy of
# the agreement need not be encrypted.
_UNREADABLE = ("open:not-encrypted", "open:other-encryption", "open:unreadable", "open:empty")
_NO_KEY = ("key:not-a-certificate", "key:not-an-ssh-key", "key:not-a-revocation")
_KNOWN_AS: dict[model.Folder, dict[str, str]] = {
    "agreement": dict.fromkeys((*_UNREADABLE, "open:not-signed"), "agreement:not-signed"),
    "keys": {
        "open:not-signed": "key:not-signed",
        **dict.fromkeys(("open:wrong-signer", "open:bad-signature"), "key:wrong-signer"),
        **dict.fromkeys((*_UNREADABLE, *_NO_KEY), "key:not-a-key"),
    },
}


def refused(job: Job, code: str, detail: dict[str, str | int] | None = None) -> FileRefused:
    """Return the refusal of a drop for the reason `code`. Some folders have a code of their own in place of
    `code`.
    """
    known = _KNOWN_AS.get(job.folder, {}).get(code, code)
    return FileRefused(reference=job.reference, why=OpenRefused(code=known, detail=detail or {}))
