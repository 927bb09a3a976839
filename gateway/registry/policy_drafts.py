"""The draft behind a proposal made in the console: policies with one file changed."""

from sqlmodel import Session, col, select

from gateway.registry.tables import PolicyDraftRow


def put(session: Session, digest: str, base: str, file: str, content: str) -> None:
    """Store the draft of a proposal in place of any other; `base`: the digest of the changed policies."""
    for row in session.exec(select(PolicyDraftRow).where(col(PolicyDraftRow.digest) != digest)).all():
        session.delete(row)
    session.merge(PolicyDraftRow(digest=digest, base=base, file=file, content=content))
    session.flush()


def find(session: Session, digest: str) -> tuple[str, str, str] | None:
    """Return base digest, file name and new content of a draft; None for an unknown digest."""
    row = session.get(PolicyDraftRow, digest)
    return None if row is None else (row.base, row.file, row.content)
