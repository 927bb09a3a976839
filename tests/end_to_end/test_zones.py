"""Intake runs as a user who owns only spool/ and reads only published/, and can read no secret."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.content import core_data
from tests.ending import ending
from tests.site import Site

OUTSIDER = "nobody"
# The interpreter may lie where only root may read, so the privileges go after the imports, and
# before anything of the home is touched.
AS_OUTSIDER = """
import encodings.idna, os, sys
from pathlib import Path
from gateway.home import Home
from gateway.intake.server import run_intake
import uvloop
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
sys.exit(run_intake(Home(Path(sys.argv[3])), port=0))
"""


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that another user may cross, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="zones-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.root
def test_intake_needs_nothing_but_its_two_folders(open_path: Path) -> None:
    site = Site(open_path)
    oak = site.provider("oak")
    user = pwd.getpwnam(OUTSIDER)
    for path in (site.home / "spool", *(site.home / "spool").rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    for secret in (site.home / "keys" / "log.pem", site.home / "registry.db", site.home / "gateway.toml"):
        readable = as_outsider(["test", "-r", str(secret)]).returncode == 0
        assert readable == (secret.name == "gateway.toml"), secret
    for secret in ("keys", "sealed"):
        assert as_outsider(["ls", str(site.home / secret)]).returncode != 0
    (site.home / "gateway.toml").chmod(0o600)
    (site.home / "policies").chmod(0o700)
    intake = subprocess.Popen(
        [sys.executable, "-c", AS_OUTSIDER, str(user.pw_uid), str(user.pw_gid), str(site.home)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with ending(intake):
        assert intake.stdout is not None
        place = ("127.0.0.1", int(intake.stdout.readline().rpartition(":")[2]))
        oak.put(place, "/in/core.xml.pgp", oak.seal(core_data(), site.certificate))
        assert oak.get(place, "/keys/gateway.asc").decode() == site.certificate
    assert intake.returncode == 0
    site.gateway("process", "--once")
    assert [t["state"] for t in site.transfers()] == ["accepted"]


def as_outsider(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    user = pwd.getpwnam(OUTSIDER)
    return subprocess.run(
        command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], capture_output=True, check=False
    )
