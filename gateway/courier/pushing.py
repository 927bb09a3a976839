"""Push batches of files to the SFTP servers of other systems of the authority, and note acknowledgements.

On the server, a file gets its final name only when completely uploaded, and the manifest of a batch comes
last. After the service was killed, the same files are pushed again, under the same names.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import paramiko

from gateway.courier.service import check_lease, credential, serve_each, troubles
from gateway.errors import ConfigurationError
from gateway.home.settings import read_toml
from gateway.home.settings_file import File
from gateway.zones.memory import closing_descriptor
from gateway.zones.places import SERVER_SETTINGS, is_leased
from gateway.zones.spool import write_durably

_SECONDS = 30
_LOOK_SECONDS = 60.0
_KINDS = {
    paramiko.BadHostKeyException: "host-key", paramiko.AuthenticationException: "login",
    PermissionError: "refused", FileNotFoundError: "refused", ConfigurationError: "settings",
}  # fmt: skip


class SystemServer(File):
    """The file server.toml, written by a service inside: the SFTP server of one system of the authority."""

    host: str
    port: int
    user: str
    folder: str
    host_key: str
    key_file: Path | None = None


class _OtherKey(paramiko.MissingHostKeyPolicy):  # type: ignore[misc] # paramiko has no types
    """A paramiko policy that refuses every host key except the expected one."""

    def missing_host_key(self, _client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise paramiko.BadHostKeyException(hostname, key, key)


def run(root: Path, stop: threading.Event, *, pause_seconds: float = 5.0) -> None:
    """Push batches to the servers of all systems until `stop` is set; each system has a thread of its own."""
    said = "the server of {} takes nothing now"
    serve_each(root, SERVER_SETTINGS, _pushing, said=said, stop=stop, pause_seconds=pause_seconds)


def _pushing(folder: Path) -> Callable[[], None]:
    """Return a function that pushes one system's batches and, once a minute, looks for acknowledgements."""
    looked_at = float("-inf")

    def push_and_look() -> None:
        nonlocal looked_at
        now = time.monotonic()
        look = now - looked_at >= _LOOK_SECONDS
        push(folder, look=look)
        looked_at = now if look else looked_at

    return push_and_look


def push(folder: Path, *, look: bool = True) -> int:
    """Push the unsent batches of a system, and return their number; none without a lease (`check_lease`).
    `look`: True to note also which batches sent earlier are acknowledged. Any failure is noted in the folder
    as a word, and then raised; batches not yet pushed wait for the next attempt.
    """
    found = sorted(path for path in folder.glob(f"{folder.name}-*") if path.is_dir())
    unsent = [path for path in found if not _is_sent(path)]
    if not is_leased(folder / SERVER_SETTINGS) or not (unsent or (look and found)):
        return 0
    pushed = 0
    with (
        troubles(folder, lambda error: _KINDS.get(type(error), "unreachable")),
        _session(read_toml(folder / SERVER_SETTINGS, SystemServer)) as (sftp, there),
    ):
        for batch in found:
            acknowledged = f"{there}/{batch.name}.ack"
            if batch in unsent:
                with suppress(FileNotFoundError):  # Of an earlier sending.
                    sftp.remove(acknowledged)
                _push_batch(sftp, batch, there)
                pushed += 1
            elif _is_there(sftp, acknowledged):
                write_durably(_note(batch, "ack"), b"")
    return pushed


def _note(batch: Path, end: str) -> Path:
    return batch.parent / "done" / f"{batch.name}.{end}"


def _made_at(manifest: Path) -> bytes:
    """Return the time at which a batch was made, as its manifest states it."""
    return str(json.loads(manifest.read_bytes())["made_at"]).encode()


def _is_sent(batch: Path) -> bool:
    """Return True if a note says that a batch was sent in its present form. An empty note, of a batch that
    another host has sent, counts for any form.
    """
    try:
        noted = _note(batch, "sent").read_bytes()
    except FileNotFoundError:
        return False
    try:
        return noted in {b"", _made_at(batch / f"{batch.name}.json")}
    except FileNotFoundError:  # Its files are removed once it is on record as sent.
        return True


def _push_batch(sftp: paramiko.SFTPClient, batch: Path, there: str) -> None:
    """Put the files of a batch into the server's folder `there`, and note that the batch is sent.
    The manifest comes last, right after its signature. The note has the manifest's `made_at`.
    FileNotFoundError if the batch is removed or made anew meanwhile; LapsedError where the lease lapses.
    """
    last = [f"{batch.name}.json.asc", f"{batch.name}.json"]
    with closing_descriptor(os.open(batch, os.O_DIRECTORY)) as folder:
        made_at = _made_at(Path(f"/proc/self/fd/{folder}") / last[1])
        for name in [*sorted({path.name for path in batch.iterdir()}.difference(last)), *last]:
            check_lease(batch.with_name(SERVER_SETTINGS))
            aside = f"{there}/{name}.part"
            with open(name, "rb", opener=partial(os.open, dir_fd=folder)) as file:
                sftp.putfo(file, aside)
            check_lease(batch.with_name(SERVER_SETTINGS))
            try:
                sftp.posix_rename(aside, f"{there}/{name}")
            except OSError:  # Not every server can replace a file in one step.
                with suppress(OSError):
                    sftp.remove(f"{there}/{name}")
                sftp.rename(aside, f"{there}/{name}")
        write_durably(_note(batch, "sent"), made_at)
        if not os.path.samestat(os.fstat(folder), batch.stat()):
            raise FileNotFoundError(batch)


def _is_there(sftp: paramiko.SFTPClient, path: str) -> bool:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _session(server: SystemServer) -> Iterator[tuple[paramiko.SFTPClient, str]]:
    """Yield an SFTP session with `server`, and the path of the server's folder for batches.
    BadHostKeyException if the server shows another host key than the expected one.
    """
    kind, _, data = server.host_key.partition(" ")
    name = server.host if server.port == paramiko.config.SSH_PORT else f"[{server.host}]:{server.port}"
    with paramiko.SSHClient() as client:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {kind} {data}")
        if entry is None:
            raise ConfigurationError("the host key in the policies cannot be read")
        client.get_host_keys().add(name, kind, entry.key)
        client.set_missing_host_key_policy(_OtherKey())
        key = credential(server.key_file, "hand-on-key", "[hand_on] names no key_file")
        client.connect(
            server.host, server.port, username=server.user, pkey=paramiko.PKey.from_path(key),
            allow_agent=False, look_for_keys=False,
            timeout=_SECONDS, banner_timeout=_SECONDS, auth_timeout=_SECONDS,
        )  # fmt: skip
        with client.open_sftp() as sftp:
            if (channel := sftp.get_channel()) is not None:
                channel.settimeout(_SECONDS)
            yield sftp, server.folder.rstrip("/")
