"""The recommended engine: any Stateless OpenPGP program (draft-dkg-openpgp-stateless-cli).

Such a program exits 0 also for a message without a valid signature, and writes plaintext before
it knows the end of the message: the list of verifications decides, and nothing is handed out
before the program has ended well. Keys, certificates and verifications are passed as descriptors of
anonymous memory; nothing touches a disk, and no argument says more than a number.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from gateway.errors import ConfigurationError, Fault, Refusal
from gateway.model import Opened, Signature
from gateway.openpgp import explain, packets
from gateway.openpgp.envelope import ANYONE, Envelope, look, look_again
from gateway.openpgp.judge import Sender, Verified, Waits, check_signature, parsed_senders
from gateway.openpgp.late import verified_late
from gateway.openpgp.layers import kind_inside, session_of, session_text, unwrapped
from gateway.openpgp.memory import Content, in_memory
from gateway.openpgp.sealed_file import Sealed
from gateway.openpgp.secret_keys import SecretKey, identified, read_secret_keys, secret_key
from gateway.settings import OpenLimits

_PIECE = 1024 * 1024
_VERIFICATION_FIELDS = 3
_NO_SIGNATURE = 3
_CANNOT_DECRYPT = 29
# Codes of the specification by which a program says that we called it wrongly.
_OUR_DOING = frozenset({2, 19, 23, 31, 37, 43, 47, 53, 59, 61, 69, 71, 73, 79, 83, 89, 97, 103, 107})
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class SopOpener:
    """Opens with the SOP program at path `program`. ConfigurationError for an unusable key."""

    def __init__(self, program: str, secret_keys: Sequence[Path | bytes]) -> None:
        self.name = f"sop:{Path(program).name}"
        self._program = program
        self._secrets = tuple(read_secret_keys(secret_keys))
        self._owners = [identified(data) for data in self._secrets]
        self._key_ids = frozenset().union(*(key_ids for _, key_ids in self._owners))

    def open(self, sealed: Sealed, senders: Sequence[bytes], limits: OpenLimits, now: datetime) -> Opened:
        """See `Opener.open`."""
        envelope = look(sealed, self._key_ids, limits)
        parsed = parsed_senders(senders)
        with Content(limits.content_bytes) as content:
            job = _Job(sealed, envelope, parsed, content, limits)
            code, verifications = self._run_somehow(job)
            if code or not verifications:
                verified = self._late(code, job, now)
            else:
                signature = _only_signature(verifications)
                ended = check_signature(signature, parsed, limits, now)
                verified = Verified(signature=signature, ended=ended)
            self._check_not_nested(envelope)
            descriptor, size, sha256 = content.finish()
        opened = Opened(
            content=descriptor,
            size=size,
            sha256=sha256,
            signature=verified.signature,
            engine=self.name,
            opened_by=self._opened_by(envelope),
            renewed_since=verified.late,
        )
        if verified.ended is not None:
            raise Waits(verified.ended, opened)
        return opened

    @cached_property
    def _keys(self) -> list[SecretKey]:
        """The keys as far as PGPy can read them: to look at structure, never to decide."""
        keys = []
        for data in self._secrets:
            with suppress(ConfigurationError):
                keys.append(secret_key(data))
        return keys

    def _check_not_nested(self, envelope: Envelope) -> None:
        """Programs open encryption within encryption without a word."""
        if kind_inside(envelope, self._keys) in packets.ENCRYPTION:
            raise Refusal("open:not-one-file")

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """See `Opener.session_key`."""
        return session_text(look_again(sealed, limits), self._keys)

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """See `Opener.reopen`."""
        try:
            envelope = look(sealed, self._key_ids if session is None else None, limits)
            with Content(limits.content_bytes) as content:
                job = _Job(sealed, envelope, (), content, limits)
                _ = self._run_somehow(job) if session is None else self._run(job, session)
                descriptor, _, digest = content.finish()
                if digest != sha256:
                    raise Fault("the stored file does not open to the content that was examined")
        except Refusal as refusal:
            raise Fault(f"the stored file does not open any more: {refusal.code}") from refusal
        return descriptor

    def _opened_by(self, envelope: Envelope) -> str | None:
        named = [owner for owner, key_ids in self._owners if key_ids & set(envelope.recipients)]
        return named[0] if len(named) == 1 else None

    def _run_somehow(self, job: _Job) -> tuple[int, bytes]:
        """As `_run`; once more with a session key of our finding where a recipient is unnamed."""
        code, verifications = self._run(job)
        if code and ANYONE in job.envelope.recipients:
            return self._run_with_session(job)
        return code, verifications

    def _run(self, job: _Job, session: bytes | None = None) -> tuple[int, bytes]:
        """The program's exit code and its list of verifications; its plaintext goes to the content."""
        job.content.restart()
        with ExitStack() as stack:
            verifications = _kept(stack, in_memory(b""))
            certs = [_kept(stack, in_memory(sender.data)) for sender in job.senders]
            keys = [_kept(stack, in_memory(secret)) for secret in self._secrets if session is None]
            inherited = [verifications, *certs, *keys]
            command = [self._program, "decrypt"]
            if certs:
                command.append(f"--verifications-out=@FD:{verifications}")
            command += [f"--verify-with=@FD:{cert}" for cert in certs]
            if session is not None:
                inherited.append(_kept(stack, in_memory(session)))
                command.append(f"--with-session-key=@FD:{inherited[-1]}")
            command += [f"@FD:{key}" for key in keys]
            source = stack.enter_context(job.sealed.open("rb"))
            child = _start(command, source.fileno(), inherited)
            return _watch(child, job), _read_all(verifications)

    def _run_with_session(self, job: _Job) -> tuple[int, bytes]:
        """With the session key that we find: sqop gives up at the first unnamed recipient who is not us."""
        session = session_of(job.envelope, self._keys)
        if session is None:
            return _CANNOT_DECRYPT, b""
        return self._run(job, session.text(job.envelope.start))

    def _late(self, code: int, job: _Job, now: datetime) -> Verified:
        """A signature that came too late for the program, with its content; else the refusal that fits.

        Fault where the program or its keys failed, not the file.
        """
        if code < 0 or code in _OUR_DOING:
            raise Fault(f"{self.name} ended with {code}")
        unsigned = code in {0, _NO_SIGNATURE}
        if job.sealed.stat().st_size > job.limits.embedded_sealed_bytes or not self._keys:
            raise _unseen(job.senders, now) if unsigned else Refusal("open:damaged")
        message = unwrapped(job.sealed.read_bytes(), self._keys, job.limits.embedded_content_bytes).message
        verified = verified_late(message, job.senders, job.limits, now) if unsigned else None
        if verified is None:
            why = explain.refusal(message, job.senders, job.limits, now)
            raise why if unsigned else explain.unread(why)
        job.content.restart()
        job.content.write(verified.content)
        return verified


def _unseen(senders: Sequence[Sender], now: datetime) -> Refusal:
    """The words for a signature that is not good and lies in a file too large to be looked into."""
    expired = any(sender.has_expired(now) for sender in senders)
    return Refusal("open:key-expired" if expired else "open:wrong-signer")


@dataclass(frozen=True, slots=True)
class _Job:
    """One file to open."""

    sealed: Sealed
    envelope: Envelope
    senders: Sequence[Sender]
    content: Content
    limits: OpenLimits


def _watch(child: subprocess.Popen[bytes], job: _Job) -> int:
    """The child's exit code, once it has ended; it is killed where it oversteps a limit."""
    deadline = time.monotonic() + job.limits.seconds
    with child:
        try:
            _limit(child.pid, job.limits)
            _drain(child, job.content, deadline)
            return child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            raise Fault("the engine took too long") from None
        except BaseException:
            child.kill()
            raise


def _kept(stack: ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _start(command: Sequence[str], source: int, inherited: Sequence[int]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the program is a setting, and no shell is involved
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=inherited,
            env=_ENVIRONMENT,
            bufsize=0,
        )
    except OSError as error:
        raise Fault(f"{command[0]} cannot be started: {error.strerror}") from error


def _limit(pid: int, limits: OpenLimits) -> None:
    """Limits are set on the running child: a hook before exec would cost a slow fork."""
    try:
        resource.prlimit(pid, resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    except ProcessLookupError:
        return


def _drain(child: subprocess.Popen[bytes], content: Content, deadline: float) -> None:
    """Everything the child writes goes to `content`, until it ends or the deadline passes."""
    assert child.stdout is not None  # noqa: S101 - asked for above
    pipe = child.stdout.fileno()
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIECE)
    buffer = memoryview(bytearray(_PIECE))
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise subprocess.TimeoutExpired(child.args, left)
        got = os.readv(pipe, [buffer])
        if not got:
            return
        content.write(buffer[:got])


def _read_all(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _only_signature(verifications: bytes) -> Signature:
    """The one line of a verifications file: time, signing key, certificate, and more of no interest."""
    lines = verifications.decode("utf-8", "replace").splitlines()
    if len(lines) != 1:
        raise Refusal("open:not-one-file")
    fields = lines[0].split()
    if len(fields) < _VERIFICATION_FIELDS:
        raise Fault("the engine wrote a verification that cannot be read")
    made, signing_key, certificate = fields[:_VERIFICATION_FIELDS]
    try:
        created_at = datetime.fromisoformat(made)
    except ValueError:
        raise Fault("the engine wrote a verification that cannot be read") from None
    return Signature(certificate=certificate.lower(), signing_key=signing_key.lower(), created_at=created_at)
