"""Do the periodic work of the processor besides new files: held files, keys, pages and letters.

Of several hosts the leader alone does part of the work; each host publishes the effects. Each change is one
transaction, so an interrupted round can be repeated.

Nothing is done to a provider's expired certificate: files signed after the expiry wait until the provider
renews or replaces the certificate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime, timedelta

from sqlmodel import Session, col

from gateway.errors import Fault, as_fault
from gateway.home import Published
from gateway.home.settings import KeyPolicy
from gateway.keys import notices, rotation
from gateway.keys.changes import sign_head
from gateway.log.leaf import Kind
from gateway.model import Provider
from gateway.policy.dates import local_day
from gateway.processor import retention
from gateway.processor.checkpoints import Checkpoints, hour_of
from gateway.processor.hook_round import HookRound
from gateway.publish import projection
from gateway.publish.everything import publish_all, take_back_copies
from gateway.publish.letters_out import lay_out, pass_letters
from gateway.publish.on_request import publish_events, start_again
from gateway.publish.penalties import copy_listed, lift
from gateway.publish.provider_page import publish_log_proofs, publish_pages, publish_policies, told_since
from gateway.record import reconsider
from gateway.record.letters import owe_by_calendar
from gateway.record.registrar import Registrar
from gateway.registry import keys, log, register
from gateway.registry.keys import Key
from gateway.registry.providers import list_providers
from gateway.registry.tables import EventRow
from gateway.registry.tables.row import rows
from gateway.store.of_home import shared_store
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
            changed, up_to = told_since(
                session, self._told_up_to, projection.number_in(home.published.root / projection.UP_TO)
            )
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
        with projection.published_is_written():
            projection.publish_access(registry, registrar.home.published, now)


_CURSOR = ".followed"
_PAGE = 2_000
_OF_FILES = "landed decided delivered collected dealt-with released refused recorded opened noted assigned"
_WITHOUT_EFFECT = frozenset(
    {*_OF_FILES.split(), "notice-read", "pupils-asked", "discrepancy-opened", "discrepancy-resolved"}
)
"""Kinds of frequent entries that change nothing in published/ but receipts."""
_TAKE_BACK = frozenset({"withdrawn", "deleted", "pupil-marked"})
_RENUMBERED = "provider-changed"
_OF_ACCESS = ("provider-", "key-")
"""Beginnings of kinds of entries that may change access: not every writer of them writes published/."""
_LIFTED = "penalty-lifted"
_GIVEN_OUT = frozenset({"receipts", "notices", "declarations"})


class Follow:
    """Reads each new entry of the log once, for one home, and publishes the effects.

    The entries are by commands and other hosts. Of several hosts each keeps in published/ the number of the
    next log entry to read, and the root of the log before that entry: another root shows that the registry
    was restored. After a new entry about keys, providers, policies or files, the dependent parts of
    published/ are made again from the registry. Receipts are published elsewhere, in the order of their
    own numbers.
    """

    def __init__(self, registrar: Registrar) -> None:
        self._shares = registrar.settings.host.shares
        self._read_to: int | None = None
        self._root = ""
        if self._shares:
            with suppress(FileNotFoundError, ValueError):
                noted = (registrar.home.published.root / _CURSOR).read_text("ascii")
                number, _, self._root = noted.partition(" ")  # An earlier build noted no root.
                self._read_to = int(number)
        else:  # Alone, only take-backs and access follow: published/ is made anew at the start.
            with registrar.registry.read() as session:
                self._read_to = log.size(session)

    def tend(self, registrar: Registrar) -> bool:
        """Publish in this home the effects of new log entries; return True if the registry was restored.
        Raises Fault where published/ cannot be written: the next call reads the same entries.
        """
        was_restored = False
        while True:
            with registrar.registry.read() as session:
                size = log.size(session)
                # The next entries that may have an effect in published/.
                telling = EventRow.number >= (self._read_to or 0), ~col(EventRow.kind).in_(_WITHOUT_EFFECT)
                news = rows(session, EventRow, "number", where=telling, limit=_PAGE)
                is_restored = self._is_restored(session, size)
                starts = is_restored or self._read_to is None
                read_to = news[-1].number + 1 if news and not starts else size
                root = log.root(session, read_to).hex() if self._shares else ""
            if is_restored:
                was_restored = True
                start_again(registrar.home, registrar.registry)
            if starts:
                self._show_all(registrar)
            elif news:
                self._follow(registrar, news)
            if self._shares and (starts or news):
                with projection.published_is_written():
                    projection.replace_published(registrar.home.published.root / _CURSOR, f"{read_to} {root}")
            self._read_to, self._root = read_to, root
            if not (starts or news):
                return was_restored

    def _is_restored(self, session: Session, size: int) -> bool:
        """Return True if the log lacks entries read before: the registry is back at an earlier moment."""
        if self._read_to is None or size < self._read_to:
            return self._read_to is not None
        return bool(self._root) and log.root(session, self._read_to).hex() != self._root

    def _follow(self, registrar: Registrar, news: Sequence[EventRow]) -> None:
        kinds: set[str] = {one.kind for one in news}
        for one in news:
            if one.kind == _LIFTED and one.note:
                lift(registrar.home, one.note, one.at)
        if self._shares and kinds - _TAKE_BACK - {_LIFTED}:
            self._show_all(registrar)
        elif kinds & {*_TAKE_BACK, _RENUMBERED}:
            take_back_copies(registrar.home, registrar.registry)
        if not self._shares:
            if any(kind.startswith(_OF_ACCESS) for kind in kinds):
                with projection.published_is_written():
                    projection.publish_access(registrar.registry, registrar.home.published, registrar.clock())
            return
        kept = shared_store(registrar.home, registrar.settings)
        with as_fault("what was taken back cannot be removed"):
            for one in news:
                if one.kind == "withdrawn" and kept is not None:
                    kept.remove_copies(one.subject)
            gone = {one.subject for one in news if one.kind == "deleted" and one.fields["what"] in _GIVEN_OUT}
            if gone:
                _remove(registrar.home.published, gone)

    def _show_all(self, registrar: Registrar) -> None:
        with projection.published_is_written():
            rotation.finish(registrar.home, registrar.registry)
            publish_all(registrar.home, registrar.clock())


def _remove(published: Published, references: AbstractSet[str]) -> None:
    """Remove from every provider's /receipts the files about deleted uploads, notices or declarations.
    All providers' folders are searched, because a trust's receipt is also in the folder of each school of
    the trust, and the registry may no longer say of which schools.
    """
    for path in (published.root / "providers").glob("*/receipts/*"):
        if not references.isdisjoint(path.name.split(".")[1:-1]):
            path.unlink(missing_ok=True)
