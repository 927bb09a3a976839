"""Run a Stateless OpenPGP program (draft-dkg-openpgp-stateless-cli) under limits.

Keys, certificates and verifications are passed as descriptors of anonymous memory; nothing touches a disk,
and arguments hold only numbers. Output counts only after a successful end of the program, and the exit code
alone tells nothing about the signer.
"""

import fcntl
import os
import resource
import select
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from gateway.errors import Fault, Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Signature
from gateway.openpgp.memory import Content, in_memory
from gateway.openpgp.source import SealedSource

CANNOT_DECRYPT = 29
NO_SIGNATURE = 3
# Exit codes of the specification for a wrong call by the gateway.
OUR_DOING = frozenset({2, 19, 23, 31, 37, 43, 47, 53, 59, 61, 69, 71, 73, 79, 83, 89, 97, 103, 107})
_PIECE = 1024 * 1024
_VERIFICATION_FIELDS = 3
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The input of a program: the file, certificates to verify with, and the place for plaintext.

    With `session`, the key of the message, the secret `keys` are not needed.
    """

    sealed: SealedSource
    content: Content
    limits: OpenLimits
    certificates: Sequence[bytes] = ()
    keys: Sequence[bytes] = ()
    session: bytes | None = None


def decrypt(program: str, order: Order) -> tuple[int, bytes]:
    """Return the program's exit code and list of verifications; the plaintext goes to the content."""
    order.content.restart()
    with ExitStack() as stack:
        verifications = _kept(stack, in_memory(b""))
        certs = [_kept(stack, in_memory(certificate)) for certificate in order.certificates]
        keys = [_kept(stack, in_memory(key)) for key in order.keys if order.session is None]
        inherited = [verifications, *certs, *keys]
        command = [program, "decrypt"]
        if certs:
            command.append(f"--verifications-out=@FD:{verifications}")
        command += [f"--verify-with=@FD:{cert}" for cert in certs]
        if order.session is not None:
            inherited.append(_kept(stack, in_memory(order.session)))
            command.append(f"--with-session-key=@FD:{inherited[-1]}")
        command += [f"@FD:{key}" for key in keys]
        child = started(command, order.sealed.descriptor(stack), inherited)
        return _watch(child, order), os.pread(verifications, os.fstat(verifications).st_size, 0)


def only_signature(verifications: bytes) -> Signature:
    """Return the one line of a verifications file: time, signing key, certificate; ignore the rest."""
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
    """Return the exit code of the child after its end; kill the child at a limit."""
    deadline = time.monotonic() + order.limits.seconds
    with child:
        try:
            limit(child.pid, order.limits)
            _drain(child, order.content, deadline)
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


def started(command: Sequence[str], source: int, inherited: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start the program, reading from a descriptor. Fault if it cannot be started."""
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
    """Set limits on the running child: a hook before exec would cost a slow fork."""
    try:
        resource.prlimit(pid, resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    except ProcessLookupError:
        return


def _drain(child: subprocess.Popen[bytes], content: Content, deadline: float) -> None:
    """Copy the child's output to `content`, until its end or the deadline."""
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
