"""When the pages of providers are made: soon for whom something changed, for all on a new day or policy."""

from __future__ import annotations

import time

from gateway.policy.dates import local_day
from gateway.record.registrar import Registrar

_PAUSE_SECONDS = 20.0


class Pages:
    """Keeps the pages in published/ as the registry has it, a while behind; they are made at every start."""

    def __init__(self) -> None:
        self._made_at = float("-inf")
        self._made_for: tuple[object, ...] | None = None
        self._told_up_to = 0

    def tend(self, registrar: Registrar, *, at_once: bool = False) -> None:
        """Make what is due; unless `at_once`, not again within seconds. Fault where it cannot be written."""
        if not at_once and time.monotonic() - self._made_at < _PAUSE_SECONDS:
            return
        # Only the processor itself makes pages, not the commands that load this.
        from gateway.publish.provider_pages import publish_pages, told_since  # noqa: PLC0415

        at = registrar.clock()
        day = local_day(at, registrar.catalogue.calendar.timezone)
        made_for = (day, registrar.catalogue, registrar.signing.fingerprint)
        with registrar.registry.read() as session:
            changed, up_to = told_since(session, self._told_up_to)
        if made_for == self._made_for and not changed:
            return
        publish_pages(
            registrar.registry, registrar.home.published, registrar.catalogue, registrar.signing,
            organisation=registrar.settings.organisation, at=at,
            only=changed if made_for == self._made_for else None,
        )  # fmt: skip
        self._made_at, self._made_for, self._told_up_to = time.monotonic(), made_for, up_to
