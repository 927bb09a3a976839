"""Send the files of a watched folder; each ends in sent/, held/ or refused/, with the receipt beside.

`definition` makes a unit for systemd, or a task for Windows, that watches while nobody is logged on.

For a decided file, first the decision is recorded, then the receipt is put in place, then the file is moved.
So after a run killed at any moment, the next one moves the decided files and sends nothing twice.
"""

from __future__ import annotations

import getpass
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from importlib.resources import files as shipped
from pathlib import Path
from typing import Literal, TypeGuard
from xml.sax.saxutils import escape

import paramiko
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from gateway.errors import GatewayError
from gateway.send import receipts
from gateway.send.checking import Check
from gateway.send.connection import BROKEN, CannotReach
from gateway.send.files import (
    SHARED_FILE,
    DiskFull,
    InUse,
    IsLink,
    Mark,
    check_folder,
    make_anew,
    move,
    opened,
    unwritten,
)
from gateway.send.sealing import digest_of
from gateway.send.sending import Changed, ClockWrong, KitAtWork, ToSend, await_receipts
from gateway.send.sent import ON_ITS_WAY, KitBusy, SentFile, SentFiles, alone

FOLDERS = {"accepted": "sent", "held": "held", "refused": "refused"}
_UNFINISHED = (".", "~$")
_UNFINISHED_ENDS = (".part", ".partial", ".filepart", ".tmp", ".crdownload")
_UNTOLD = 12
_CUT = (
    "The last line of the file has no end, as where the program that wrote it stopped. Export it again; if "
    "it is whole, send it with gateway send FILE."
)
_GOES_ON = "it seems to be cut off, as where a program is not done with it"
_BATCH = 50
_RECEIPT_SECONDS = 120.0
_PAUSE_SECONDS, _HELD_SECONDS, _LOCK_SECONDS, _SLICE_SECONDS = 10.0, 300.0, 60.0, 0.5
_MOST_TRIES = 3

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Stillness:
    """Remembers the size and time of files, to find those unchanged for `seconds` by `clock`.

    A file has to be unchanged for twelve times as long if the system cannot tell whether a program is writing
    to it, as in network folders, or if its end seems to be missing.
    """

    seconds: float
    clock: Callable[[], float]
    seen: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)
    """The files present at the last call of `still`: size and time, and since when these are the same."""

    def still(self, files: Sequence[Path]) -> list[Path]:
        """Return those files that have not changed for `seconds`, the earliest change first."""
        now = self.clock()
        known = self.seen
        self.seen = {}
        for file in files:
            try:
                status = file.stat()
            except FileNotFoundError:
                continue
            mark = (status.st_size, status.st_mtime_ns)
            before = known.get(file)
            self.seen[file] = before if before is not None and before[0] == mark else (mark, now)
        still = [file for file, (_, since) in self.seen.items() if now - since >= self.seconds]
        return sorted(still, key=lambda file: (self.seen[file][0][1], file))

    def is_sure(self, file: Path, *, told: bool) -> bool:
        """Return True if nobody writes to a file. `told`: True if the system says so; else the file has to be
        unchanged for twelve times as long.
        """
        return told or self.clock() - self.seen[file][1] >= _UNTOLD * self.seconds


class WatchedFolder:
    """The watch over one folder. `anyway` is a person's reason for sending faulty files; "" to refuse them.

    `tell` prints a line. `in_words` translates the texts beside refused files into the sender's language.
    `stuck` are the files that could not be read or moved in the last round.
    """

    def __init__(
        self, sender: KitAtWork, folder: Path, stillness: Stillness, *,
        tell: Callable[[str], None], anyway: str = "", in_words: Callable[[str], str] = str,
    ) -> None:  # fmt: skip
        self._sender, self._folder = sender, folder
        self._in_words = in_words
        self._check: Check | None = None
        self._refreshed_at = 0.0
        self._stillness, self._tell, self._anyway = stillness, tell, anyway
        self._looked_at_held = -_HELD_SECONDS
        self._told: dict[Path, str] = {}
        self.stuck: set[Path] = set()
        self._cut: set[Mark] = set()
        self._done, self._left = 0, 0
        self._failed = 0
        own = {sender.kit.root, sender.settings.ssh_key.parent, sender.settings.openpgp_key.parent}
        if folder.resolve() in {path.resolve() for path in own}:
            raise GatewayError(
                f"{folder} holds your keys: watch a folder that holds nothing but what is to be sent"
            )
        for name in FOLDERS.values():
            (folder / name).mkdir(parents=True, exist_ok=True)
            check_folder(folder / name)

    def run(self, stop: threading.Event, *, once: bool = False) -> None:
        """Send new files until `stop` is set. `once`: True to end as soon as no file is left to send."""
        wake = threading.Event()
        observer = Observer()
        observer.schedule(_Waking(wake), str(self._folder))
        observer.start()
        try:
            while not stop.is_set():
                pause = self._tried(once=once)
                if once and pause is None:
                    return
                wake.clear()
                # Pause until a new file, the end, or a number of seconds.
                left = max(self._stillness.seconds if pause is None else pause, _SLICE_SECONDS)
                while left > 0 and not stop.is_set() and not wake.wait(_SLICE_SECONDS):
                    left -= _SLICE_SECONDS
        finally:
            observer.stop()
            observer.join()

    def _tried(self, *, once: bool) -> float | None:
        """Run one round; return the seconds to wait before the next, or None if nothing is left to send.
        An error that may pass, as of the network, is logged. `once`: True to raise the third such error in a
        row.
        """
        try:
            with alone(self._sender.kit.root, seconds=_LOCK_SECONDS), self._sender.files() as files:
                self.round(files)
        except (CannotReach, ClockWrong, DiskFull, KitBusy, *BROKEN) as error:
            self._failed += 1
            if once and self._failed == _MOST_TRIES:
                raise
            _log.warning("not sent now, tried again: %s", error)
            return _PAUSE_SECONDS
        self._failed = 0
        return min(self._stillness.seconds, 1.0) if self._stillness.seen.keys() - self.stuck else None

    def round(self, files: SentFiles) -> None:
        """Run one round: send files that have stayed unchanged, and move each decided file."""
        waiting = self._waiting()
        self._take_up(waiting, files)
        to_send: list[ToSend] = []
        self._done, self._left = (self._done if waiting else 0), len(waiting)
        for file in self._stillness.still(waiting):
            if len(to_send) == _BATCH:
                break
            # The policies are asked for every five minutes.
            if self._check is None or self._stillness.clock() - self._refreshed_at >= _HELD_SECONDS:
                self._sender.refresh()
                self._check, self._refreshed_at = Check.of(self._sender.kit), self._stillness.clock()
                if self._check.note:
                    _log.warning("%s", self._check.note)
            check = self._check
            with self._each(file):
                wish = self._wish(file, check)
                known = None if wish is None else files.of_content(wish.digest)
                if wish is not None and _is_decided(known):
                    self._file(wish.file, known, files)
                elif wish is not None:
                    to_send.append(wish)
        if to_send:
            with self._sender.session() as sftp:
                self._send(sftp, to_send, files)
        if files.in_state("held") and self._stillness.clock() - self._looked_at_held >= _HELD_SECONDS:
            with self._sender.session() as sftp:
                self._look_at_held(sftp, files)

    def _waiting(self) -> list[Path]:
        """Return the folder's files, except those named as unfinished; report links and folders in it."""
        lie_there = [
            one
            for one in sorted(self._folder.iterdir())
            if not one.name.startswith(_UNFINISHED) and not one.name.lower().endswith(_UNFINISHED_ENDS)
        ]
        self._told = {path: words for path, words in self._told.items() if path in lie_there}
        self.stuck = set()
        waiting = []
        for path in lie_there:
            if path.is_symlink():
                self._stick(path, "it is a link: put the file itself there")
            elif path.is_file():
                waiting.append(path)
            elif path.is_dir() and path.name not in FOLDERS.values():
                self._tell_once(path, "it is a folder, and what lies in it is not looked at")
        return waiting

    @contextmanager
    def _each(self, file: Path) -> Iterator[None]:
        """Run a block about one file; report errors instead of raising them, so other files are sent."""
        try:
            yield
        except InUse as error:
            self._tell_once(file, f"{error}; it is taken once it is closed")
        except Changed as error:
            self._tell_once(file, f"{error}; what it is now is sent as a file of its own")
        except IsLink as error:
            self._stick(file, str(error))
        except OSError as error:
            words = f"{error.strerror or error}; it is tried again" if file.exists() else "it was taken away"
            self._stick(file, words)

    def _stick(self, path: Path, words: str) -> None:
        self.stuck.add(path)
        self._tell_once(path, words)

    def _tell_once(self, path: Path, words: str) -> None:
        if self._told.get(path) != words:
            self._told[path] = words
            self._tell(f"{path.name}: not taken: {words}")

    def _wish(self, file: Path, check: Check) -> ToSend | None:
        """Check a file; return the file as one to send, or None if it is not to be sent now.

        A faulty file is moved to refused/, with the reasons beside it. A file whose end seems to be missing
        stays, to be checked again later. InUse or Changed if somebody is writing to the file.
        """
        with unwritten(file) as (source, told):
            mark = Mark.of(source)
            if not self._stillness.is_sure(file, told=told):
                raise InUse("the system cannot tell whether somebody writes to it")
        may_go_on = not self._stillness.is_sure(file, told=False)
        if may_go_on and mark in self._cut:
            return None
        try:
            tell = partial(self._sender.progress.at, "checking", file.name)
            seen = check.look_at(file, date.today(), tell)  # noqa: DTZ011 - the calendar on the wall
            stops = () if self._anyway else seen.stops or ((_CUT,) if seen.is_cut else ())
            is_cut = seen.is_cut
        except (InUse, IsLink):
            raise
        except GatewayError as error:
            stops, is_cut = (str(error),), not mark.size
        if is_cut and may_go_on:
            self._cut.add(mark)
            self._tell_once(file, f"{_GOES_ON}; it is taken or refused once it has not changed for longer")
            return None
        if not stops:
            return ToSend(file, seen.digest, seen.mark, self._anyway if seen.stops else "")
        # Move an unsendable file to refused/, with the reasons beside.
        target = _free(self._folder / FOLDERS["refused"] / file.name)
        head, *reasons = map(self._in_words, ("This file was NOT sent.", *stops))
        text = f"{head}\n\n" + "\n".join(reasons) + "\n"
        with unwritten(file) as (source, _):
            if Mark.of(source) != mark:
                raise Changed("it was changed while it was checked")
            make_anew(_reasons_beside(target), text.encode(), SHARED_FILE)
            move(file, target)
        self._tell_done(f"{file.name}: not sent: {stops[0]}")
        return None

    def _take_up(self, waiting: Sequence[Path], files: SentFiles) -> None:
        """Record the places of decided files that an interrupted run has moved, but not recorded."""
        unfiled = files.unfiled()
        here, unread = set(), set()
        for path in waiting if unfiled else ():
            unread.add(path.name)
            with self._each(path):
                with opened(path) as file:
                    here.add(digest_of(file))
                unread.discard(path.name)
        for one in unfiled:
            if one.content_sha256 not in here and one.name not in unread:
                files.filed(one, f"{FOLDERS[one.state]}/{one.name}")

    def _send(self, sftp: paramiko.SFTPClient, batch: Sequence[ToSend], files: SentFiles) -> None:
        recipient = self._sender.kit.current_certificate()
        rows = {}
        names = sftp.listdir(receipts.FOLDER)
        for wish in batch:
            sent = None
            with self._each(wish.file):
                sent = self._sender.sealed(wish, recipient, files)
            if sent is not None and sent.sealed_sha256 not in rows:
                self._sender.hand_over(sftp, sent, files, names)
                rows[sent.sealed_sha256] = wish
        known = [one for one in files.in_state(*ON_ITS_WAY) if one.sealed_sha256 in rows]

        def decided(digest: str) -> None:
            file = rows[digest].file
            with self._each(file):
                self._file(file, files.of_sealed(digest), files)

        await_receipts(self._sender, sftp, known, files, seconds=_RECEIPT_SECONDS, decided=decided)

    def _file(self, file: Path, sent: SentFile, files: SentFiles) -> None:
        """Put the receipt of a decided file in place, then move the file to sent/, held/ or refused/."""
        with unwritten(file) as (source, _):
            folder = self._folder / FOLDERS[sent.state]
            if digest_of(source) != sent.content_sha256:
                self._put_receipts(folder / file.name, sent)
                files.filed(sent, f"{folder.name}/{file.name}")
                raise Changed(f"it was sent, reference {sent.reference}, and was changed since")
            target = folder / file.name
            if os.path.lexists(target):
                target = _free(folder / f"{file.stem}.{sent.reference}{file.suffix}")
            self._put_receipts(target, sent)
            move(file, target)
            files.filed(sent, str(target.relative_to(self._folder)))
        self._tell_done(f"{file.name}: {sent.state}, reference {sent.reference}")

    def _tell_done(self, line: str) -> None:
        """Report the outcome of a file, and the number of files done."""
        self._done, self._left = self._done + 1, max(self._left - 1, 0)
        of = self._done + self._left
        self._tell(f"{line} ({self._done} of {of})" if of > 1 else line)

    def _put_receipts(self, target: Path, sent: SentFile) -> None:
        """Put the receipts of a file beside `target`, its place in sent/, held/ or refused/."""
        receipt = self._sender.kit.receipts / sent.receipt
        for path in (receipt.with_suffix(".txt"), receipt):
            if path.exists():
                beside = target.with_name(f"{target.name}.{sent.reference}{path.suffix}")
                make_anew(beside, path.read_bytes(), SHARED_FILE)

    def _look_at_held(self, sftp: paramiko.SFTPClient, files: SentFiles) -> None:
        """Ask for the receipts of files in held/, and move those decided by now, with their receipts."""
        self._looked_at_held = self._stillness.clock()
        held = files.in_state("held")
        self._sender.receive(sftp, held, files)
        for before in held:
            after = files.of_sealed(before.sealed_sha256)
            place = self._folder / before.place
            if after.state != "held" and before.place and place.is_file() and not place.is_symlink():
                with self._each(place):
                    self._file(place, after, files)


class _Waking(FileSystemEventHandler):
    """Ends the pause between rounds when a file comes into the folder."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake

    def on_created(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - its name is watchdog's
        """End the pause, because of a file that is new, moved in or renamed."""
        self._wake.set()

    on_moved = on_created


def _is_decided(known: SentFile | None) -> TypeGuard[SentFile]:
    """Return True for a decided file; False for a refused one that was moved away and is put here again."""
    if known is None or known.state in ON_ITS_WAY:
        return False
    return known.state != "refused" or not known.place


def _free(path: Path) -> Path:
    """Return the path if unused, else the path with a number added."""
    number = 2
    free = path
    while os.path.lexists(free) or os.path.lexists(_reasons_beside(free)):
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    return free


def _reasons_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.why.txt")


Manager = Literal["user", "system", "windows"]
"""The program that starts the watch: systemd of a user or of the machine, or the Windows Task Scheduler."""
_HOW = {
    "user": "Write this to ~/.config/systemd/user/gateway-send-watch.service, then:\n"
    "#   systemctl --user enable --now gateway-send-watch\n"
    "#   loginctl enable-linger        # so that it runs while nobody is logged in",
    "system": "Write this to /etc/systemd/system/gateway-send-watch.service, then:\n"
    "#   systemctl enable --now gateway-send-watch",
}


def definition(manager: Manager, folder: Path, kit: Path, passphrase_file: Path) -> str:
    """Return a systemd unit or Windows task that watches a folder; every path in it is absolute.

    The unit or task starts the Python that runs now. The task for Windows has never been run: only its text
    is tested.
    """
    arguments = [
        "-m", "gateway", "send", "watch", "--kit", str(kit.absolute()), "--passphrase-file",
        str(passphrase_file.absolute()), str(folder.absolute()),
    ]  # fmt: skip
    name = "watch.xml" if manager == "windows" else "watch.service"
    template = shipped("gateway.send").joinpath(name).read_text("utf-8")
    if manager == "windows":
        values = {
            "shown": str(folder.absolute()), "user": getpass.getuser(), "program": sys.executable,
            "arguments": subprocess.list2cmdline(arguments),
        }  # fmt: skip
        return template.format(**{name: escape(value) for name, value in values.items()})
    is_user = manager == "user"
    return template.format(
        how=_HOW[manager],
        shown=str(folder.absolute()).replace("%", "%%"),
        user="" if is_user else f"User={getpass.getuser()}\n",
        command=" ".join(map(_quoted, [sys.executable, *arguments])),
        target="default.target" if is_user else "multi-user.target",
    )


def _quoted(word: str) -> str:
    """Quote a word for a systemd unit (systemd.service, "Command lines"; systemd.unit, "Specifiers")."""
    marks = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$"}
    return f'"{"".join(marks.get(one, one) for one in word)}"'
