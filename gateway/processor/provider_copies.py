"""Make the copies of files for providers' /out, such as a school's copy of a file about the school.

Rows 10 and 11 of Appendix B ask for such copies. The transaction that accepts a file records the copies as
owed. A missing copy can be made, and made again, at any time. An isolated child opens and seals the content
in memory: this process sees the sealed copy only.
"""

import hashlib
import logging
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlmodel import Session

from gateway.errors import Fault
from gateway.examiner.parent import Examiner, Examiners
from gateway.examiner.protocol import Reopen, SealCopy
from gateway.home import Home
from gateway.model import Classified
from gateway.policy.schools import part_of
from gateway.processor.claim import SideJobs
from gateway.publish.everything import copy_path
from gateway.publish.projection import published_is_written
from gateway.record.registrar import Registrar
from gateway.registry import copies, keys
from gateway.registry.copies import Copy
from gateway.registry.transfers import contents_of
from gateway.secrets import secret_files
from gateway.store.of_home import shared_store, store_answers, store_of
from gateway.zones.memory import closing_descriptor
from gateway.zones.spool import copy_durably

_AT_ONCE = 8
_CLOCKS_APART = timedelta(minutes=10)
_EVER = datetime.fromtimestamp(0, UTC)
_log = logging.getLogger(__name__)


class Copier:
    """Makes providers' missing copies, in worker threads (`jobs`)."""

    def __init__(self, home: Home, examiners: Examiners, jobs: SideJobs) -> None:
        self._home = home
        self._examiners = examiners
        self._jobs = jobs
        self._looked_at: datetime | None = None
        self._elsewhere: deque[Copy] = deque()
        self._failed: deque[Copy] = deque()
        self._more = False
        self._whole: set[tuple[int, str | None]] = set()

    @property
    def busy(self) -> bool:
        """True while a copy is being made, or further copies wait for a free thread."""
        return bool(self._jobs.in_hand) or self._more

    def hand_out(self, registrar: Registrar, *, leads: bool = True) -> None:
        """Start making a few missing copies.
        Of several hosts only the leader (`leads`) makes copies; every host puts each copy into the /out that
        the host publishes.
        """
        waiting = deque(copy for copy in self._news(registrar) if leads)
        while (waiting or self._elsewhere) and len(self._jobs.in_hand) < _AT_ONCE:
            copy = (waiting or self._elsewhere).popleft()
            if not self._jobs.may_begin(_name(copy)):
                continue
            shares = registrar.settings.host.shares
            is_out = copy.made and self._is_whole(copy, compare=shares)
            if not is_out and store_of(self._home, registrar.settings).has(copy.reference):
                name, job = _name(copy), partial(self._make, registrar, copy)
                self._jobs.begin(name, f"{name} cannot be made", job)
        self._more = bool(waiting or self._elsewhere)

    def _is_whole(self, copy: Copy, *, compare: bool) -> bool:
        """Return True if a copy is in /out with all of its bytes; a power cut may have cut short an old one.
        `compare`: True to compare the digest as well; False if no other host can have made the copy anew. A
        copy once found whole is not read again, as every round asks for the copies made lately.
        """
        path, known = copy_path(self._home, copy), (copy.number, copy.sha256)
        try:
            if copy.size not in {None, path.stat().st_size}:
                return False
            if compare and known not in self._whole:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != copy.sha256:
                        return False
                self._whole.add(known)
        except FileNotFoundError:
            return False
        return True

    def _news(self, registrar: Registrar) -> Sequence[Copy]:
        """Return the copies still to be made; queue the copies made already, as some may be missing in /out.
        The first call queues every copy made, later calls only the copies made since by other hosts.
        """
        now, since = registrar.clock(), self._looked_at

        def due() -> set[tuple[str, str]]:
            with registrar.registry.read() as session:
                shown = copies.owed(session, made_too=True, shown=True)
                return {(copy.reference, copy.provider) for copy in shown}

        if since is None:
            since, kept = _EVER, shared_store(self._home, registrar.settings)
            if kept is not None:  # A host that was killed may have put copies that are not due any more.
                with store_answers():
                    kept.remove_other_copies(due)
        elif not registrar.settings.host.shares:
            since = None
        with registrar.registry.read() as session:
            owed = copies.owed(session, made_since=since)
        self._looked_at = now - _CLOCKS_APART
        self._whole.intersection_update((copy.number, copy.sha256) for copy in owed)
        self._elsewhere.extend(copy for copy in owed if copy.made)
        while self._failed and self._jobs.may_begin(_name(self._failed[0])):
            self._elsewhere.append(self._failed.popleft())
        return [copy for copy in owed if not copy.made]

    def _make(self, registrar: Registrar, copy: Copy, _attempts: int) -> None:
        """Fetch or make one copy, in a worker thread."""
        try:
            if not self._fetched(registrar, copy):
                self._bring_out(registrar, copy)
        except Exception:
            if copy.made:
                self._failed.append(copy)
            raise

    def _fetched(self, registrar: Registrar, copy: Copy) -> bool:
        """Return True after putting a copy from the shared store into /out; False if no store has one."""
        kept = shared_store(self._home, registrar.settings)
        if kept is None or not copy.made or copy.sha256 is None:
            return False
        with store_answers():
            try:
                descriptor = kept.fetch_copy(copy.reference, copy.provider, copy.sha256)
            except FileNotFoundError:
                return False
        with closing_descriptor(descriptor):
            _place(descriptor, copy_path(self._home, copy))
        with registrar.registry.read() as session:
            self._stays(session, copy)
        return True

    def _bring_out(self, registrar: Registrar, copy: Copy) -> None:
        now, examiner = registrar.clock(), self._examiners.mine()
        with registrar.registry.read() as session:
            certificates = keys.keys_in_force(session, "provider", copy.provider, "openpgp", now)
        request = SealCopy(
            reference=copy.reference,
            sha256=None if copy.part else copy.content_sha256,
            signer=secret_files.signing_fingerprint(self._home),
            recipients=tuple(certificate.material for certificate in certificates),
            now=now,
        )
        if copy.part:
            with closing_descriptor(_part(registrar, examiner, copy, now)) as content:
                descriptor, sealed = examiner.seal_copy(request, content)
        else:
            descriptor, sealed = examiner.seal_copy(request)
        kept, its = shared_store(self._home, registrar.settings), (copy.reference, copy.provider)
        with closing_descriptor(descriptor):
            if kept is not None:  # For other hosts.
                with store_answers():
                    kept.put_copy(*its, sealed.sha256, descriptor)
            with registrar.registry.write() as session:
                if stays := self._stays(session, copy):
                    copies.record_sealed(session, copy.number, sealed.sealed_to)
            if stays:
                _place(descriptor, copy_path(self._home, copy))
        with registrar.registry.write() as session:
            now = registrar.clock()
            present = keys.keys_in_force(session, "provider", copy.provider, "openpgp", now)
            # A certificate may have changed meanwhile, by another subkey: the next round seals anew.
            is_for_all = not present or {one.material for one in present} == {*request.recipients}
            if stays and self._stays(session, copy) and is_for_all:
                copies.record_made(session, copy.number, at=now, sha256=sealed.sha256, size=sealed.size)
            known = {one.number: one for one in copies.owed(session, made_too=True, of=copy.reference)}
            recorded = known[copy.number].sha256 if copy.number in known else None
        if kept is not None:  # The file may be deleted by now, or another host was quicker.
            with store_answers():
                kept.remove_copies(*its, but=recorded)

    def _stays(self, session: Session, copy: Copy) -> bool:
        """Return True if a copy in /out is due. Remove the copy if not: its file was withdrawn or marked
        meanwhile, the copy was held back and ordered again, perhaps for another part of the file, or another
        host made it.
        """
        due = copies.owed(session, made_too=True, of=copy.reference, shown=True)
        its = copy.number, copy.decided_at, copy.sha256
        stays = any((one.number, one.decided_at, one.sha256) == its for one in due)
        if not stays:
            copy_path(self._home, copy).unlink(missing_ok=True)
        return stays


def _name(copy: Copy) -> str:
    return f"{copy.reference}: the copy for {copy.provider}"


def _part(registrar: Registrar, examiner: Examiner, copy: Copy, now: datetime) -> int:
    """Return an open descriptor of the part of a file that is about the provider of the copy.
    Raises Fault if the file's data type is not known, or if the part would be the whole file.
    """
    with registrar.registry.read() as session:
        provider = registrar.provider(session, copy.provider, now)
        content = contents_of(session, [copy.transfer]).get(copy.transfer)
    if not isinstance(content, Classified):
        raise Fault("a file that nobody recognised cannot be divided")
    named = copies.numbered(provider, copy.numbers)
    basis = part_of(named, content.data_type, content.unlisted, registrar.catalogue)
    basis = replace(basis, stated=content.stated)
    request = Reopen(reference=copy.reference, sha256=copy.content_sha256)
    descriptor, view = examiner.view(request, basis)
    if view.whole:
        os.close(descriptor)
        raise Fault("nothing was left out of a file about many schools")
    return descriptor


def _place(source: int, path: Path) -> None:
    """Copy the file at a descriptor into a provider's /out. Raises Fault if published/ cannot be written."""
    with published_is_written():
        path.parent.mkdir(parents=True, exist_ok=True)
        copy_durably(source, path)
