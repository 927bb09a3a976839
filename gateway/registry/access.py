"""Check at every step of a member of staff that person and key are still in force."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlmodel import Session, col

from gateway.registry import programs
from gateway.registry.programs import is_program
from gateway.registry.tables import KeyRow, StaffRow, StaffTeamRow

_IN_FORCE = ("active", "retiring")


def teams_while_in_force(
    session: Session, name: str, fingerprint: str, now: datetime
) -> tuple[str, ...] | None:
    """Return the teams of a member of staff, sorted; None where the person or the key is not in force.

    The key is the SSH key, passkey or OpenID account of the login; of a program, that of `registry/programs`.
    One query gives the answers of `get_staff` and `keys_in_force` together.
    """
    if is_program(fingerprint):
        return programs.teams_of(session, fingerprint, now)
    rows = session.execute(
        select(col(StaffTeamRow.team))
        .select_from(StaffRow)
        .join(KeyRow, col(KeyRow.owner) == col(StaffRow.name))
        .outerjoin(StaffTeamRow, col(StaffTeamRow.staff) == col(StaffRow.name))
        .where(
            col(StaffRow.name) == name,
            col(StaffRow.removed_at).is_(None),
            col(KeyRow.owner_kind) == "staff",
            col(KeyRow.kind).in_(("ssh", "passkey", "openid")),
            col(KeyRow.fingerprint) == fingerprint,
            col(KeyRow.state).in_(_IN_FORCE),
            or_(col(KeyRow.not_before).is_(None), col(KeyRow.not_before) <= now),
            or_(col(KeyRow.not_after).is_(None), col(KeyRow.not_after) > now),
        )
    ).all()
    if not rows:
        return None
    return tuple(sorted(row.team for row in rows if row.team is not None))
