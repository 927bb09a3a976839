"""OpenSSH's sftp and scp, as a school's server would run them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.intake.running import Running, run

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "pupils.csv.gpg"
    path.write_bytes(CONTENT)
    return path


def _options(intake: Running) -> list[str]:
    options = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        "IdentityFile": str(intake.provider("avon")),
        "IdentitiesOnly": "yes",
    }
    return ["-F", "none", *(f"-o{name}={value}" for name, value in options.items())]


def sftp(intake: Running, *commands: str, check: bool = True) -> subprocess.CompletedProcess:
    arguments = [*_options(intake), "-P", str(intake.port), "-b", "-", "avon@127.0.0.1"]
    return run("sftp", *arguments, input="\n".join(commands) + "\n", check=check)


@pytest.mark.needs("sftp")
@pytest.mark.parametrize("command", ["put", "put -p"])
@pytest.mark.parametrize("folder", ["/", "/in"])
def test_put(intake: Running, source: Path, command: str, folder: str) -> None:
    done = sftp(intake, f"cd {folder}", f"{command} {source}", "ls -l /in")
    assert intake.content(intake.only()) == CONTENT
    assert intake.only().name == source.name
    assert "rror" not in done.stdout
    assert str(len(CONTENT)) in done.stdout


@pytest.mark.needs("scp")
def test_scp(intake: Running, source: Path) -> None:
    run("scp", *_options(intake), "-P", str(intake.port), source, "avon@127.0.0.1:/in/")
    assert intake.content(intake.only()) == CONTENT


@pytest.mark.needs("sftp")
def test_receipts(intake: Running, tmp_path: Path) -> None:
    receipts = intake.home.published.provider("avon") / "receipts"
    (receipts / "pupils.txt").write_text("accepted\n")
    sftp(intake, f"lcd {tmp_path}", "cd /receipts", "ls", "get pupils.txt fetched.txt")
    assert (tmp_path / "fetched.txt").read_text() == "accepted\n"
