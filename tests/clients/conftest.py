"""A running intake, a source file and an OpenSSH configuration for the clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from tests.intake.running import SEALED, Running

CONTENT = SEALED + bytes(range(256)) * 4000


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Running]:
    """An intake with one provider, `avon`, and its public key beside the secret one."""
    running = Running(Home(tmp_path / "home"))
    running.publish()
    secret = running.provider("avon")
    public = running.home.published.provider("avon") / "authorized_keys"
    secret.with_suffix(".key.pub").write_bytes(public.read_bytes())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A sealed file as a school would send it: about a megabyte."""
    path = tmp_path / "pupils.csv.gpg"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def ssh_config(intake: Running, tmp_path: Path) -> Path:
    """An ssh_config with the host `gateway`."""
    path = tmp_path / "ssh_config"
    path.write_text(
        "Host gateway\n HostName 127.0.0.1\n User avon\n IdentitiesOnly yes\n LogLevel ERROR\n"
        " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n"
        f" Port {intake.port}\n IdentityFile {intake.provider('avon')}\n"
    )
    return path
