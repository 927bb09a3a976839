"""A real intake on a free port of the loopback, with providers and keys, for tests."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import paramiko
import uvloop

from gateway.home import Home
from gateway.home.settings import IntakeLimits, IntakeSettings, Listen, Ssh, WebSettings
from gateway.intake.server import serve
from gateway.model import Upload
from gateway.zones.spool import open_content, read_handed_over, waiting

# How an encrypted message begins: a session key packet, version 3, for a recipient.
SEALED = bytes.fromhex("c15e03" + 8 * "00" + "12")


def sealed(size: int) -> bytes:
    """`size` bytes that look like an encrypted message from the outside."""
    return SEALED + os.urandom(size - len(SEALED))


@dataclass
class Running:
    """An intake that serves `home`; `start` and `stop` may be called again and again."""

    home: Home
    limits: IntakeLimits = field(default_factory=lambda: IntakeLimits(free_bytes=0))
    port: int = 0
    host: str = "127.0.0.1"
    ssh: Ssh = field(default_factory=Ssh)
    web: WebSettings = field(default_factory=WebSettings)
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None
    _thread: threading.Thread | None = None
    _error: BaseException | None = None

    def publish(self) -> None:
        published = self.home.published
        (published.common / "keys").mkdir(parents=True, exist_ok=True)
        (published.common / "agreement").mkdir(exist_ok=True)
        (published.common / "keys" / "gateway.asc").write_text("the gateway's certificate\n")
        (published.common / "agreement" / "agreement.txt").write_text("the agreement's text\n")
        settings = IntakeSettings(listen=Listen(port=0), limits=self.limits, ssh=self.ssh, web=self.web)
        published.intake_settings.write_text(settings.model_dump_json())

    def provider(self, name: str) -> Path:
        """Enrol a provider with a fresh SSH key; the secret key's path."""
        folder = self.home.published.provider(name)
        for part in ("receipts", "out"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        secret = self.home.root.parent / f"{name}.key"
        if not secret.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            secret.touch(mode=0o600)
            key.write_private_key(secret)
            (folder / "authorized_keys").write_bytes(key.export_public_key())
        return secret

    def start(self) -> None:
        ready = threading.Event()

        def accepted(_host: str, port: int) -> None:
            self.port = port
            ready.set()

        async def main() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            await serve(
                self.home.spool,
                self.home.published,
                host=self.host,
                port=self.port,
                ready=accepted,
                stop=self._stop,
                web=self.home.web,
            )

        def run() -> None:
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(main())
            except BaseException as error:  # noqa: BLE001
                self._error = error
            finally:
                ready.set()

        self._error = None
        self._thread = threading.Thread(target=run)
        self._thread.start()
        assert ready.wait(60)
        if self._error is not None:
            self._thread.join(60)
            error, self._error = self._error, None
            raise error

    def stop(self) -> None:
        if self._thread is not None and self._loop is not None and self._stop is not None:
            if self._thread.is_alive():
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(60)
            assert not self._thread.is_alive()
            if self._error is not None:
                raise self._error

    # What landed.

    def landed(self) -> list[Upload]:
        return sorted(
            (read_handed_over(self.home.spool, reference)[0] for reference in waiting(self.home.spool)),
            key=lambda upload: upload.landed_at,
        )

    def content(self, upload: Upload) -> bytes:
        descriptor, size = open_content(self.home.spool, upload.reference, upload.size)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(size)

    def only(self) -> Upload:
        """The one upload that landed."""
        (upload,) = self.landed()
        return upload

    def partial(self, provider: str = "avon") -> list[Path]:
        return sorted(self.home.spool.partial(provider).glob("*.data"))

    # Clients.

    @contextmanager
    def paramiko(self, provider: str = "avon") -> Iterator[paramiko.SFTPClient]:
        with self.transport(provider) as transport:
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            yield client

    @contextmanager
    def transport(self, provider: str = "avon") -> Iterator[paramiko.Transport]:
        transport = paramiko.Transport(("127.0.0.1", self.port))
        try:
            key = paramiko.Ed25519Key.from_private_key_file(str(self.provider(provider)))
            transport.connect(username=provider, pkey=key)
            yield transport
        finally:
            transport.close()


def run(
    *command: str | Path, check: bool = True, timeout: float = 60, **kwargs
) -> subprocess.CompletedProcess:
    """Run a client program, its output captured together as text."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=None if "input" in kwargs else subprocess.DEVNULL,
        text=True,
        timeout=timeout,
        check=False,
        **kwargs,
    )
    assert not check or done.returncode == 0, f"{command[0]} exited {done.returncode}: {done.stdout}"
    return done


@contextmanager
def in_own_process(
    home: Home, *, port: int = 0, user: str | None = None
) -> Iterator[tuple[subprocess.Popen, int]]:
    """`run_intake` in a process of its own; yields the process and its port."""
    code = (
        "import sys; from pathlib import Path; from gateway.home import Home;"
        "from gateway.intake.server import run_intake;"
        "sys.exit(run_intake(Home(Path(sys.argv[1])), host='127.0.0.1', port=int(sys.argv[2])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(home.root), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=user,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": ""},
    )
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0], "it never said that it was ready"
        line = process.stdout.readline()
        assert line.startswith("ready intake 127.0.0.1:"), (line, process.communicate(timeout=10))
        yield process, int(line.rpartition(":")[2])
    finally:
        process.terminate()
        process.communicate(timeout=20)
