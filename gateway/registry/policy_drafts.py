"""The draft of policies that was proposed in the console: one file of a version, with another content."""

from sqlmodel import Session, col, select

from gateway.registry.tables import PolicyDraftRow


def put(session: Session, digest: str, base: str, file: str, content: str) -> None:
    """Keep a draft in place of the one before."""
    for row in session.exec(select(PolicyDraftRow).where(col(PolicyDraftRow.digest) != digest)).all():
        session.delete(row)
    session.merge(PolicyDraftRow(digest=digest, base=base, file=file, content=content))
    session.flush()


def find(session: Session, digest: str) -> tuple[str, str, str] | None:
    """Return the base, the file and the content of a draft; None where there is none of this digest."""
    row = session.get(PolicyDraftRow, digest)
    return None if row is None else (row.base, row.file, row.content)
