"""The draft for a proposal of policies in the console: a version with one file changed."""

from sqlmodel import Session, col, select

from gateway.registry.tables import PolicyDraftRow


def put(session: Session, digest: str, base: str, file: str, content: str) -> None:
    """Store the draft of a proposal, replacing any other; `base` is the digest of the policies changed."""
    for row in session.exec(select(PolicyDraftRow).where(col(PolicyDraftRow.digest) != digest)).all():
        session.delete(row)
    session.merge(PolicyDraftRow(digest=digest, base=base, file=file, content=content))
    session.flush()


def find(session: Session, digest: str) -> tuple[str, str, str] | None:
    """Return base digest, file name and new content of a draft; None for an unknown digest."""
    row = session.get(PolicyDraftRow, digest)
    return None if row is None else (row.base, row.file, row.content)
