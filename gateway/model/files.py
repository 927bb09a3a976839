"""A file on its way: as landed, its signature, and as opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.model.kinds import Folder, Late, LooksLike


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
    """Signer and time of a signature, verified by the OpenPGP engine. Fingerprints are lower-case hex.

    `expires_at`: the signature's own expiry, where reported by the engine.
    """

    certificate: str
    signing_key: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Sealed file, decrypted, with one good signature over the whole.

    `content` is a readable, seekable descriptor of anonymous memory (memfd) at offset 0, closed by the
    holder of the value. `size` is in bytes; `sha256` is of the content. `opened_by` is the fingerprint of
    the gateway's certificate used, where the engine reports it. `late`: the signer's certificate was not
    valid at signing and is now: an expired one "renewed", or, for a signature older than every known
    certificate, "vouched" for by its owner since.
    """

    content: int
    size: int
    sha256: str
    signature: Signature
    engine: str
    opened_by: str | None = None
    late: Late | None = None
