"""Open an SFTP session with the gateway, after a check of the host key, and upload files.

A file is uploaded as NAME.filepart, and handed over by renaming to NAME once complete. An interrupted upload
resumes.
"""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import paramiko

from gateway.errors import GatewayError
from gateway.send.kit import KitSettings

_SECONDS = 20
_SILENT_SECONDS = 60
_ALIVE_SECONDS = 15
BROKEN = (OSError, EOFError, paramiko.SSHException)
"""The errors of a session that breaks, as when the network fails; a refusal by the gateway is another."""


class CannotReach(GatewayError):  # noqa: N818 - named after the event
    """Raised if the gateway does not answer; a later attempt may succeed."""

    exit_code = 4


class _ComparedKey(paramiko.MissingHostKeyPolicy):  # type: ignore[misc] # paramiko has no types
    """The paramiko policy that accepts only host keys with fingerprints compared by a person."""

    def __init__(self, fingerprints: tuple[str, ...]) -> None:
        self._fingerprints = fingerprints

    def missing_host_key(self, _client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise GatewayError unless a person has compared the fingerprint of the server's host key."""
        if str(key.fingerprint) not in self._fingerprints:
            raise GatewayError(
                f"{hostname} shows the host key {key.fingerprint}, which is not the one that you "
                "compared: do not go on; ring the authority"
            )


@contextmanager
def session(settings: KitSettings, key: paramiko.PKey) -> Iterator[paramiko.SFTPClient]:
    """Yield an SFTP session. CannotReach without an answer, GatewayError if either side refuses a key."""
    with closing(paramiko.SSHClient()) as client:
        client.set_missing_host_key_policy(_ComparedKey(settings.host_keys))
        try:
            client.connect(
                settings.host, settings.port, username=settings.provider, pkey=key,
                allow_agent=False, look_for_keys=False,
                timeout=_SECONDS, banner_timeout=_SECONDS, auth_timeout=_SECONDS,
            )  # fmt: skip
            transport = client.get_transport()
            if transport is not None:
                transport.set_keepalive(_ALIVE_SECONDS)
                _give_up_in_time(transport.sock)
            opened = client.open_sftp()
            channel = opened.get_channel()
            if channel is not None:
                channel.settimeout(_SILENT_SECONDS)
        except paramiko.AuthenticationException:
            raise GatewayError(
                "the gateway does not let this key in: the authority has not confirmed it yet, or the name "
                f"{settings.provider} is not yours"
            ) from None
        except BROKEN as error:
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            if "banner" in words:
                words = "an answer that is not of SSH"
            raise CannotReach(
                f"the gateway at {settings.host}, port {settings.port}, cannot be reached ({words}): look at "
                "your network, where a proxy or firewall has to let SSH out to this port"
            ) from None
        yield opened


def _give_up_in_time(connection: socket.socket) -> None:
    """Make Linux give a connection up once the gateway takes no data for a minute, instead of 15 minutes.

    The timeout of the channel is not enough: while a slow line is full, paramiko waits in the socket until
    the system gives up. Windows does so after some 20 seconds.
    """
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_SECONDS * 1000)


_PIECE = 32 * 1024
_UNFINISHED = ".filepart"


def upload(
    sftp: paramiko.SFTPClient, sealed: Path, final: str, tell: Callable[[int], None],
    time_there: Callable[[float], None] = lambda _: None,
) -> None:  # fmt: skip
    """Upload the file `sealed` to the path `final`, such as /in/NAME, unless it is there already.

    `tell` is called with the bytes uploaded so far. Before the first byte, `time_there` is called with the
    time by the gateway's clock, in seconds since 1970. Raises one of `BROKEN` if the session breaks: the
    part uploaded stays, and the next call resumes.
    """
    unfinished = f"{final}{_UNFINISHED}"
    size = sealed.stat().st_size
    if _size(sftp, final) == size:
        tell(size)
        return
    there = _size(sftp, unfinished)
    if there is not None and there > size:
        sftp.remove(unfinished)
        there = None
    if not there:
        sftp.open(unfinished, "wb").close()
        time_there(sftp.stat(unfinished).st_mtime or 0)
    done = there or 0
    with sealed.open("rb") as source, sftp.open(unfinished, "ab") as target:
        target.set_pipelined(True)
        source.seek(done)
        tell(done)
        while piece := source.read(_PIECE):
            target.write(piece)
            done += len(piece)
            tell(done)
    sftp.rename(unfinished, final)


def _size(sftp: paramiko.SFTPClient, path: str) -> int | None:
    try:
        size: int | None = sftp.stat(path).st_size
    except FileNotFoundError:
        return None
    return size
