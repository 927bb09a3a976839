"""What waits because it is sensitive, and who at the keyboard sees it: few people, and not all of triage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import Session

from gateway.cli.identity import proved
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.model import Transfer
from gateway.registry import roles, transfers
from gateway.registry.database import Registry
from gateway.registry.sensitive import is_sensitive

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue

_SEE_ALL = frozenset({"administrator", "data-protection", "auditor"})


def seen_by_whom_acts(session: Session, home: Path) -> Callable[[Transfer], bool]:
    """Tells of a transfer whether the person at the keyboard may see it.

    While roles are not in force, whoever runs commands is an administrator.
    """
    name = proved()
    if name is None:
        return _everything
    known = roles.person(session, name)
    if not _SEE_ALL.isdisjoint(known.roles):
        return _everything
    looking = _catalogue(home).sensitive_teams()
    return _everything if not set(looking).isdisjoint(known.teams) else _is_for_all


def check_seen(registry: Registry, reference: str, home: Path) -> None:
    """GatewayError where a transfer waits for few people, and the person at the keyboard is none of them."""
    with registry.read() as session:
        check_seen_in(session, reference, home)


def check_seen_in(session: Session, reference: str, home: Path) -> None:
    """The same, within a transaction; what is no transfer is for whoever knows it."""
    if reference not in transfers.known(session, (reference,)):
        return
    if seen_by_whom_acts(session, home)(transfers.get(session, reference)):
        return
    raise GatewayError(f"{reference} waits because of something sensitive: it is for {who_looks(home)} alone")


def who_looks(home: Path) -> str:
    """The teams that look at what is sensitive, by name."""
    catalogue = _catalogue(home)
    found = (catalogue.team(team) for team in catalogue.sensitive_teams())
    return " and ".join(team.name for team in found if team is not None)


def _catalogue(home: Path) -> Catalogue:
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - most see everything, and need none

    return load_catalogue(Home(home).policies_in_force)


def _everything(_: Transfer) -> bool:
    return True


def _is_for_all(transfer: Transfer) -> bool:
    return transfer.state != "held" or not is_sensitive(transfer)
