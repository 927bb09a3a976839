"""Policies edited in the console: one file of a version at a time.

A draft waits in the registry, since the service behind the console may not write policies. The processor
keeps it as a version; one that loses protection is kept by a command on the machine alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.home import Home
from gateway.policy.edits import edits
from gateway.record.law_packs import policies_with
from gateway.registry import policy_drafts


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
