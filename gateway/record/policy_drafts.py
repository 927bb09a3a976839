"""Prepare changed policies: drafts edited in the console, and law packs signed by a publisher.

The signature is a signed note, as for the log's heads: the origin is the publisher, a name ending in /law,
the size is the pack's length, and the root is the pack's SHA-256. An installed pack is proposed and approved
as any edit.

A draft waits in the registry, since the service behind the console may not write policies. The processor
keeps it as a version; one that loses protection is kept by a command on the machine alone.

The log records proposer and approver. The home's policies/ is a draft: an edit decides nothing before
proposal and approval.
"""

import base64
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from sqlmodel import Session, col, select

from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import read_toml
from gateway.home.versions import policy_files
from gateway.law import PACKS, LawPack
from gateway.log.checkpoint import LogKey, checkpoint, read_checkpoint
from gateway.policy.edits import edits
from gateway.record.policy_check import check
from gateway.registry.tables import PolicyDraftRow
from gateway.zones.spool import write_durably

_PUBLISHER = "/law"


def note_beside(pack: Path) -> Path:
    """Return the path of the signature of a law pack: a file beside it."""
    return pack.with_name(f"{pack.name}.note")


def sign(pack: Path, publisher: str, key: LogKey) -> str:
    """Return a publisher's signature on a law pack, as a signed note. GatewayError for a malformed name."""
    check_name(pack)
    if not publisher.endswith(_PUBLISHER):
        raise GatewayError(f"the name of a publisher ends in {_PUBLISHER}, so that it is no log's")
    content = pack.read_bytes()
    return checkpoint(publisher, len(content), hashlib.sha256(content).digest(), key)


def verified(pack: Path, note: str, publishers: tuple[str, ...]) -> LawPack:
    """Return a law pack after verifying a known publisher's signature. GatewayError names the fault."""
    check_name(pack)
    if not publishers:
        raise GatewayError("no publisher of law packs is known: law_publishers under [log] in gateway.toml")
    head, content = read_checkpoint(note, publishers), pack.read_bytes()
    signed = base64.b64encode(head.root)
    found = base64.b64encode(hashlib.sha256(content).digest())
    if not head.origin.endswith(_PUBLISHER) or (head.size, signed) != (len(content), found):
        raise GatewayError(f"{note_beside(pack).name} does not sign {pack.name}")
    return read_toml(pack, LawPack)


def install(pack: Path, note: str, publishers: tuple[str, ...], policies: Path) -> LawPack:
    """Add a signed law pack to the draft `policies`; return it. GatewayError if pack or result is faulty."""
    found = verified(pack, note, publishers)
    with policies_with(policies, pack.name, pack.read_bytes()) as tried:
        if faults := check(tried):
            raise GatewayError("; ".join(map(str, faults)))
    write_durably(policies / pack.name, pack.read_bytes(), mode=0o644)
    return found


@contextmanager
def policies_with(policies: Path, name: str, content: bytes) -> Iterator[Path]:
    """Yield a temporary copy of policies with one file added or replaced."""
    with tempfile.TemporaryDirectory() as folder:
        for path in policy_files(policies):
            shutil.copyfile(path, Path(folder) / path.name)
        (Path(folder) / name).write_bytes(content)
        yield Path(folder)


def check_name(pack: Path) -> None:
    """Raise GatewayError for a file without a law pack's name, law-YEAR.toml."""
    if not fnmatch(pack.name, PACKS):
        raise GatewayError(f"{pack.name} is no name of a law pack: law-YYYY-YY.toml")


@contextmanager
def edited(policies: Path, file: str, content: str) -> Iterator[Path]:
    """Yield a temporary copy of policies with one file edited. GatewayError for an unknown file."""
    if not (policies / file).is_file() or Path(file).name != file:
        raise GatewayError(f"the policies have no file {file}")
    with policies_with(policies, file, content.encode()) as folder:
        yield folder


@contextmanager
def folder_of(session: Session, home: Home, digest: str) -> Iterator[Path | None]:
    """Yield a version's folder, or a temporary folder of a draft; None for an unknown digest."""
    draft = None if home.version(digest).is_dir() else session.get(PolicyDraftRow, digest)
    if draft is None or not home.version(draft.base).is_dir():
        yield home.version(digest) if home.version(digest).is_dir() else None
        return
    with edited(home.version(draft.base), draft.file, draft.content) as folder:
        yield folder


def put_draft(session: Session, draft: PolicyDraftRow) -> None:
    """Store a draft of policies, replacing any other."""
    for row in session.exec(select(PolicyDraftRow).where(col(PolicyDraftRow.digest) != draft.digest)).all():
        session.delete(row)
    session.merge(draft)
    session.flush()


def loses_protection(before: Path, after: Path) -> bool:
    """Return True if any edit between two versions of the policies weakens the protection of data."""
    return any(edit.weight == "loses protection" for edit in edits(before, after))
