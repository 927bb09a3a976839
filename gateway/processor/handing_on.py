"""Hand files on to other systems: record batches, write each to a folder, and wait for acknowledgements.

A batch is recorded before the files are written, so after a kill no batch is missing or doubled: written
again, a batch of the same number has the same files in the same folder. The files of a batch are in the log
before the folder gets its final name.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from datetime import time as hour
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import tomlkit
from sqlmodel import Session

from gateway.acts.handon import Made, NotHandedOnError, make, manifest, markers_unchanged, record_made
from gateway.errors import Fault
from gateway.examiner.parent import Examiners
from gateway.policy.small_schemas import HandOn
from gateway.processor.claim import SideJobs
from gateway.processor.worker_pool import ATTEMPTS
from gateway.publish.projection import replace_published
from gateway.record.policy_proposals import last_loaded
from gateway.record.registrar import Registrar
from gateway.registry import hand_ons, log
from gateway.registry.tables import HandOnBatchRow
from gateway.zones.places import SERVER_SETTINGS, grant_lease
from gateway.zones.spool import BadFileError, read_words, write_durably

_PAUSE_SECONDS = 5.0
_NOTE_BYTES = 100
_OVERLAP = timedelta(minutes=10)
_TROUBLE = {
    "host-key": "the server shows another host key than the policies name",
    "login": "the server does not take the login",
    "refused": "the server does not take the files",
    "settings": "the courier has no SSH key for it",
}
_log = logging.getLogger(__name__)


class HandingOn:
    """Hands files on, by batches made in workers (`jobs`). Of several hosts only the leader hands on."""

    def __init__(self, registrar: Registrar, examiners: Examiners, jobs: SideJobs) -> None:
        """Make the folder for the courier, a service started together with the processor."""
        self._home, self._examiners, self._jobs = registrar.home, examiners, jobs
        if registrar.settings.hand_on.key_file is not None:
            self._home.hand_on.mkdir(mode=0o750, exist_ok=True)
        self._looked_at = float("-inf")
        self._seen: dict[str, tuple[HandOn, datetime]] = {}
        self._withdrawn: dict[str, int] = {}
        self._policies = ""
        self._lacks = 0
        # Held while a batch goes on record and is placed: the policies stay so meanwhile.
        self._placing = threading.Lock()
        self._term = 0

    @property
    def busy(self) -> bool:
        """True while a batch is being made, or policies lacking in one round may come with the next."""
        return bool(self._jobs.in_hand) or self._lacks == 1

    def tend(
        self, registrar: Registrar, term: int = 0, held_at: float = 0.0, *, at_once: bool = False
    ) -> None:
        """Record a batch of the files due for each hand-on, and follow what became of earlier batches.
        `at_once`: False to do nothing within five seconds of the last call. `term`: how often this host has
        become the leader; batches still here from an earlier term are withdrawn first. `held_at`: when this
        host was last known to be the leader, in seconds since 1970; the courier gets a lease from then on
        (`grant_lease`).
        """
        if term != self._term:
            self.withdraw(registrar)
            self._term = term
        if not at_once and time.monotonic() - self._looked_at < _PAUSE_SECONDS:
            return
        self._looked_at = time.monotonic()
        declared = {each.id: each for each in registrar.catalogue.hand_ons.hand_on}
        key = registrar.settings.hand_on.model_dump(mode="json", exclude_none=True)
        servers = {
            name: None if one.sftp is None else one.sftp.model_dump() | key for name, one in declared.items()
        }
        with self._placing:
            self._follow_targets(registrar, declared)  # Before the courier is told of another server.
            self._policies = registrar.catalogue.digest
        lay_out_folders(self._home.hand_on, servers, SERVER_SETTINGS)
        if not declared:
            return
        try:
            for each in declared.values():
                self._owe(registrar, each)
            with registrar.registry.read() as session:
                waiting = [
                    one for one in hand_ons.batches(session, open_only=True) if one.hand_on in declared
                ]
            for one in waiting:
                if one.made_at is not None:
                    self._follow(registrar, one, declared[one.hand_on])
            self._note_sent_before(registrar, waiting)
        finally:
            self._clear(registrar)
        for batch in waiting if self._lease(registrar, servers, held_at) else ():
            name, each = hand_ons.name_of(batch), declared[batch.hand_on]
            is_gone = hand_ons.lies_here(batch) and not self._place(batch).is_dir()
            if (is_gone or batch.made_at is None) and self._jobs.may_begin(name):
                job = partial(self._make, registrar, each, batch)
                self._jobs.begin(name, f"{name} cannot be made", job)

    def _lease(self, registrar: Registrar, names: Collection[str], held_at: float) -> bool:
        """Let the courier send from the folders `names`; return False if other policies came into force
        within the round. Fault if the policies in force have been lacking for more than a round.
        """
        with registrar.registry.read() as session:
            self._lacks = 0 if last_loaded(session) == registrar.catalogue.digest else self._lacks + 1
        if self._lacks > 1:
            raise Fault("nothing is handed on: this host lacks the policies in force, see gateway doctor")
        for name in names if not self._lacks else ():
            grant_lease(self._home.hand_on / name / SERVER_SETTINGS, held_at)
        return not self._lacks

    def _owe(self, registrar: Registrar, each: HandOn) -> None:
        """Record a batch of the files due for a hand-on, and of withdrawn files to recall, if any."""
        now, zone = registrar.clock(), ZoneInfo(registrar.catalogue.calendar.timezone)
        until = now + timedelta.resolution if each.at == "at-once" else _last(each.at, now.astimezone(zone))
        since = datetime.combine(each.since, hour(), zone).astimezone(UTC)
        before, seen = self._seen.get(each.id, (each, since))
        if before == each:
            since = max(since, seen - _OVERLAP)
        with registrar.registry.read() as session:
            due = hand_ons.due(session, each, since, until)
            last = log.latest(session, "withdrawn")
            withdrawn = -1 if last is None else last.number
            is_new = withdrawn != self._withdrawn.get(each.id)
            gone = hand_ons.taken_back(session, each.id) if is_new else ()
        if due or gone:
            with registrar.registry.write() as session:
                due = hand_ons.due(session, each, since, until)
                gone = hand_ons.taken_back(session, each.id) if is_new else ()
                if due or any(file.handed_at for file in gone):
                    hand_ons.owe(session, each, due, gone, now)
                else:  # No batch had them: the system has nothing to remove.
                    for file in gone:
                        file.recalled_in = file.batch
                registrar.sign_head(session, now)
        self._withdrawn[each.id] = withdrawn
        if len(due) < hand_ons.AT_ONCE:
            self._seen[each.id] = each, until

    def _follow_targets(self, registrar: Registrar, declared: Mapping[str, HandOn]) -> None:
        """Have batches made anew for a hand-on whose server or host key is another by the policies now, if
        their files still lie here. The log then records a new collection of the files, with the new server's
        key. A batch already pushed or acknowledged is not made anew: it is recorded as sent, to the server
        that got the files. Batches not sent yet, made under earlier policies, are made anew as well: the team
        may have less now.
        """
        is_new = registrar.catalogue.digest != self._policies

        def moved(session: Session) -> list[HandOnBatchRow]:
            loaded = log.latest(session, "policy-loaded") if is_new else None
            return [
                one for one in hand_ons.batches(session, open_only=True)
                if one.made_at is not None and hand_ons.lies_here(one) and one.hand_on in declared
                and (one.target != hand_ons.target_of(declared[one.hand_on])
                     or (loaded is not None and one.sent_at is None and one.made_at < loaded.at))
            ]  # fmt: skip

        with registrar.registry.read() as session:
            found = moved(session)
        if not found:
            return
        for one in found:
            self._follow(registrar, one, declared[one.hand_on])
        with registrar.registry.write() as session:
            places = []
            for one in moved(session):
                hand_ons.owe_again(session, one)
                places.append(self._place(one))
            registrar.sign_head(session, registrar.clock())
        for place in places:
            shutil.rmtree(place, ignore_errors=True)

    def _place(self, batch: HandOnBatchRow) -> Path:
        return self._home.hand_on / batch.hand_on / hand_ons.name_of(batch)

    def _make(self, registrar: Registrar, each: HandOn, seen: HandOnBatchRow, attempts: int) -> None:
        """Make a batch of a hand-on, in a worker thread. Do nothing if the batch has changed since it was
        `seen`.
        """
        with ExitStack() as until:
            now = registrar.clock()
            with registrar.registry.read() as session:
                files = hand_ons.files(session, seen)
            made, left_out = list[Made](), dict[str, str]()
            for file in files:
                try:
                    made.append(make(registrar, self._examiners.mine(), each, file.reference, until))
                except NotHandedOnError as why:
                    left_out[file.reference] = str(why)
                except Fault as fault:
                    if attempts < ATTEMPTS:
                        raise
                    left_out[file.reference] = f"it cannot be opened: {fault}"
            until.enter_context(self._placing)
            with registrar.registry.write() as session:
                batch = hand_ons.find(session, each.id, seen.number)
                is_old = last_loaded(session) != registrar.catalogue.digest  # The team may have less now.
                if is_old or batch.made_at != seen.made_at or not markers_unchanged(session, each, made):
                    return  # Another host made it, while this one stood still, or the next round makes it.
                if batch.target != hand_ons.target_of(each):  # Made and reset since, for another one.
                    hand_ons.owe_again(session, batch)
                still = hand_ons.may_have(session, each, [one.collected.subject for one in made])
                made = [one for one in made if one.collected.subject in still]
                files = hand_ons.files(session, batch)
                for file in files:
                    file.why = left_out.get(file.reference)
                entries = record_made(session, files, made, now)
                batch.made_at, batch.trouble, batch.target = now, None, hand_ons.target_of(each)
                batch.sent_at = batch.due_at = None
                if each.sftp is None:
                    batch.sent_at, batch.due_at = now, now + timedelta(hours=each.acknowledge_hours)
                session.add(batch)
                session.flush()
                aside = self._write(batch, made, manifest(session, registrar, batch, made, now))
                log.append(session, entries, now)
                registrar.sign_head(session, now)
                place = self._place(batch)
            shutil.rmtree(place, ignore_errors=True)  # The courier then notes no more of it.
            for end in ("sent", "ack"):  # Of an earlier making.
                _note(place, end).unlink(missing_ok=True)
            aside.rename(place)

    def withdraw(self, registrar: Registrar) -> None:
        """Record which batches the courier of this host has sent, then remove everything that it could still
        send. Call on a host not leading, and at the beginning of a term: another host may have
        made a batch anew.
        """
        declared = {each.id: each for each in registrar.catalogue.hand_ons.hand_on}
        if [*self._home.hand_on.glob("*/done/*.sent")]:
            with registrar.registry.read() as session:
                waiting = hand_ons.batches(session, open_only=True)
            for one in waiting:
                if one.sent_at is None and one.hand_on in declared and _is_sent(self._place(one), one):
                    self._follow(registrar, one, declared[one.hand_on])
            self._note_sent_before(registrar, waiting)
        lay_out_folders(self._home.hand_on, {}, SERVER_SETTINGS)

    def empty(self) -> None:
        """Remove everything that the courier of this host could send. The courier's notes on what it has sent
        stay until they are on record.
        """
        for path in self._home.hand_on.glob("*/*"):
            if path.is_dir() and path.name != "done":
                shutil.rmtree(path, ignore_errors=True)

    def _note_sent_before(self, registrar: Registrar, batches: Sequence[HandOnBatchRow]) -> None:
        """Record the batches sent by the courier before being reset, as files handed on."""
        found = list[HandOnBatchRow]()
        for one in batches:
            with suppress(OSError):  # Whoever writes notes may put anything there.
                if _is_noted(self._place(one), "sent") and not _is_sent(self._place(one), one):
                    found.append(one)
        if not found:
            return
        with registrar.registry.write() as session:
            entries = list[log.Entry]()
            for one in found:
                # Of a batch that is sent again on request, the first sending is on record.
                if any(file.handed_at is not None for file in hand_ons.files(session, one)):
                    name = hand_ons.name_of(one)
                    note = f"{name} was sent before it was made anew, with what it lacks since"
                    entries.append(log.Entry(kind="noted", subject=one.hand_on, note=note))
            if entries:
                log.append(session, entries, registrar.clock())
                registrar.sign_head(session, registrar.clock())
        for one in found:
            _note(self._place(one), "sent").unlink(missing_ok=True)

    def _write(self, batch: HandOnBatchRow, made: Sequence[Made], told: tuple[bytes, bytes]) -> Path:
        """Write a batch's files and manifest to a hidden folder, and return the folder.
        `told`: the manifest of the batch, and a detached signature on the manifest.
        """
        place = self._place(batch)
        aside = place.with_name(f".{secrets.token_hex(6)}")
        aside.mkdir(mode=0o750)
        for one in (file for each in made for file in each.files):
            # The manifest, written last, makes all names in the folder durable.
            with (
                os.fdopen(one.descriptor, "rb", closefd=False) as source,
                (aside / one.name).open("wb") as target,
            ):
                source.seek(0)
                shutil.copyfileobj(source, target)
                target.flush()
                os.fsync(target.fileno())
        for ending, data in zip((".json", ".json.asc"), told, strict=True):
            write_durably(aside / f"{place.name}{ending}", data)
        return aside

    def _follow(self, registrar: Registrar, one: HandOnBatchRow, each: HandOn) -> None:
        """Read the reports on one batch; record if the batch is sent or acknowledged, or cannot be sent."""
        now, place = registrar.clock(), self._place(one)
        acknowledged = sent = False
        try:
            if one.sent_at and one.target != hand_ons.IN_FOLDER and not place.is_dir():
                write_durably(_note(place, "sent"), b"")  # Pushed by another host: the courier looks on.
                place.mkdir(mode=0o750)
            acknowledged = _is_noted(place, "ack")
            sent = one.sent_at is None and (_is_sent(place, one) or acknowledged) and place.is_dir()
            acknowledged = acknowledged and (sent or one.sent_at is not None)
            trouble = (
                None if sent or one.sent_at
                else trouble_in(place.parent, _TROUBLE, "the server is not reached")
            )  # fmt: skip
        except OSError as error:  # Other hand-ons go on.
            trouble = f"its notes cannot be read: {os.strerror(error.errno or 0)}"
            _log.error("%s: %s", place.name, trouble)
        if not (acknowledged or sent or trouble != one.trouble):
            return
        with registrar.registry.write() as session:
            batch = hand_ons.find(session, one.hand_on, one.number)
            if batch.made_at != one.made_at:  # Made anew since, or to be.
                return
            batch.trouble = trouble
            if sent:
                batch.sent_at, batch.due_at = now, now + timedelta(hours=each.acknowledge_hours)
            session.add(batch)
            if acknowledged:
                hand_ons.acknowledge(batch, by="the system", at=now)
            registrar.sign_head(session, now)

    def _clear(self, registrar: Registrar) -> None:
        """Remove the folders of batches acknowledged or to be made again, and the files of batches sent."""
        held = set(self._jobs.in_hand)  # Copied before the registry is read, as these may be made meanwhile.
        with registrar.registry.read() as session:
            waiting = {hand_ons.name_of(one): one for one in hand_ons.batches(session, open_only=True)}
        still = {name for name, one in waiting.items() if one.made_at is not None or name in held}
        for folder in self._home.hand_on.iterdir():
            for found in folder.glob(f"{folder.name}-*"):
                if found.name not in still:
                    shutil.rmtree(found, ignore_errors=True)
                elif (one := waiting[found.name]).sent_at and one.target != hand_ons.IN_FOLDER:
                    for file in found.iterdir():  # The folder stays, for the courier to look for an answer.
                        file.unlink()
            for note in (folder / "done").glob(f"{folder.name}-*"):
                with suppress(OSError):  # Whoever writes notes may put anything there.
                    if note.stem not in still:
                        note.unlink()
            for aside in () if self._jobs.in_hand else folder.glob(".*"):  # Left behind by a kill.
                shutil.rmtree(aside, ignore_errors=True)


def lay_out_folders(root: Path, told: Mapping[str, Mapping[str, Any] | None], settings: str) -> None:
    """Make a folder for the courier below `root` for each destination in `told`; remove all other folders.
    `told` maps the name of a destination to the settings for the courier, or to None. Settings are written to
    the file named `settings` in the folder; for None, the file is removed.
    """
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.name not in told:
            shutil.rmtree(folder, ignore_errors=True)
    for name, said in told.items():
        notes, place = root / name / "done", root / name / settings
        try:
            notes.mkdir(mode=0o770, parents=True, exist_ok=True)
            if notes.stat().st_mode & stat.S_IRWXG != stat.S_IRWXG:
                # The courier, or the system, writes there, so the umask must not count. The inherited
                # set-group-ID bit is left out, since the units let nobody set it (RestrictSUIDSGID=).
                notes.chmod(0o770)
            if said is None:
                place.unlink(missing_ok=True)
            elif not place.exists() or place.read_text("utf-8") != tomlkit.dumps(said):
                replace_published(place, tomlkit.dumps(said))
                grant_lease(place, 0)  # Until the folder is known to be as the registry has it.
        except OSError as error:  # Other sides go on.
            _log.error("%s: its folder cannot be laid out: %s", name, os.strerror(error.errno or 0))


def _note(place: Path, end: str) -> Path:
    """Return the path of the report of a batch sent or acknowledged, a file.
    `place`: the batch's own folder. `end`: "sent" or "ack".
    """
    return place.with_name("done") / f"{place.name}.{end}"


def _is_sent(place: Path, batch: HandOnBatchRow) -> bool:
    """Return True if the courier has noted that a batch was sent, in the form in which the batch was made
    last. An empty note, of a batch that another host has sent, counts for any form.
    """
    try:
        noted = read_words(_note(place, "sent"), _NOTE_BYTES)
        return batch.made_at is not None and noted in {"", batch.made_at.isoformat()}
    except (OSError, BadFileError):
        return False


def _is_noted(place: Path, end: str) -> bool:
    """Return True if the report of a batch sent or acknowledged exists as a regular file. `end`: "sent"
    or "ack". A link does not count: other users, who write the reports, could point it anywhere.
    """
    try:
        return stat.S_ISREG(_note(place, end).lstat().st_mode)
    except FileNotFoundError:
        return False


def _last(at: str, now: datetime) -> datetime:
    """Return in UTC the latest moment, `now` included, at which the clock in the zone of `now` showed `at`.
    `at` is a time such as "18:00".
    """
    today = now.replace(hour=int(at[:2]), minute=int(at[3:]), second=0, microsecond=0)
    return (today if today <= now else today - timedelta(days=1)).astimezone(UTC)


def trouble_in(folder: Path, known: Mapping[str, str], otherwise: str) -> str | None:
    """Return in words the trouble with a destination that the courier reported last; None without trouble.
    `folder`: the folder made for the destination. `known`: the words for each report. `otherwise`: the words
    for a report that is not in `known`.
    """
    try:
        said = read_words(folder / "done" / "trouble", 100)
    except (OSError, BadFileError):  # Whoever writes notes may put anything there.
        return None
    return f"it {said}" if re.fullmatch("answered [1-5][0-9]{2}", said) else known.get(said, otherwise)
