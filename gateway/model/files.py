"""A file on its way: as it landed, who signed it, and as it was opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.model.kinds import Folder, Late, LooksLike


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file as it landed, as intake recorded it.

    Inside, `size` and `sha256` are of what was copied, `provider` is one that is enrolled, and `landed_at` is
    within minutes of when the kernel saw the record made. In the spool `sha256` is empty, but of what was
    withheld: what is stored is hashed when it is copied. `ssh_key` is only what intake says: a file counts
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
