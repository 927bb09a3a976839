"""As a user of its own, intake can do its work and nothing else."""

from __future__ import annotations

import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from tests.intake.running import Running, sealed

# The service as the user whose number is given. Rights are dropped after the imports, because the
# interpreter may lie where only root can read it.
SERVICE = """
import encodings.idna, os, sys
from pathlib import Path
from gateway.home import Home
from gateway.intake.server import run_intake

home = Home(Path(sys.argv[1]))
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
for path, flags in (
    (home.keys, os.O_RDONLY),
    (home.keys / "secret.asc", os.O_RDONLY),
    (home.registry, os.O_RDONLY),
    (home.root / "sealed", os.O_RDONLY),
    (home.root / "sealed" / "x.sealed", os.O_RDONLY),
    (home.settings, os.O_RDONLY),
    (home.published.intake_settings, os.O_WRONLY),
    (home.published.provider("avon") / "authorized_keys", os.O_WRONLY),
    (home.published.provider("avon") / "receipts" / "new", os.O_WRONLY | os.O_CREAT),
    (home.root / "new", os.O_WRONLY | os.O_CREAT),
):
    try:
        os.open(path, flags)
        print("OPENED", path, flush=True)
    except PermissionError:
        pass
sys.exit(run_intake(home, host="127.0.0.1", port=0))
"""


@pytest.fixture
def running() -> Iterator[Running]:
    """A home whose inside is root's alone and whose spool belongs to `nobody`."""
    root = Path(tempfile.mkdtemp(prefix="gateway-rights-"))
    root.chmod(0o755)
    home = Home(root / "home")
    running = Running(home)
    running.publish()
    running.provider("avon")
    (home.published.provider("avon") / "receipts" / "r.txt").write_text("accepted\n")
    home.keys.mkdir(mode=0o700)
    (home.root / "sealed").mkdir(mode=0o700)
    for secret in (home.keys / "secret.asc", home.registry, home.root / "sealed" / "x.sealed", home.settings):
        secret.touch(mode=0o600)
    home.spool.root.mkdir(mode=0o750)
    shutil.chown(home.spool.root, "nobody")
    yield running
    shutil.rmtree(root)


@pytest.mark.root
def test_an_unprivileged_user_that_owns_only_the_spool(running: Running) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(running.home.root), str(nobody)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    content = sealed(200_000)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready intake 127.0.0.1:"), line + str(process.communicate(timeout=10))
        running.port = int(line.rpartition(":")[2])
        with running.paramiko() as client:
            with client.open("/in/x", "wb") as file:
                file.write(content)
            with client.open("/receipts/r.txt") as file:
                assert file.read() == b"accepted\n"
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert "error" not in errors.lower(), errors
    assert running.content(running.only()) == content
    assert running.home.spool.upload(running.only().reference).stat().st_uid == nobody
    secret = running.home.spool.host / "ssh_host_ed25519_key"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700


def test_nothing_in_the_spool_is_for_everybody(intake: Running) -> None:
    with intake.paramiko() as client:
        with client.open("/in/x", "wb") as file:
            file.write(sealed(1_000))
        with client.open("/in/y.part", "wb") as file:
            file.write(sealed(1_000))
    for path in intake.home.spool.root.rglob("*"):
        if path.suffix != ".pub":
            assert not path.stat().st_mode & stat.S_IWOTH, path
        if path.suffix in {".landed", ".data"} or path.name == "landed":
            assert not path.stat().st_mode & stat.S_IRWXO, path


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_open_files_are_not_left_open(intake: Running) -> None:
    with intake.paramiko() as client:
        client.listdir("/in")
        before = _open_files()
        for number in range(30):
            with client.open(f"/in/{number}", "wb") as file:
                file.write(sealed(100))
            with client.open("/keys/gateway.asc") as file:
                file.read()
            with pytest.raises(FileNotFoundError):
                client.open("/keys/none")
        assert _open_files() <= before + 1
