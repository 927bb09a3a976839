"""Answer one person's requests on mailboxes from the registry. Calls may block: not for the event loop.

Every call checks the person again, so a removed person or a revoked key gets no further answer.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncssh
from sqlmodel import Session

from gateway.access import AccessRight, LookingTeams, Sight, Viewer, may_know, may_open, rights_of
from gateway.acts.pupils import leavers
from gateway.errors import NotFoundError
from gateway.log.checkpoint import LogKey
from gateway.log.leaf import Kind
from gateway.mailboxes.contents import FileOrder, Given
from gateway.mailboxes.names import ABOUT, HELD, MailboxPlace, file_name, reference_in
from gateway.mailboxes.showing import Showing
from gateway.policy.dates import local_day
from gateway.registry import deliveries, keys, log, staff
from gateway.registry.database import Registry
from gateway.registry.deliveries import DeliveriesWanted, Delivery
from gateway.registry.log import Entry
from gateway.registry.programs import is_program
from gateway.registry.staff import teams_while_in_force
from gateway.ssh.answers import IS_FOLDER, NO_SUCH_FILE, Declined, denied
from gateway.words import slug
from gateway.zones.failpoints import passing

_log = logging.getLogger(__name__)

FILES_A_QUERY = 2000
ACCESS_ENDED = denied("Your access to the mailboxes has ended.")
TAKEN_BACK = denied("The file was taken back; tell the central data team what you have of it.")
NOT_WAITING = denied("The file does not wait any more, or waits for others than you.")
OTHER_POLICIES = denied("Other policies came into force while the file was open; open it again.")
REMOVED_ALREADY = denied("It is removed already, and goes from here by itself after 30 days.")
UNDO = timedelta(days=30)
_LEFT_SINCE = timedelta(days=365)
_LISTS = {"children-on-no-roll.csv": False, "movers.csv": True}
"""The lists for teams that look for children: of children who moved (True), or are on no roll (False)."""
NOT_TO_REMOVE = denied("Held files cannot be removed; they wait until somebody releases or refuses them.")
ABOUT_ONLY = denied("This only tells of the file beside it; remove that one.")


class AccessEnded(Declined):
    """Raised because the person, or the key of the login, is no longer in force."""

    def __init__(self) -> None:
        super().__init__(ACCESS_ENDED)


@dataclass(frozen=True, slots=True)
class Person:
    """A logged-in member of staff: name, and fingerprint of the SSH key or passkey.

    `confirmed`: False until somebody has confirmed that the passkey is the person's.
    """

    name: str
    key: str
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class MailboxAccess:
    """Answers a person's questions about mailboxes from the registry, and records the person's acts."""

    registry: Registry
    showing: Showing
    log_key: LogKey
    log_origin: str
    clock: Callable[[], datetime]

    @property
    def looking(self) -> LookingTeams:
        """The teams that, by the policies in force, may see more than the files delivered to them."""
        return self.showing.catalogue().looking_teams()

    @property
    def removed(self) -> DeliveriesWanted:
        """The filter for removed files that can still be restored."""
        return DeliveriesWanted(removed_since=self.clock() - UNDO)

    def keys_of(self, name: str) -> list[asyncssh.SSHKey]:
        """Return a person's SSH keys in force; [] for an unknown person."""
        with self.registry.read() as session:
            known = keys.keys_in_force(session, "staff", name, "ssh", self.clock())
            try:
                staff.get_staff(session, name)
            except NotFoundError:
                return []
        found = []
        for one in known:
            try:
                found.append(asyncssh.import_public_key(one.material))
            except asyncssh.KeyImportError:
                _log.warning("%s: the registry holds a key that is none", one.fingerprint)
        return found

    def folders(self, person: Person) -> tuple[str, ...]:
        """Return the names of a person's folders: the teams, and `held` for a person who sees held files."""
        with self.registry.read() as session:
            return self._folders(person, self._teams(session, person))

    def page(
        self, person: Person, place: MailboxPlace, before: int | None
    ) -> tuple[Sequence[Delivery], frozenset[int]]:
        """Return a page of a folder: at most FILES_A_QUERY files, the latest with sequences below `before`.
        The second result: the sequences of those files that have a text NAME.about.txt beside them. Declined
        for a folder that is not open to the person.
        """
        with self.registry.read() as session:
            teams = self._teams(session, person)
            self._check_folder(person, teams, place)
            folder, name = place.folder or "", person.name
            if folder == HELD and not place.removed:
                sight, rules = self._may_open(person, teams), self.showing.catalogue().rules
                files = deliveries.held(session, sight, rules, before=before, limit=FILES_A_QUERY)
            else:
                wanted = self.removed if place.removed else place.wanted
                found = deliveries.page(
                    session, folder, wanted=wanted, person=name, before=before, limit=FILES_A_QUERY
                )
                files = self.showing.with_apart(session, found, name)
            return files, self.showing.told_of(session, files)

    def chosen(
        self, person: Person, team: str, wanted: DeliveriesWanted, before: int | None, limit: int
    ) -> Sequence[Delivery]:
        """Return at most `limit` files of a team that match `wanted`: the latest below `before`.
        Declined for a person outside the team.
        """
        wanted = replace(wanted, few=not is_program(person.key))
        with self.registry.read() as session:
            self._check_folder(person, self._teams(session, person), MailboxPlace(team, removed=True))
            found = deliveries.page(
                session, team, wanted=wanted, person=person.name, before=before, limit=limit
            )
            return self.showing.with_apart(session, found, person.name)

    def place(self, person: Person, folder: str, reference: str, *, removed: bool = False) -> MailboxPlace:
        """Return the place of a file in a folder. `removed`: True if the file is among the removed files of
        the folder. Declined if no file with the reference is there, or the person may not see the file.
        """
        with self.registry.read() as session:
            teams, wanted = self._teams(session, person), MailboxPlace(folder, removed=removed)
            self._check_folder(person, teams, wanted)
            found = self._named(session, person, teams, wanted, reference)
        if found is None:
            raise Declined(NO_SUCH_FILE)
        return MailboxPlace(folder, file_name(found), removed=removed)

    def kinds(self, person: Person, place: MailboxPlace) -> Sequence[str]:
        """Return the names of a team's subfolders: data types in /by-type, providers in /by-provider."""
        with self.registry.read() as session:
            self._check_folder(person, self._teams(session, person), place)
            folder = str(place.folder)
            by_type = place.shelf == "by-type"
            return deliveries.delivered_values(
                session, folder, person.name, "data_type" if by_type else "provider"
            )

    def removed_folders(self, person: Person) -> tuple[str, ...]:
        """Return the teams of a person that have removed files, if the files can still be restored."""
        with self.registry.read() as session:
            wanted, name, teams = self.removed, person.name, self._teams(session, person)
            return tuple(t for t in teams if deliveries.page(session, t, wanted=wanted, person=name, limit=1))

    def inside_lists(self, person: Person, place: MailboxPlace) -> tuple[str, ...] | None:
        """Return the names in /lists, or in a team's folder there; None if `place` is a list itself.
        Declined if nothing is there.
        """
        with self.registry.read() as session:
            own = tuple(team for team in self._teams(session, person) if team in self.looking.welfare)
        if not own or place.folder not in (*own, None) or place.name not in (*_LISTS, None):
            raise Declined(NO_SUCH_FILE)
        if place.name is not None:
            return None
        return own if place.folder is None else tuple(_LISTS)

    def list_text(self, person: Person, place: MailboxPlace) -> bytes:
        """Return the list of leavers at `place` (moved, or on no roll) as UTF-8 CSV; first record the read.
        Declined for a folder, or if nothing is there.
        """
        if self.inside_lists(person, place) is not None:
            raise Declined(NO_SUCH_FILE)
        now, moved = self.clock(), _LISTS[str(place.name)]
        with self.registry.write() as session:
            viewer = _viewer(person, self._teams(session, person))
            found, _, question = leavers(
                session, now - _LEFT_SINCE, moved=moved, by=person.name,
                sight=may_know(viewer, self.looking), teams=(str(place.folder),),
            )  # fmt: skip
            log.append(session, [question], now)
            log.sign_head(session, self.log_key, self.log_origin, now)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(("Left", "School", "Reference", "Record", "Now at"))
        zone = self.showing.catalogue().calendar.timezone
        for one, now_at in sorted(found, key=lambda each: each[0].at, reverse=True):
            left = local_day(one.at, zone).isoformat()
            writer.writerow([left, one.provider, one.reference, one.record, now_at or ""])
        return text.getvalue().encode()

    def check_reading(self, person: Person, order: FileOrder) -> None:
        """Raise Declined if the person's access ended, or the open file was withdrawn.
        Access to a file also ends when the person leaves the team, when other policies come into force, by
        which the team may have less of it, and when a held file waits no longer, or for others.
        """
        delivery, catalogue = order.delivery, self.showing.catalogue()
        with self.registry.read() as session:
            teams = self._teams(session, person)
            self._check_folder(person, teams, MailboxPlace(delivery.team or HELD))
            if delivery.team is None:
                sight = self._may_open(person, teams)
                if deliveries.find_held(session, delivery.reference, sight, catalogue.rules) is None:
                    raise Declined(NOT_WAITING)
            elif not deliveries.may_read(session, delivery, person.name):
                raise Declined(TAKEN_BACK)
        if catalogue.digest != order.policies:
            raise Declined(OTHER_POLICIES)

    def find(self, person: Person, place: MailboxPlace) -> Delivery | None:
        """Return the file at `place`; None for a folder. Declined if nothing is there."""
        with self.registry.read() as session:
            return self._find(session, person, place)

    def about(self, person: Person, place: MailboxPlace) -> bytes:
        """Return the content of NAME.about.txt beside the file at `place`. Declined if there is none."""
        with self.registry.read() as session:
            delivery = self._file(session, person, place)
            text = self.showing.abouts(session, [delivery], person.name).get(delivery.sequence)
        if text is None:
            raise Declined(NO_SUCH_FILE)
        return text

    def order(self, person: Person, place: MailboxPlace) -> FileOrder:
        """Return the request to open the file at `place`. Declined for a folder or a missing file."""
        with self.registry.read() as session:
            return self.showing.order(session, self._file(session, person, place), person.name)

    def collect(self, person: Person, place: MailboxPlace, given: Given) -> None:
        """Record that a person collected `given` at `place`, durably before the first byte is sent.
        Declined if the file is no longer visible to the person. Fault if recording fails.
        """
        now = self.clock()
        with self.registry.write() as session:
            delivery = self._file(session, person, place)
            keys.note_each(session, "staff", [(person.name, person.key, now)])
            deliveries.note_collected(session, delivery, now)
            self._record(session, person, [delivery], "collected", now, given)
            passing("collect.written")

    def deal_with(self, person: Person, *places: MailboxPlace) -> None:
        """Record that a person has dealt with the files at `places`, for the whole team: all, or none.
        Declined for a held file, or a file invisible to the person.
        """
        now = self.clock()
        with self.registry.write() as session:
            found = [self._file(session, person, place) for place in places]
            for delivery, place in zip(found, places, strict=True):
                if place.removed:
                    raise Declined(REMOVED_ALREADY)
                if delivery.team is None or place.is_about:
                    raise Declined(NOT_TO_REMOVE if delivery.team is None else ABOUT_ONLY)
                deliveries.deal_with(session, delivery, by=person.name, at=now)
            self._record(session, person, found, "dealt-with", now)

    def restore(self, person: Person, *places: MailboxPlace) -> None:
        """Put files removed by the team back into the mailbox, for the whole team: all, or none.
        Declined if a file is gone, or was removed too long ago.
        """
        now = self.clock()
        with self.registry.write() as session:
            found = [self._file(session, person, place) for place in places]
            for delivery in found:
                deliveries.restore(session, delivery)
            self._record(session, person, found, "restored", now)

    def _record(  # noqa: PLR0917 - what the entries are of
        self,
        session: Session,
        person: Person,
        found: Sequence[Delivery],
        kind: Kind,
        now: datetime,
        given: Given | None = None,
    ) -> None:
        """Log an act on files, each in an entry, and sign the log's head. To be called last in a transaction.
        An entry names the items left out of the content `given`, in lower case with hyphens. Its note has the
        fingerprint of the person's key.
        """
        entries = []
        for delivery in found:
            # A held file has no team: the entry names that team of the person which may see it.
            looking = self.looking.sensitive if delivery.sensitive else self.looking.triage
            team = delivery.team or min(looking.intersection(self._teams(session, person)))
            left_out = None if given is None else ",".join(map(slug, given.left_out)) or None
            fields = {"provider": delivery.provider, "team": team, "left_out": left_out}
            entries.append(
                Entry(
                    kind=kind, subject=delivery.reference, fields=fields, actor=person.name,
                    content=None if given is None else given.sha256, note=f"with the key {person.key}",
                )
            )  # fmt: skip
        log.append(session, entries, now)
        log.sign_head(session, self.log_key, self.log_origin, now)

    def _teams(self, session: Session, person: Person) -> tuple[str, ...]:
        teams = teams_while_in_force(session, person.name, person.key, self.clock())
        if teams is None:
            raise AccessEnded
        return teams

    def _folders(self, person: Person, teams: tuple[str, ...]) -> tuple[str, ...]:
        if is_program(person.key) or not person.confirmed:  # Held files are for people who are known.
            return teams
        rights = rights_of(_viewer(person, teams), self.looking)
        return (*teams, HELD) if AccessRight.HELD in rights else teams

    def _may_open(self, person: Person, teams: tuple[str, ...]) -> Sight:
        return may_open(_viewer(person, teams), self.looking)

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
            # An empty subfolder of a shelf is not there.
            if place.kind is not None and not deliveries.page(
                session, place.folder, wanted=place.wanted, person=person.name, limit=1
            ):
                raise Declined(NO_SUCH_FILE)
            return None
        reference = reference_in(place.name)
        found = None if reference is None else self._named(session, person, teams, place, reference)
        if found is None or file_name(found) != place.name.removesuffix(ABOUT):
            raise Declined(NO_SUCH_FILE)
        return self.showing.with_apart(session, [found], person.name)[0]

    def _named(
        self, session: Session, person: Person, teams: tuple[str, ...], place: MailboxPlace, reference: str
    ) -> Delivery | None:
        folder = place.folder or ""
        if folder == HELD and not place.removed:
            rules = self.showing.catalogue().rules
            return deliveries.find_held(session, reference, self._may_open(person, teams), rules)
        # A file in /new can be read on once it is opened.
        wanted = self.removed if place.removed else replace(place.wanted, new=False)
        wanted = replace(wanted, few=not is_program(person.key))
        return deliveries.find_delivered(session, folder, reference, person=person.name, wanted=wanted)

    def _file(self, session: Session, person: Person, place: MailboxPlace) -> Delivery:
        found = self._find(session, person, place)
        if found is None:
            raise Declined(IS_FOLDER)
        return found


def _viewer(person: Person, teams: Collection[str]) -> Viewer:
    """Return a person of these teams as `access` asks for one. No role counts in the mailboxes."""
    return Viewer(name=person.name, teams=frozenset(teams))
