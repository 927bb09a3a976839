"""People who are certainly different ones: each accepted, some days ago, what they act with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlmodel import col, select

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.record.dual_control import CREDENTIAL_WAIT
from gateway.registry import givings, log
from gateway.registry.database import Registry
from gateway.registry.tables import GivingRow
from gateway.secrets.signing import Signing


def apart(home: Home, *names: str) -> None:
    """Let these people have accepted, by an account of the machine, what they were given."""
    settings, at = load_settings(home), datetime.now(UTC)
    signing = Signing.load(home, settings)
    registry, long_ago = Registry(settings.database_url(home)), at - CREDENTIAL_WAIT - timedelta(days=1)
    with registry.write() as session:
        for row in session.exec(select(GivingRow).where(col(GivingRow.staff).in_(names))).all():
            row.at = long_ago
            session.add(row)
        for owner, what, mark in givings.credentials(session, at):
            if owner in names:
                givings.note(session, owner, what, mark, by=f"the account of-{owner}", at=long_ago)
        log.sign_head(session, signing.log_key, signing.origin, at)
    registry.close()
