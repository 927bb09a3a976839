"""The isolated child: it alone sees plaintext, under limits, one file at a time.

It reads requests from the channel it inherited, answers in JSON, and ends when its parent does. It
writes no file. A hostile file that breaks it costs one child; the parent starts another.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import ctypes
import dataclasses
import functools
import gc
import hashlib
import logging
import os
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path

from gateway.classify import Rules, classify, load_rules
from gateway.errors import Fault, GatewayError, Refusal
from gateway.examiner import drops
from gateway.examiner.drop_tools import Tools
from gateway.examiner.protocol import (
    ANSWER,
    GREETING,
    REQUEST,
    Failed,
    FileOpened,
    FileRefused,
    FileWaits,
    Job,
    Looked,
    OpenRefused,
    Reopen,
    Reopened,
    Request,
    Reseal,
    Resealed,
    SealCopy,
    SealedCopy,
)
from gateway.examiner.rolls import RollTaker, packed
from gateway.home import Home
from gateway.model import Classified, ContentRefused
from gateway.observe import logs
from gateway.openpgp.certificates import describe
from gateway.openpgp.judge import Waits
from gateway.openpgp.opener import find_opener
from gateway.openpgp.promise import Opener
from gateway.openpgp.sealer import CannotSeal, seal
from gateway.openpgp.session_keys import open_session_key, seal_session_key
from gateway.secrets.guard import keep_in_memory, keep_to_itself
from gateway.secrets.secret_files import openpgp_secrets, pupil_key, signing_fingerprint
from gateway.settings import Limits, Processor, load_limits, load_settings
from gateway.zones.failpoints import passing

_log = logging.getLogger(__name__)
REQUEST_BYTES = 16 * 1024**2
_FILES = 256
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def main() -> None:
    """Serve requests until the channel closes."""
    parser = argparse.ArgumentParser(description="examines sealed files for the gateway's services")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--channel", type=int, required=True)
    arguments = parser.parse_args()
    home = Home(arguments.home)
    limits = load_limits(home)
    confine(limits)
    worker = Worker(
        home=home,
        limits=limits,
        openers=Openers(load_settings(home).processor, openpgp_secrets(home)),
        rules=load_rules(home.policies_in_force),
        pupils=functools.cache(lambda: pupil_key(home)),  # Behind a passphrase it takes a while.
    )
    keep_in_memory()
    gc.freeze()  # Rules and modules stay: no need to look through them again and again.
    with contextlib.suppress(EOFError), Connection(arguments.channel) as channel:
        channel.send_bytes(GREETING)
        while True:
            worker.answer(channel, REQUEST.validate_json(channel.recv_bytes(REQUEST_BYTES)))


def confine(limits: Limits) -> None:
    """Give up what a hostile file could use: memory, core files, new privileges, outliving the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    files = min(_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_AS, (limits.open.memory_bytes, limits.open.memory_bytes))
    keep_to_itself()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Openers:
    """Engines by the gateway's keys that they open with; made when first asked for."""

    def __init__(self, settings: Processor, secrets: Mapping[str, bytes]) -> None:
        self._settings = settings
        self.secrets = secrets
        self._made: dict[tuple[str, ...], Opener] = {}

    def of(self, fingerprints: tuple[str, ...] = ()) -> Opener:
        """The engine that opens with these keys, or with all. Fault where one of them is missing."""
        wanted = fingerprints or tuple(self.secrets)
        if wanted not in self._made:
            missing = [fingerprint for fingerprint in wanted if fingerprint not in self.secrets]
            if missing:
                raise Fault(f"the secret key {missing[0]} is missing from keys/openpgp")
            keys = [self.secrets[fingerprint] for fingerprint in wanted]
            self._made[wanted] = find_opener(self._settings, keys)
        return self._made[wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What one child works with. `pupils` gives the key that pupils' numbers are digested with."""

    home: Home
    limits: Limits
    openers: Openers
    rules: Rules
    pupils: Callable[[], bytes]

    def answer(self, channel: Connection, request: Request) -> None:
        """Answer one request; a fault of ours is an answer too.

        MemoryError ends the child: it counts as lost over the file, which is held when that goes on.
        """
        try:
            if isinstance(request, Job):
                channel.send_bytes(ANSWER.dump_json(self.examine(request)))
            elif isinstance(request, Reseal):
                channel.send_bytes(ANSWER.dump_json(self.reseal(request)))
            elif isinstance(request, SealCopy):
                self._send_copy(channel, request)
            else:
                self._send_content(channel, request)
        except (GatewayError, OSError) as error:
            explanation = str(error) if isinstance(error, GatewayError) else type(error).__name__
            failed = Failed(reference=request.reference, explanation=explanation)
            channel.send_bytes(ANSWER.dump_json(failed))

    def examine(self, job: Job) -> Looked:
        """Open and classify one file. Fault where the fault is ours; all else is an outcome."""
        if job.folder != "in":
            opener = self.openers.of(job.opens_with)
            return drops.examine(job, Tools(home=self.home, opener=opener, limits=self.limits))
        found = self._examine(job, job.senders)
        if isinstance(found, FileRefused) and found.why.code == "open:wrong-signer" and job.others:
            return self._by_another(job, found)
        return found

    def reseal(self, request: Reseal) -> Resealed:
        """Seal the session key of a stored file to another certificate, once it has proved itself.

        Its text is empty where none of the gateway's keys opens the file.
        """
        session, sealed = self._session_key(request.reference), self.home.sealed(request.reference)
        if session is None:
            return Resealed(reference=request.reference, session="", proved=False)
        if request.sha256 is not None:
            os.close(self.openers.of().reopen(sealed, request.sha256, self.limits.open, session))
        return Resealed(
            reference=request.reference,
            session=seal_session_key(session, request.certificate.encode()),
            proved=request.sha256 is not None,
        )

    def _by_another(self, job: Job, stranger: FileRefused) -> Looked:
        """The same file, looked at with the provider's keys that do not count: it can only be told apart."""
        match self._examine(job, job.others):
            case FileOpened() | FileWaits() as found:
                return FileWaits(
                    reference=job.reference,
                    opened=found.opened,
                    content=found.content,
                    why=stranger.why,
                    roll=found.roll,
                )
            case FileRefused(why=why) if why.code == "open:key-expired":
                return stranger
            case told_apart:
                return told_apart

    def _examine(self, job: Job, certificates: Sequence[str]) -> FileOpened | FileWaits | FileRefused:
        passing("examine.asked")
        senders, sealed = [sender.encode() for sender in certificates], self.home.sealed(job.reference)
        why = None
        try:
            opened = self.openers.of(job.opens_with).open(sealed, senders, self.limits.open, job.now)
        except Waits as waits:
            opened, why = waits.opened, OpenRefused(code=waits.code)
        except Refusal as refusal:
            return FileRefused(
                reference=job.reference, why=OpenRefused(code=refusal.code, detail=refusal.detail)
            )
        passing("examine.opened")
        taker = RollTaker(self.pupils()) if job.rolls else None
        with os.fdopen(opened.content, "rb") as content:
            found = classify(
                content, job.name, self.limits.classify, self.rules, today=job.now.date(), on_pupil=taker
            )
        passing("examine.classified")
        opened, roll = dataclasses.replace(opened, content=-1), _roll(job, found, taker)
        if why is not None:
            return FileWaits(reference=job.reference, opened=opened, content=found, why=why, roll=roll)
        return FileOpened(reference=job.reference, opened=opened, content=found, roll=roll)

    def _session_key(self, reference: str) -> bytes | None:
        kept = self.home.session(reference)
        if kept.exists():
            return open_session_key(kept.read_bytes(), self.openers.secrets.values())
        return self.openers.of().session_key(self.home.sealed(reference), self.limits.open)

    def _send_copy(self, channel: Connection, request: SealCopy) -> None:
        """The content sealed to a provider and signed by the gateway; it leaves this process sealed only."""
        recipients = _able(request)
        signer = self.openers.secrets[signing_fingerprint(self.home)]
        content = self._content(request.reference, request.sha256)
        try:
            sealed = seal(content, list(recipients.values()), signer)
        except CannotSeal as error:
            raise Fault(str(error)) from None
        finally:
            os.close(content)
        answer = SealedCopy(
            reference=request.reference,
            size=len(sealed),
            sha256=hashlib.sha256(sealed).hexdigest(),
            sealed_to=tuple(recipients),
        )
        with os.fdopen(os.memfd_create("copy", os.MFD_CLOEXEC), "wb") as memory:
            memory.write(sealed)
            memory.flush()
            channel.send_bytes(ANSWER.dump_json(answer))
            send_handle(channel, memory.fileno(), os.getppid())

    def _content(self, reference: str, sha256: str) -> int:
        """The content of a stored file, proved by its digest, as a descriptor that the caller closes."""
        kept = self.home.session(reference).exists()
        session = self._session_key(reference) if kept else None
        return self.openers.of().reopen(self.home.sealed(reference), sha256, self.limits.open, session)

    def _send_content(self, channel: Connection, request: Reopen) -> None:
        content = self._content(request.reference, request.sha256)
        try:
            size = os.fstat(content).st_size
            channel.send_bytes(ANSWER.dump_json(Reopened(reference=request.reference, size=size)))
            send_handle(channel, content, os.getppid())
        finally:
            os.close(content)


def _able(request: SealCopy) -> dict[str, bytes]:
    """Those of the recipients' certificates that can be encrypted to, by fingerprint. Fault without any."""
    described = (
        (describe(material.encode(), request.now), material.encode()) for material in request.recipients
    )
    able = {known.fingerprint: material for known, material in described if known.can_encrypt}
    if not able:
        raise Fault("the provider has no OpenPGP key in force that can be encrypted to")
    return able


def _roll(job: Job, found: Classified | ContentRefused, taker: RollTaker | None) -> str | None:
    """The roll in a file that is one, packed. What is no roll keeps its pupils to itself."""
    if taker is None or not isinstance(found, Classified) or found.data_type not in job.rolls:
        return None
    if taker.left_out:
        _log.warning("%s: %d records beyond the indexed pupils", job.reference, taker.left_out)
    return base64.b64encode(packed(taker.entries())).decode()


if __name__ == "__main__":
    logs.configure(logging.WARNING)
    main()
