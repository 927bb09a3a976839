"""The providers' pages: one is made after a change about the provider, all on a new day or policy."""

from __future__ import annotations

import math
import time

from gateway.model import Provider
from gateway.policy.dates import local_day
from gateway.publish.on_request import publish_events
from gateway.publish.projection import UP_TO, number_in
from gateway.publish.provider_page import publish_log_proofs, publish_pages, publish_policies, told_since
from gateway.publish.standing import Authority
from gateway.record.registrar import Registrar
from gateway.registry import providers

_PAUSE_SECONDS = 20.0
_EVENTS_SECONDS = 0.5
"""Seconds of a round for event files: after an upgrade, those of years are due, and files wait meanwhile."""


class Pages:
    """Makes the providers' pages in published/ within seconds of a change, and all pages at the start."""

    def __init__(self) -> None:
        self._made_at = float("-inf")
        self._made_for: tuple[object, ...] | None = None
        self._told_up_to = 0
        self._known: dict[str, Provider] = {}
        self._owes_events = False

    def tend(self, registrar: Registrar, *, at_once: bool = False) -> None:
        """Make the outdated pages, unless done seconds ago and not `at_once`. Fault if writing fails."""
        if self._owes_events:
            self._publish_events(registrar, at_once=at_once)
        if not at_once and time.monotonic() - self._made_at < _PAUSE_SECONDS:
            return
        at = registrar.clock()
        day = local_day(at, registrar.catalogue.calendar.timezone)
        made_for = (day, registrar.catalogue, registrar.signing.fingerprint)
        with registrar.registry.read() as session:
            changed, up_to = told_since(
                session, self._told_up_to, number_in(registrar.home.published.root / UP_TO)
            )
            known = {one.id: one for one in providers.list_providers(session)}
        changed |= {name for name, one in known.items() if one != self._known.get(name)}
        if made_for == self._made_for and not changed:
            return
        if made_for != self._made_for:
            home, catalogue = registrar.home, registrar.catalogue
            publish_policies(home.published, home.version(catalogue.digest), registrar.signing, at)
        only = changed if made_for == self._made_for else None
        publish_pages(
            registrar.registry, registrar.home.published, registrar.catalogue, registrar.signing,
            authority=Authority.of(registrar.settings), at=at, only=only,
        )  # fmt: skip
        if registrar.settings.web.origin is not None:
            publish_log_proofs(registrar.registry, registrar.home.published, only)
        self._publish_events(registrar, at_once=at_once)
        self._made_at, self._made_for, self._told_up_to = time.monotonic(), made_for, up_to
        self._known = known

    def _publish_events(self, registrar: Registrar, *, at_once: bool) -> None:
        seconds = math.inf if at_once else _EVENTS_SECONDS
        self._owes_events = not publish_events(registrar.registry, registrar.home.published, seconds)
