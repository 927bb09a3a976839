"""S3 servers of the test's own, on loopback: SeaweedFS, and rclone, which overwrites what it should not."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.home.store_settings import StoreSettings
from tests.ports import free_ports
from tests.waiting import until

KEY, SECRET = "gateway", "not-a-secret-of-anybody"  # pragma: allowlist secret
IDENTITY = {
    "name": "gateway",
    "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}
_WEED_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")


class Server:
    """One S3 server in a folder of its own. `url` and `credentials` are what `[store]` asks for."""

    def __init__(self, *arguments: str, port: int, folder: Path) -> None:
        """Start it and wait until it answers."""
        self.folder, self.port = folder, port
        self.credentials = folder / "credentials"
        self.credentials.touch(mode=0o600)
        self.credentials.write_text(f'access_key_id = "{KEY}"\nsecret_access_key = "{SECRET}"\n')
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        until(self._answers, f"an S3 server: {folder / 'log'}", seconds=60)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, folder: str) -> StoreSettings:
        """`[store]` for a folder of its bucket."""
        return StoreSettings(
            url=f"s3://gateway/{folder}",
            endpoint=self.endpoint,
            credentials_file=self.credentials,
            seconds=10,
        )

    def table(self, folder: str) -> str:
        """The same as text of gateway.toml."""
        return (
            f'\n[store]\nurl = "s3://gateway/{folder}"\nendpoint = "{self.endpoint}"\n'
            f'credentials_file = "{self.credentials}"\nseconds = 10\n'
        )

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Meanwhile it answers nobody."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it, and remove all that it holds."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=60)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            with urllib.request.urlopen(self.endpoint, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True  # Nobody may list anything without a signature.
        except OSError:
            return False


def seaweedfs() -> Server:
    """One master, one volume server, one filer and an S3 gateway in one process."""
    folder = Path(tempfile.mkdtemp(prefix="weed-"))
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [IDENTITY]}))
    ports = dict(zip(_WEED_PORTS, free_ports(2 * len(_WEED_PORTS)), strict=False))
    more = dict(zip((f"{name}.grpc" for name in _WEED_PORTS), free_ports(len(_WEED_PORTS)), strict=True))
    return Server(
        program("weed"),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        f"-s3.config={config}",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
        "-master.telemetry=false",
        "-volume.max=64",
        *(f"-{name}={port}" for name, port in (ports | more).items()),
        port=ports["s3.port"],
        folder=folder,
    )


def rclone() -> Server:
    """`rclone serve s3` over a folder: it takes conditions of a PUT for nothing."""
    folder = Path(tempfile.mkdtemp(prefix="rclone-"))
    (folder / "data" / "gateway").mkdir(parents=True)
    (port,) = free_ports(1)
    return Server(
        program("rclone"),
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        f"{KEY},{SECRET}",
        "--config=",
        "--vfs-cache-mode=full",
        f"--cache-dir={folder / 'cache'}",
        str(folder / "data"),
        port=port,
        folder=folder,
    )


def program(name: str) -> str:
    beside = Path(sys.executable).parent / name  # SeaweedFS comes as a Python package.
    return str(beside if beside.exists() else shutil.which(name))
