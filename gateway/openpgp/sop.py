"""Open sealed files with a Stateless OpenPGP (SOP) program (draft-dkg-openpgp-stateless-cli).

Such a program exits 0 even without a valid signature, and writes plaintext before the end of the message is
known: the list of verifications decides, and no content is returned before the program has ended well. Keys,
certificates and verifications pass as descriptors of anonymous memory: nothing touches a disk, and arguments
hold only numbers.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from gateway.errors import ConfigurationError, Fault, Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Opened, Signature
from gateway.openpgp import judge, layers, packets
from gateway.openpgp.containers import SessionKey
from gateway.openpgp.embedded import verified_message
from gateway.openpgp.envelope import ANYONE, Envelope, check_alone, look, look_again
from gateway.openpgp.interface import Certs, Content, Sealed, SealedSource
from gateway.openpgp.judge import Sender, Verified, check_signature, parsed_senders, verified_late
from gateway.zones.memory import closing_descriptor, in_memory

CANNOT_DECRYPT = 29
NO_SIGNATURE = 3
# Exit codes of the specification for a wrong call by the gateway.
OUR_DOING = frozenset({2, 19, 23, 31, 37, 43, 47, 53, 59, 61, 69, 71, 73, 79, 83, 89, 97, 103, 107})
_PIECE = 1024 * 1024
_VERIFICATION_FIELDS = 3
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class Order(NamedTuple):
    """One run of a program: the sealed file, memory for the content, senders' certificates, secret keys."""

    sealed: SealedSource
    content: Content
    limits: OpenLimits
    certificates: Sequence[bytes]
    keys: Sequence[bytes]


def decrypt(program: str, order: Order, session: bytes | None = None) -> tuple[int, bytes]:
    """Run `sop decrypt`; return exit code and list of verifications. Plaintext goes to `order.content`.
    `session`: the session key as CIPHER:HEX; if given, no secret key is passed to the program.
    """
    order.content.restart()
    with ExitStack() as stack:
        verifications = _kept(stack, b"")
        certs = [_kept(stack, certificate) for certificate in order.certificates]
        keys = [_kept(stack, key) for key in order.keys if session is None]
        inherited = [verifications, *certs, *keys]
        command = [program, "decrypt"]
        if certs:
            command.append(f"--verifications-out=@FD:{verifications}")
        command += [f"--verify-with=@FD:{cert}" for cert in certs]
        if session is not None:
            inherited.append(_kept(stack, session))
            command.append(f"--with-session-key=@FD:{inherited[-1]}")
        command += [f"@FD:{key}" for key in keys]
        child = started(command, order.sealed.descriptor(stack), inherited)
        return _watch(child, order), os.pread(verifications, os.fstat(verifications).st_size, 0)


def only_signature(verifications: bytes) -> Signature:
    """Parse a list of verifications, which must have one line: time, signing key, certificate.
    Refusal for any other number of lines; Fault for a line that cannot be read.
    """
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


def _watch(child: subprocess.Popen[bytes], order: Order) -> int:
    """Copy the output of the running program `child` to the content of `order`; return the exit code.
    Kill the program at the limit of time, with a Fault, or of size, with a Refusal.
    """
    deadline, buffer = time.monotonic() + order.limits.seconds, memoryview(bytearray(_PIECE))
    assert child.stdout is not None  # noqa: S101 - asked for on starting
    pipe, poll = child.stdout.fileno(), select.poll()
    with child:
        try:
            limit(child.pid, order.limits)
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIECE)
            poll.register(pipe, select.POLLIN)
            while (left := deadline - time.monotonic()) > 0 and poll.poll(left * 1000):
                if got := os.readv(pipe, [buffer]):
                    order.content.write(buffer[:got])
                    continue
                with suppress(subprocess.TimeoutExpired):
                    return child.wait(max(0.0, deadline - time.monotonic()))
                break
        except BaseException:
            child.kill()
            raise
        child.kill()
        raise Fault("the engine took too long")


def _kept(stack: ExitStack, data: bytes) -> int:
    return stack.enter_context(closing_descriptor(in_memory(data)))


def started(command: Sequence[str], source: int, inherited: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start the program, with the descriptor `source` as standard input. Fault if the start fails."""
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


def limit(pid: int, limits: OpenLimits) -> None:
    """Limit the memory of a running program and forbid its core file; do nothing if the program has ended."""
    try:
        resource.prlimit(pid, resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    except ProcessLookupError:
        return


class SopOpener:
    """Opener that runs the SOP program at path `program`. ConfigurationError for an unusable key."""

    def __init__(
        self, program: str, secret_keys: Sequence[Path | bytes], check: Callable[[str], None] = lambda _: None
    ) -> None:
        """Call `check` with the path of the program before each run; an exception stops the run."""
        self._check = check
        self.name = f"sop:{Path(program).name}"
        self._program = program
        self._secrets = tuple(layers.read_secret_keys(secret_keys))
        self._owners = [layers.identified(data) for data in self._secrets]
        self._key_ids = frozenset().union(*(key_ids for _, key_ids in self._owners))

    def open(self, sealed: Sealed, senders: Certs, limits: OpenLimits, now: datetime) -> Opened:
        """Open a sealed file signed by one of `senders` with the program; all else is as in `Opener.open`."""
        source = SealedSource.at(sealed, limits)
        envelope = look(source, self._key_ids)
        check_alone(source, armored=envelope.armored)
        parsed = parsed_senders(senders)
        with Content(limits.content_bytes) as content:
            order = Order(source, content, limits, senders, self._secrets)
            code, verifications = self._run_somehow(order, envelope)
            inside = layers.kind_inside(envelope, self._keys)
            if code in {0, NO_SIGNATURE} and not verifications and inside == packets.LITERAL:
                raise Refusal("open:not-signed")
            if code or not verifications:
                verified = self._late(code, order, parsed, now)
            else:
                signature = only_signature(verifications)
                ended = check_signature(signature, parsed, limits, now)
                verified = Verified(signature=signature, ended=ended)
            # Refuse nested encryption, which programs open silently.
            if inside in packets.ENCRYPTION:
                raise Refusal("open:not-one-file")
            made = content.finish()
        named = [owner for owner, key_ids in self._owners if key_ids & set(envelope.recipients)]
        return verified.as_opened(made, self.name, named[0] if len(named) == 1 else None)

    @cached_property
    def _keys(self) -> list[layers.SecretKey]:
        """The secret keys PGPy can read, to inspect messages for the reason of a refusal."""
        keys = []
        for data in self._secrets:
            with suppress(ConfigurationError):
                keys.append(layers.secret_key(data))
        return keys

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """Return the session key of a file as CIPHER:HEX; None if no key of the gateway fits."""
        return layers.session_text(look_again(sealed, limits), self._keys)

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """Open again a file accepted earlier, by the contract of `Opener.reopen`; return the descriptor."""
        try:
            source = SealedSource.at(sealed, limits)
            envelope = look(source, self._key_ids if session is None else None)
            with Content(limits.content_bytes) as content:
                order = Order(source, content, limits, (), self._secrets)
                code, _ = self._run_somehow(order, envelope) if session is None else self._run(order, session)
                if code and code != NO_SIGNATURE and source.size <= limits.embedded_sealed_bytes:
                    # Write the content of a stored, sound message not opened by the program.
                    known = None if session is None else SessionKey.read(session)
                    inside = layers.unwrapped(source.read(limits), self._keys, limits, known)
                    if inside.uncommon:
                        content.restart()
                        content.write(judge.literal(inside.message))
                return content.finish_as(sha256)
        except Refusal as refusal:
            raise Fault(f"the stored file does not open any more: {refusal.code}") from refusal

    def _run_somehow(self, order: Order, envelope: Envelope) -> tuple[int, bytes]:
        """Run `decrypt`; if an anonymous recipient makes it fail, again with a session key found here."""
        code, verifications = self._run(order)
        if code and ANYONE in envelope.recipients:
            # Run with a session key found here: sqop stops at the first anonymous foreign recipient.
            session = layers.session_text(envelope, self._keys)
            return self._run(order, session) if session is not None else (CANNOT_DECRYPT, b"")
        return code, verifications

    def _run(self, order: Order, session: bytes | None = None) -> tuple[int, bytes]:
        """Call `check`, then run `decrypt` with the program, and return its results."""
        self._check(self._program)
        return decrypt(self._program, order, session)

    def _late(self, code: int, order: Order, senders: Sequence[Sender], now: datetime) -> Verified:
        """Verify and return a late signature rejected by the program; else raise the fitting Refusal.
        `code`: the program's exit code. Raises Fault if the program or its keys have failed, not the file.
        """
        if code < 0 or code in OUR_DOING:
            raise Fault(f"{self.name} ended with {code}")
        unsigned = code in {0, NO_SIGNATURE}
        sealed, limits = order.sealed, order.limits
        if sealed.size > limits.embedded_sealed_bytes or not self._keys:
            # An invalid signature in a file too large for inspection.
            expired = any(sender.has_expired(now) for sender in senders)
            unseen = "open:key-expired" if expired else "open:wrong-signer"
            raise Refusal(unseen if unsigned else "open:damaged")
        inside = layers.unwrapped(sealed.read(limits), self._keys, limits)
        about = (inside.message, senders, limits, now, inside.opened_by)
        if inside.uncommon:
            verified: Verified | None = verified_message(*about)
        else:
            verified = verified_late(*about) if unsigned else None
        if verified is None:
            why = judge.refusal(*about)
            raise why if unsigned else judge.unread(why)
        order.content.restart()
        order.content.write(verified.content)
        return verified
