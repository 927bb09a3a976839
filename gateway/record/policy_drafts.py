"""Prepare other policies: drafts, law packs, and proposals that a second person approves.

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
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from fnmatch import fnmatch
from pathlib import Path

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import read_toml
from gateway.home.versions import policy_files
from gateway.law import PACKS, LawPack
from gateway.log.checkpoint import LogKey, checkpoint, read_checkpoint
from gateway.log.leaf import Kind, rfc3339
from gateway.policy.dates import local_day, moment
from gateway.policy.edits import edits
from gateway.record.dual_control import check_two
from gateway.record.policy_check import check
from gateway.registry import log, policy_drafts
from gateway.registry.log import Entry
from gateway.zones.spool import write_durably

_PUBLISHER = "/law"


def note_beside(pack: Path) -> Path:
    """Return where the signature of a pack lies."""
    return pack.with_name(f"{pack.name}.note")


def sign(pack: Path, publisher: str, key: LogKey) -> str:
    """Return the note of a publisher vouching for a pack. GatewayError for a malformed name."""
    check_name(pack)
    if not publisher.endswith(_PUBLISHER):
        raise GatewayError(f"the name of a publisher ends in {_PUBLISHER}, so that it is no log's")
    content = pack.read_bytes()
    return checkpoint(publisher, len(content), hashlib.sha256(content).digest(), key)


def verified(pack: Path, note: str, publishers: tuple[str, ...]) -> LawPack:
    """Return a pack signed by a known publisher. GatewayError names the fault in pack or signature."""
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
    """Add a signed pack to draft policies, if consistent with them."""
    found = verified(pack, note, publishers)
    with policies_with(policies, pack.name, pack.read_bytes()) as tried:
        if faults := check(tried):
            raise GatewayError("; ".join(map(str, faults)))
    write_durably(policies / pack.name, pack.read_bytes(), mode=0o644)
    return found


@contextmanager
def policies_with(policies: Path, name: str, content: bytes) -> Iterator[Path]:
    """Yield a temporary copy of policies with a file added, or in place of the one with this name."""
    with tempfile.TemporaryDirectory() as folder:
        for path in policy_files(policies):
            shutil.copyfile(path, Path(folder) / path.name)
        (Path(folder) / name).write_bytes(content)
        yield Path(folder)


def check_name(pack: Path) -> None:
    """Refuse a file whose name is not that of a pack. GatewayError."""
    if not fnmatch(pack.name, PACKS):
        raise GatewayError(f"{pack.name} is no name of a law pack: law-YYYY-YY.toml")


@contextmanager
def edited(policies: Path, file: str, content: str) -> Iterator[Path]:
    """Yield a temporary copy of policies with this content of one file. GatewayError for no file of them."""
    if not (policies / file).is_file() or Path(file).name != file:
        raise GatewayError(f"the policies have no file {file}")
    with policies_with(policies, file, content.encode()) as folder:
        yield folder


@contextmanager
def folder_of(session: Session, home: Home, digest: str) -> Iterator[Path | None]:
    """Yield the folder of a version kept here, or a temporary one of a draft; None for neither."""
    draft = None if home.version(digest).is_dir() else policy_drafts.find(session, digest)
    if draft is None or not home.version(draft[0]).is_dir():
        yield home.version(digest) if home.version(digest).is_dir() else None
        return
    base, file, content = draft
    with edited(home.version(base), file, content) as folder:
        yield folder


def loses_protection(before: Path, after: Path) -> bool:
    """Tell if any difference between two versions loses protection."""
    return any(edit.weight == "loses protection" for edit in edits(before, after))


SUBJECT = "policies"
_ENDS = ("policy-withdrawn", "policy-loaded")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProposal:
    """Proposed policies: the folder's SHA-256, and the moment of coming into force.

    `approved_by` is None until another person has approved the proposal.
    """

    digest: str
    begins: datetime
    by: str
    at: datetime
    why: str | None
    approved_by: str | None = None


def proposal(session: Session) -> PolicyProposal | None:
    """Return the current proposal, approved or not; None where in force or withdrawn."""
    found: PolicyProposal | None = None
    for event in log.events(session, SUBJECT):
        if event.kind == "policy-proposed":
            fields = json.loads(event.leaf)["fields"]
            found = PolicyProposal(
                digest=str(fields["sha256"]),
                begins=datetime.fromisoformat(str(fields["begins"])),
                by=event.actor or "",
                at=event.at,
                why=event.note,
            )
        elif event.kind == "policy-approved" and found is not None:
            found = PolicyProposal(
                digest=found.digest,
                begins=found.begins,
                by=found.by,
                at=found.at,
                why=found.why,
                approved_by=event.actor,
            )
        elif event.kind in _ENDS:
            found = None
    return found


def loaded(session: Session) -> list[str]:
    """Return the digests of all versions in force so far, in order; the last is in force now."""
    events = log.events(session, SUBJECT, kind="policy-loaded")
    return [str(json.loads(event.leaf)["fields"]["sha256"]) for event in events]


def last_loaded(session: Session) -> str | None:
    """Return the digest of the policies in force; None before any were."""
    event = log.latest(session, "policy-loaded")
    return None if event is None else str(json.loads(event.leaf)["fields"]["sha256"])


def beginning(on: date | None, now: datetime, zone: str) -> datetime:
    """Return when policies come into force: now, or at the first moment of a later day in `zone`."""
    return now if on is None or on <= local_day(now, zone) else moment(on, time(), zone)


def propose(
    session: Session, digest: str, begins: datetime, *, by: str, why: str | None, at: datetime
) -> None:
    """Record a proposal in place of an unapproved one.

    GatewayError for policies in force already, or while an approved proposal waits for its day.
    """
    if loaded(session)[-1:] == [digest]:
        raise GatewayError("these policies are in force already: nothing differs")
    known = proposal(session)
    if known is not None and known.approved_by is not None:
        raise GatewayError(
            f"other policies are approved from {rfc3339(known.begins)} on: gateway policy withdraw"
        )
    _note(session, "policy-proposed", {"sha256": digest, "begins": rfc3339(begins)}, by, why, at)


def approve(session: Session, *, by: str, at: datetime, digest: str | None = None) -> PolicyProposal:
    """Approve the proposal as a second person, only with the given `digest`. GatewayError as below."""
    known = to_approve(session, by=by, at=at, digest=digest)
    _note(session, "policy-approved", {"sha256": known.digest}, by, None, at)
    return known


def to_approve(session: Session, *, by: str, at: datetime, digest: str | None = None) -> PolicyProposal:
    """Return the proposal for a person to approve.

    GatewayError where there is none, the digest is another, or the proposer may be the same person.
    """
    known = proposal(session)
    if known is None or known.approved_by is not None:
        raise GatewayError("nothing is proposed that waits for an approval: gateway policy propose DIR")
    if digest is not None and not known.digest.startswith(digest):
        raise GatewayError(f"what is proposed is {known.digest}, not {digest}")
    said = (
        f"{known.by} proposed it: somebody else must approve it. Where several people share an account, "
        "each says who they are"
    )
    check_two(session, known.by, by, since=known.at, at=at, said=said)
    return known


def withdraw(session: Session, *, by: str, why: str | None, at: datetime) -> PolicyProposal:
    """Take a proposal back, approved or not. GatewayError where there is none."""
    known = proposal(session)
    if known is None:
        raise GatewayError("nothing is proposed")
    _note(session, "policy-withdrawn", {"sha256": known.digest}, by, why, at)
    return known


def before(session: Session) -> str:
    """Return the digest of the version before the one in force. GatewayError where there is none."""
    past = loaded(session)
    earlier = [digest for digest in past if past and digest != past[-1]]
    if not earlier:
        raise GatewayError("no other policies were in force before: there is nothing to go back to")
    return earlier[-1]


def _note(  # noqa: PLR0917 - what an entry is made of
    session: Session, kind: Kind, fields: dict[str, str | int], by: str, why: str | None, at: datetime
) -> None:
    entry = Entry(kind=kind, subject=SUBJECT, fields=fields, actor=by, note=why)
    log.append(session, [entry], at)
