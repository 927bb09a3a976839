"""What a person may see and do, asked of the registry. Everything here may block: never on the loop.

Each question is asked anew and begins with the person: whoever was removed a moment ago, or whose
key was revoked, gets no further answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncssh
from sqlmodel import Session

from gateway.access import AccessRight, LookingTeams, Sight, Viewer, may_open, rights_of
from gateway.errors import NotFoundError
from gateway.log.checkpoint import LogKey
from gateway.mailboxes.contents import FileOrder, Given
from gateway.mailboxes.names import ABOUT, HELD, MailboxPlace, file_name, reference_in
from gateway.mailboxes.showing import Showing
from gateway.registry import key_uses, keys, log, staff
from gateway.registry.access import teams_while_in_force
from gateway.registry.database import Registry
from gateway.registry.deliveries import (
    Delivery,
    deal_with,
    delivered,
    delivered_providers,
    delivered_types,
    find_delivered,
    find_held,
    find_removed,
    held,
    may_read,
    note_collected,
    removed,
    restore,
)
from gateway.registry.delivery_queries import DeliveriesWanted
from gateway.registry.log import Entry
from gateway.ssh.answers import IS_FOLDER, NO_SUCH_FILE, Declined, denied
from gateway.words import slug
from gateway.zones.failpoints import passing

_log = logging.getLogger(__name__)

PAGE = 2000
ACCESS_ENDED = denied("Your access to the mailboxes has ended.")
TAKEN_BACK = denied("The file was taken back; tell the central data team what you have of it.")
REMOVED_ALREADY = denied("It is removed already, and goes from here by itself after 30 days.")
UNDO = timedelta(days=30)
NOT_TO_REMOVE = denied("Held files cannot be removed; they wait until somebody releases or refuses them.")


ABOUT_ONLY = denied("This only tells of the file beside it; remove that one.")


class AccessEnded(Declined):
    """The person, or the key that they logged in with, is no longer in force."""

    def __init__(self) -> None:
        super().__init__(ACCESS_ENDED)


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff as logged in: their name and the fingerprint of their SSH key."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some files of a folder; `abouts` are the sequences of those beside which something is told of them."""

    files: Sequence[Delivery]
    abouts: frozenset[int]


@dataclass(frozen=True, slots=True)
class Desk:
    """The registry as the mailboxes use it."""

    registry: Registry
    showing: Showing
    looking: LookingTeams
    log_key: LogKey
    log_origin: str
    clock: Callable[[], datetime]

    def keys_of(self, name: str) -> list[asyncssh.SSHKey]:
        """The SSH keys in force of the person called `name`; none where there is no such person."""
        with self.registry.read() as session:
            known = keys.keys_in_force(session, "staff", name, "ssh", self.clock())
            try:
                staff.get_staff(session, name)
            except NotFoundError:
                return []
        return [key for material in known if (key := _imported(material)) is not None]

    def folders(self, person: Person) -> tuple[str, ...]:
        """The folders that a person has."""
        with self.registry.read() as session:
            return self._folders(person, self._teams(session, person))

    def page(self, person: Person, place: MailboxPlace, before: int | None) -> Page:
        """At most PAGE files of a folder, latest first, of a sequence less than `before`.

        Declined where the person has no such folder.
        """
        with self.registry.read() as session:
            teams = self._teams(session, person)
            self._check_folder(person, teams, place)
            files = self._page(session, person, teams, place, before)
            return Page(files, self.showing.told_of(session, files))

    def _page(
        self,
        session: Session,
        person: Person,
        teams: tuple[str, ...],
        place: MailboxPlace,
        before: int | None,
    ) -> Sequence[Delivery]:
        folder, name = place.folder or "", person.name
        if folder == HELD and not place.removed:
            return held(session, self._may_open(person, teams), before=before, limit=PAGE)
        if place.removed:
            found = removed(session, folder, self._undoable(), person=name, before=before, limit=PAGE)
        else:
            found = delivered(session, folder, wanted=place.wanted, person=name, before=before, limit=PAGE)
        return self.showing.with_apart(session, found, name)

    def chosen(
        self, person: Person, team: str, wanted: DeliveriesWanted, before: int | None, limit: int
    ) -> Sequence[Delivery]:
        """At most `limit` of a team's files that fit, latest first, of a sequence less than `before`."""
        with self.registry.read() as session:
            self._check_folder(person, self._teams(session, person), MailboxPlace(team, removed=True))
            found = delivered(session, team, wanted=wanted, person=person.name, before=before, limit=limit)
            return self.showing.with_apart(session, found, person.name)

    def place(self, person: Person, folder: str, reference: str, *, removed: bool = False) -> MailboxPlace:
        """Where the file of that reference stands in a folder. Declined where it is not there for them."""
        with self.registry.read() as session:
            teams, wanted = self._teams(session, person), MailboxPlace(folder, removed=removed)
            self._check_folder(person, teams, wanted)
            found = self._named(session, person, teams, wanted, reference)
        if found is None:
            raise Declined(NO_SUCH_FILE)
        return MailboxPlace(folder, file_name(found), removed=removed)

    def kinds(self, person: Person, place: MailboxPlace) -> Sequence[str]:
        """The folders of a shelf that has some: the data types or the providers of a team's files."""
        with self.registry.read() as session:
            self._check_folder(person, self._teams(session, person), place)
            folder = str(place.folder)
            if place.shelf == "by-type":
                return delivered_types(session, folder, person.name)
            return delivered_providers(session, folder, person.name)

    def removed_folders(self, person: Person) -> tuple[str, ...]:
        """Those of a person's teams that have removed something which may still be put back."""
        with self.registry.read() as session:
            teams, since = self._teams(session, person), self._undoable()
            return tuple(team for team in teams if removed(session, team, since, person=person.name, limit=1))

    def check_reading(self, person: Person, delivery: Delivery) -> None:
        """Declined where a person who has a file open may not read on: their access or the file is taken."""
        with self.registry.read() as session:
            self._teams(session, person)
            if not may_read(session, delivery, person.name):
                raise Declined(TAKEN_BACK)

    def find(self, person: Person, place: MailboxPlace) -> Delivery | None:
        """The file at `place`; None where it is a folder. Declined where there is nothing."""
        with self.registry.read() as session:
            return self._find(session, person, place)

    def about(self, person: Person, place: MailboxPlace) -> bytes:
        """What is told of the view at `place`. Declined where nothing was left out of it."""
        with self.registry.read() as session:
            delivery = self._file(session, person, place)
            text = self.showing.abouts(session, [delivery], person.name).get(delivery.sequence)
        if text is None:
            raise Declined(NO_SUCH_FILE)
        return text

    def order(self, person: Person, place: MailboxPlace) -> FileOrder:
        """What is to be opened of the file at `place`. Declined where there is none, or it is a folder."""
        with self.registry.read() as session:
            return self.showing.order(session, self._file(session, person, place), person.name)

    def collect(self, person: Person, place: MailboxPlace, given: Given) -> None:
        """Record that a person collects what is `given` of the file at `place`: durable before a byte is.

        Declined where it is no longer there for them. Fault where it cannot be recorded.
        """
        now = self.clock()
        with self.registry.write() as session:
            delivery = self._file(session, person, place)
            key_uses.note(session, "staff", person.name, person.key, now)
            collected = Entry(
                kind="collected",
                subject=delivery.reference,
                fields={**self._where(session, person, delivery), **_left_out(given)},
                actor=person.name,
                content=given.sha256,
            )
            note_collected(session, delivery, now)
            self._record(session, collected, now)
            passing("collect.written")

    def deal_with(self, person: Person, place: MailboxPlace) -> None:
        """Record that a person has dealt with the file at `place`, for all of the team.

        Declined where it is not there for them, or only held.
        """
        now = self.clock()
        with self.registry.write() as session:
            delivery = self._file(session, person, place)
            if place.removed:
                raise Declined(REMOVED_ALREADY)
            if delivery.team is None or place.is_about:
                raise Declined(NOT_TO_REMOVE if delivery.team is None else ABOUT_ONLY)
            deal_with(session, delivery, by=person.name, at=now)
            fields = self._where(session, person, delivery)
            self._record(
                session,
                Entry(kind="dealt-with", subject=delivery.reference, fields=fields, actor=person.name),
                now,
            )

    def restore(self, person: Person, place: MailboxPlace) -> None:
        """Put a file that the team has removed back into its mailbox, for all of the team.

        Declined where it is not there any longer, or was removed too long ago.
        """
        now = self.clock()
        with self.registry.write() as session:
            delivery = self._file(session, person, place)
            restore(session, delivery)
            fields = self._where(session, person, delivery)
            self._record(
                session,
                Entry(kind="restored", subject=delivery.reference, fields=fields, actor=person.name),
                now,
            )

    def _undoable(self) -> datetime:
        """From when on what was removed may be put back."""
        return self.clock() - UNDO

    def _record(self, session: Session, entry: Entry, now: datetime) -> None:
        """The last step of a transaction: the head that is signed vouches for all that it wrote."""
        log.append(session, [entry], now)
        log.sign_head(session, self.log_key, self.log_origin, now)

    def _where(self, session: Session, person: Person, delivery: Delivery) -> dict[str, str]:
        """Whose file it is and for which team; a held one is looked at for the team that triages."""
        looking = self.looking.at_held(few=delivery.sensitive)
        team = delivery.team or min(looking.intersection(self._teams(session, person)))
        return {"provider": delivery.provider, "team": team}

    def _teams(self, session: Session, person: Person) -> tuple[str, ...]:
        teams = teams_while_in_force(session, person.name, person.key, self.clock())
        if teams is None:
            raise AccessEnded
        return teams

    def _folders(self, person: Person, teams: tuple[str, ...]) -> tuple[str, ...]:
        viewer = Viewer(name=person.name, teams=frozenset(teams))
        return (*teams, HELD) if AccessRight.HELD in rights_of(viewer, self.looking) else teams

    def _may_open(self, person: Person, teams: tuple[str, ...]) -> Sight:
        return may_open(Viewer(name=person.name, teams=frozenset(teams)), self.looking)

    def _check_folder(self, person: Person, teams: tuple[str, ...], place: MailboxPlace) -> None:
        own_only = place.removed or place.shelf is not None
        if place.folder not in (teams if own_only else self._folders(person, teams)):
            raise Declined(NO_SUCH_FILE)

    def _find(self, session: Session, person: Person, place: MailboxPlace) -> Delivery | None:
        teams = self._teams(session, person)
        if place.is_list:
            raise Declined(NO_SUCH_FILE)
        if place.folder is None:
            return None
        self._check_folder(person, teams, place)
        if place.name is None:
            self._check_kind(session, person, place)
            return None
        reference = reference_in(place.name)
        found = None if reference is None else self._named(session, person, teams, place, reference)
        if found is None or file_name(found) != place.name.removesuffix(ABOUT) or not _stands(found, place):
            raise Declined(NO_SUCH_FILE)
        return self.showing.with_apart(session, [found], person.name)[0]

    def _named(
        self, session: Session, person: Person, teams: tuple[str, ...], place: MailboxPlace, reference: str
    ) -> Delivery | None:
        folder = place.folder or ""
        if place.removed:
            return find_removed(session, folder, self._undoable(), reference, person=person.name)
        if folder == HELD:
            return find_held(session, reference, self._may_open(person, teams))
        return find_delivered(session, folder, reference, person=person.name)

    def _check_kind(self, session: Session, person: Person, place: MailboxPlace) -> None:
        """Declined for a folder of a shelf in which nothing stands."""
        if place.kind is not None and not self._page(session, person, (), place, None):
            raise Declined(NO_SUCH_FILE)

    def _file(self, session: Session, person: Person, place: MailboxPlace) -> Delivery:
        found = self._find(session, person, place)
        if found is None:
            raise Declined(IS_FOLDER)
        return found


def _stands(delivery: Delivery, place: MailboxPlace) -> bool:
    """Whether a file stands on the shelf of `place`; among the new ones also if it has just been opened."""
    wanted = place.wanted
    return delivery.data_type == (wanted.data_type or delivery.data_type) and delivery.provider == (
        wanted.provider or delivery.provider
    )


def _left_out(given: Given) -> dict[str, str]:
    """The data items that a view leaves out, as the log can say them: in small letters, with hyphens."""
    return {"left_out": ",".join(map(slug, given.left_out))} if given.left_out else {}


def _imported(known: keys.Key) -> asyncssh.SSHKey | None:
    try:
        return asyncssh.import_public_key(known.material)
    except asyncssh.KeyImportError:
        _log.warning("%s: the registry holds a key that is none", known.fingerprint)
        return None
