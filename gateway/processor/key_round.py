"""Calendar of keys: retire replaced keys on their last day and announce expiry.

Nothing is done to a certificate on expiry: files signed since then wait until the certificate is renewed or
replaced. Only the processor runs this round. Each change is one transaction, so an interrupted round can be
repeated.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session

from gateway.errors import Fault
from gateway.home import Published
from gateway.home.settings import KeyPolicy
from gateway.keys import notices, rotation
from gateway.keys.changes import Clerk, sign_head
from gateway.keys.warnings import days_left, step_due
from gateway.publish.everything import publish_all
from gateway.publish.projection import publish_access
from gateway.record.registrar import Registrar
from gateway.registry import keys
from gateway.registry.database import Registry
from gateway.registry.keys import Key


def look_after_keys(registrar: Registrar) -> None:
    """Retire keys, send warnings, and finish an interrupted change of the gateway's key."""
    now = registrar.clock()
    if rotation.finish(registrar.home, registrar.registry):
        publish_all(registrar.home, now)
    go_round(
        registrar.registry,
        registrar.home.published,
        registrar.key_policy,
        lambda session: Clerk(
            session=session,
            signing=registrar.signing,
            organisation=registrar.settings.organisation,
            at=now,
            languages=registrar.catalogue.agreement.languages,
        ),
    )


def go_round(
    registry: Registry, published: Published, policy: KeyPolicy, clerk_for: Callable[[Session], Clerk]
) -> int:
    """Retire the keys due and warn of expiry, at the clerk's moment; return the number of keys changed.

    Raises Fault where the registry or published/ does not answer.
    """
    with registry.read() as session:
        now = clerk_for(session).at
        waiting = len(keys.due_to_retire(session, now)) + len(_to_warn_of(session, policy, now))
    if not waiting:
        return 0
    with registry.write() as session:
        clerk = clerk_for(session)
        due, warned = keys.due_to_retire(session, now), _to_warn_of(session, policy, now)
        for key in due:
            clerk.retire(key)
        for key, days, step in warned:
            keys.note_warning(session, key, step)
            clerk.tell(key, notices.expires(key, days))
        sign_head(clerk)
    try:
        publish_access(registry, published, now)
    except OSError as error:
        raise Fault(f"published/ cannot be written: {error.strerror}") from None
    return len(due) + len(warned)


def _to_warn_of(session: Session, policy: KeyPolicy, now: datetime) -> list[tuple[Key, int, int]]:
    """Return keys with a due warning not yet given: with days left and the step."""
    found = []
    for key in keys.expiring(session, now + timedelta(days=max(policy.warn_days))):
        step = step_due(key, now, policy.warn_days)
        if step is not None and (key.warned_days is None or step < key.warned_days):
            found.append((key, days_left(key, now) or 0, step))
    return found
