"""Do the periodic work of the processor besides new files: held files, keys, pages and letters.

Of several hosts the leader alone does part of the work; each host publishes the effects. Each change is one
transaction, so an interrupted round can be repeated.

Nothing is done to a provider's expired certificate: files signed after the expiry wait until the provider
renews or replaces the certificate.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from datetime import datetime, timedelta

from sqlmodel import Session

from gateway.errors import Fault
from gateway.home.settings import KeyPolicy
from gateway.keys import notices, rotation
from gateway.keys.changes import sign_head
from gateway.log.leaf import Kind
from gateway.model import Provider
from gateway.policy.dates import local_day
from gateway.processor import retention
from gateway.processor.checkpoints import Checkpoints, hour_of
from gateway.processor.follow import Follow
from gateway.processor.hook_round import HookRound
from gateway.publish.everything import publish_all
from gateway.publish.letters_out import lay_out, pass_letters
from gateway.publish.on_request import publish_events
from gateway.publish.penalties import copy_listed
from gateway.publish.projection import UP_TO, number_in, publish_access, published_is_written
from gateway.publish.provider_page import publish_log_proofs, publish_pages, publish_policies, told_since
from gateway.record import reconsider
from gateway.record.letters import owe_by_calendar
from gateway.record.registrar import Registrar
from gateway.registry import keys, log, register
from gateway.registry.keys import Key
from gateway.registry.providers import list_providers
from gateway.zones.penalty_files import Listed

_PAUSE_SECONDS, _PAGES_SECONDS = 5.0, 20.0
_EVENTS_SECONDS = 0.5
"""Seconds for event files in a round: an upgrade may make years of them due, and files must not wait."""
_UNTOLD: tuple[Kind, ...] = ("ratified", "notice-given", "expectation-set", "nil-returned")
"""Acts that a provider's page tells, and of which the provider gets no receipt."""


class Pages:
    """Makes all providers' pages in published/ at the start, and a page again soon after a change."""

    def __init__(self) -> None:
        self._made_at = float("-inf")
        self._made_for: tuple[object, ...] | None = None
        self._told_up_to = 0
        self._known: dict[str, Provider] = {}
        self._read_to = 0
        self._owes_events, self._redoes_events = False, True

    def tend(self, registrar: Registrar, *, at_once: bool = False) -> None:
        """Make the outdated pages, at most every 20 s. `at_once`: True not to wait. Raise Fault if writing
        fails.
        """
        if self._owes_events:
            self._publish_events(registrar, at_once=at_once)
        if not at_once and time.monotonic() - self._made_at < _PAGES_SECONDS:
            return
        at = registrar.clock()
        day = local_day(at, registrar.catalogue.calendar.timezone)
        home, catalogue, signing = registrar.home, registrar.catalogue, registrar.signing
        made_for = (day, catalogue, signing.fingerprint)
        with registrar.registry.read() as session:
            changed, up_to = told_since(session, self._told_up_to, number_in(home.published.root / UP_TO))
            known = {one.id: one for one in list_providers(session)}
            size = log.size(session)
            if size > self._read_to and self._made_for is not None:
                changed |= known.keys() & log.subjects_since(session, self._read_to, _UNTOLD)
        changed |= {name for name, one in known.items() if one != self._known.get(name)}
        if made_for == self._made_for and not changed:
            self._read_to = size
            return
        only = changed if made_for == self._made_for else None
        if only is None:
            publish_policies(home.published, home.version(catalogue.digest), signing, at)
        publish_pages(
            registrar.registry, home.published, catalogue, signing,
            settings=registrar.settings, at=at, only=only,
        )  # fmt: skip
        if registrar.settings.web.origin is not None:
            publish_log_proofs(registrar.registry, home.published, only)
        self._publish_events(registrar, at_once=at_once)
        self._made_at, self._made_for, self._told_up_to = time.monotonic(), made_for, up_to
        self._known, self._read_to = known, size

    def _publish_events(self, registrar: Registrar, *, at_once: bool) -> None:
        seconds = math.inf if at_once else _EVENTS_SECONDS
        self._owes_events = not publish_events(
            registrar.registry, registrar.home.published, seconds, redo=self._redoes_events
        )
        self._redoes_events = False


class LetterRound:
    """Queues letters once a day and after new policies, and gives queued letters to the courier to send.

    Without a mail relay in the settings no letter is queued, so a relay named later does not get a year's
    letters at once.
    """

    def __init__(self, registrar: Registrar) -> None:
        """Write the settings for the courier, which starts together with the processor."""
        settings = registrar.settings.letters
        with suppress(Fault, OSError):  # Reported with the first letters: files must not wait for a relay.
            if settings.relay is not None:
                lay_out(registrar.home.letters, settings)
            else:
                registrar.home.letters.settings.unlink(missing_ok=True)
        self._looked_at: tuple[object, ...] | None = None
        self._passed_at = float("-inf")

    def tend(self, registrar: Registrar, held_at: float | None = math.inf) -> None:
        """Queue the letters due, and give queued letters to the courier; only the leader does both.
        `held_at`: when this host was last known to be the leader, in seconds since 1970; None if it is not.
        Raises Fault where the registry does not answer or the courier's folder cannot be written.
        """
        if registrar.settings.letters.relay is None:
            return
        now = registrar.clock()
        looked_at = (local_day(now, registrar.catalogue.calendar.timezone), registrar.catalogue)
        if held_at is not None and looked_at != self._looked_at:
            owe_by_calendar(registrar, now)
            self._looked_at = looked_at
        if time.monotonic() - self._passed_at >= _PAUSE_SECONDS:
            place, settings = registrar.home.letters, registrar.settings.letters
            pass_letters(registrar.registry, place, settings, now, held_at)
            self._passed_at = time.monotonic()


def _due(session: Session, policy: KeyPolicy, now: datetime) -> tuple[list[Key], list[tuple[Key, int, int]]]:
    """Return the keys to retire; and the keys to warn of before expiry, each with the days left and the
    warning. The warning is one of the numbers `warn_days` in keys.toml: the smallest that is not below the
    days left.
    """
    retiring, warned = list[Key](), list[tuple[Key, int, int]]()
    latest = now + timedelta(days=max(policy.warn_days))
    for key in register.of(session).holders.values():
        if key.state == "retiring" and key.not_after is not None and key.not_after <= now:
            retiring.append(key)
        is_used = key.owner_kind == "provider" and key.state in keys.IN_FORCE
        ends = is_used and key.expires_at is not None and key.expires_at < latest
        step = key.step_due(now, policy.warn_days) if ends else None
        if step is not None and (key.warned_days is None or step < key.warned_days):
            warned.append((key, key.days_left(now) or 0, step))
    return retiring, warned


class Rounds:
    """The periodic work of one home. Call every method often: most calls find little to do."""

    def __init__(self, registrar: Registrar) -> None:
        self.checkpoints = Checkpoints(registrar)
        self.follow = Follow(registrar)
        self.pages = Pages()
        self.letters = LetterRound(registrar)
        self.hooks = HookRound(registrar)
        self._home, self._penalties = registrar.home, Listed()
        self._deleted_at: datetime | None = None
        self._due = reconsider.Portions(reconsider.due)
        self._copies: reconsider.Judged | None = None
        self.more_held = False

    def follow_log(self, registrar: Registrar) -> None:
        """Publish the effects of new log entries; after a restore of the registry make all pages again."""
        if self.follow.tend(registrar):
            self.pages = Pages()

    def copy_penalties(self) -> None:
        """Copy intake's list of penalties for the console, if changed. Raise Fault if copying fails."""
        self._penalties = copy_listed(self._home, self._penalties)

    def delete(self, registrar: Registrar, *, leads: bool) -> None:
        """Delete the short-lived data that is due, once an hour. Raise Fault if some of the data stays."""
        hour = hour_of(registrar.clock())
        if hour != self._deleted_at:
            self._deleted_at = hour
            retention.run_hourly(registrar, leads=leads)

    def held(self, registrar: Registrar, *, leads: bool) -> None:
        """Decide a portion of held files whose wait is over; set `more_held` if such files remain.
        Also decide drops of keys, approved or refused since; on the leader, let copies be made for recipients
        ratified since.
        """
        self.more_held = False
        self.more_held = self._due.next(registrar)
        reconsider.reconsider_approved(registrar)
        if leads:
            self._copies = reconsider.give_copies(registrar, self._copies)

    def keys(self, registrar: Registrar) -> None:
        """Retire keys on their last day, warn of expiry, and finish a change of the gateway's key.
        Raises Fault where the registry does not answer or published/ cannot be written.
        """
        now = registrar.clock()
        if rotation.finish(registrar.home, registrar.registry):
            publish_all(registrar.home, now)
        registry, policy = registrar.registry, registrar.key_policy
        with registry.read() as session:
            if not any(_due(session, policy, now)):
                return
        with registry.write() as session:
            clerk = registrar.clerk(session, now)
            retiring, warned = _due(session, policy, now)
            for key in retiring:
                clerk.retire(key)
            for key, days, step in warned:
                keys.note_warning(session, key, step)
                clerk.tell(key, notices.expires(key, days))
            sign_head(clerk)
        with published_is_written():
            publish_access(registry, registrar.home.published, now)
