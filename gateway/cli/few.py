"""Sight of the person at the keyboard: the files known to that person, by roles and teams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session

from gateway.access import Sight, may_know
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.registry import roles
from gateway.registry.sight import sees

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue


def sight_of(session: Session, place: Home, name: str) -> Sight:
    """Return the sight of a person: the files the person may know of."""
    return may_know(roles.viewer(session, name), _catalogue(place).looking_teams())


def check_seen(session: Session, place: Home, name: str, reference: str) -> None:
    """GatewayError for a file outside the person's sight."""
    if not sees(session, sight_of(session, place, name), reference):
        from gateway.acts.held_files import names_of_lookers  # noqa: PLC0415 - few are refused

        few = names_of_lookers(_catalogue(place))
        raise GatewayError(f"{reference} is for {few} alone, or for people who are named")


def _catalogue(place: Home) -> Catalogue:
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - most see everything, and need none

    return load_catalogue(place.policies_in_force)
