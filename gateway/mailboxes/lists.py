"""Lists for the team looking for children missing education, computed on reading (clause 2.4.1).

    /lists/TEAM/children-on-no-roll.csv  /lists/TEAM/movers.csv

Each row gives the last file and record about a child; the child's name is only in the file in the mailbox.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.log.checkpoint import LogKey
from gateway.mailboxes.desk import AccessEnded, Person
from gateway.mailboxes.names import MailboxPlace
from gateway.record.welfare import Leavers, leavers
from gateway.registry import log
from gateway.registry.access import teams_while_in_force
from gateway.registry.database import Registry
from gateway.ssh.answers import NO_SUCH_FILE, Declined

SINCE = timedelta(days=365)
_LISTS = {"children-on-no-roll.csv": False, "movers.csv": True}
_HEADER = ("Left", "School", "Reference", "Record", "Now at")


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of the entitled `teams`."""

    registry: Registry
    teams: frozenset[str]
    log_key: LogKey
    log_origin: str
    clock: Callable[[], datetime]

    def inside(self, person: Person, place: MailboxPlace) -> tuple[str, ...] | None:
        """Return the entries of a folder; None for a list. Declined if nothing is there."""
        with self.registry.read() as session:
            own = self._own(teams_while_in_force(session, person.name, person.key, self.clock()))
        if not own or place.folder not in (*own, None) or place.name not in (*_LISTS, None):
            raise Declined(NO_SUCH_FILE)
        if place.name is not None:
            return None
        return own if place.folder is None else tuple(_LISTS)

    def text(self, person: Person, place: MailboxPlace) -> bytes:
        """Return a list as UTF-8 CSV for one person, after recording the reading. Declined without a list."""
        if self.inside(person, place) is not None:
            raise Declined(NO_SUCH_FILE)
        now, moved = self.clock(), _LISTS[str(place.name)]
        with self.registry.write() as session:
            found, question = leavers(session, now - SINCE, moved=moved, by=person.name, name=person.name)
            log.append(session, [question], now)
            log.sign_head(session, self.log_key, self.log_origin, now)
        return _csv(found)

    def _own(self, teams: tuple[str, ...] | None) -> tuple[str, ...]:
        if teams is None:
            raise AccessEnded
        return tuple(team for team in teams if team in self.teams)


def _csv(found: Leavers) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_HEADER)
    for one in sorted(found.children, key=lambda each: each.left_at, reverse=True):
        writer.writerow([f"{one.left_at:%Y-%m-%d}", one.provider, one.reference, one.record, one.to or ""])
    return text.getvalue().encode()
