"""Open challenges of the console, stored in PostgreSQL so that any host can take each once."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import Session

from gateway.registry.invitations import digest_of

_DROP = text(
    "DELETE FROM console_challenge WHERE ends_at < now() OR (holder = :holder AND purpose NOT IN"
    " (SELECT purpose FROM console_challenge WHERE holder = :holder ORDER BY ends_at DESC LIMIT :others))"
)
_GIVE = text(
    "INSERT INTO console_challenge (holder, purpose, challenge, about, ends_at) VALUES (:holder, :purpose,"
    " :challenge, :about, now() + make_interval(secs => :seconds)) ON CONFLICT (holder, purpose)"
    " DO UPDATE SET challenge = EXCLUDED.challenge, about = EXCLUDED.about, ends_at = EXCLUDED.ends_at"
)
_TAKE = text(
    "DELETE FROM console_challenge WHERE holder = :holder AND purpose = :purpose"
    " RETURNING challenge, about, ends_at >= now()"
)


def give(
    session: Session, holder: str, purpose: str, challenge: bytes, *, about: str, seconds: float, most: int
) -> None:
    """Store a challenge for `seconds`, replacing the holder's for the same purpose; `most` per holder."""
    whose = digest_of(holder)
    session.execute(_DROP, {"holder": whose, "others": most - 1})
    given = {"challenge": challenge, "about": about, "seconds": seconds}
    session.execute(_GIVE, {"holder": whose, "purpose": digest_of(purpose), **given})


def take(session: Session, holder: str, purpose: str) -> tuple[bytes, str] | None:
    """Remove a challenge; return the bytes and their `about`. None if the challenge is missing or expired."""
    asked = {"holder": digest_of(holder), "purpose": digest_of(purpose)}
    found = session.execute(_TAKE, asked).one_or_none()
    return (bytes(found[0]), str(found[1])) if found is not None and found[2] else None
