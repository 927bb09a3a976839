"""The service as a whole: putting a file, getting a receipt, its own key, its algorithms."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from gateway.errors import ConfigurationError
from gateway.intake.disk import sweep_landed
from tests.intake.running import SEALED, Running

CONTENT = SEALED + bytes(range(256)) * 1000


def test_a_file_lands_with_its_record(intake: Running) -> None:
    with intake.paramiko() as client, client.open("/in/pupils.csv.gpg", "wb") as file:
        file.write(CONTENT)
    upload = intake.only()
    assert intake.content(upload) == CONTENT
    assert upload.provider == "avon"
    assert upload.name == "pupils.csv.gpg"
    assert upload.folder == "in"
    assert upload.size == len(CONTENT)
    assert not upload.sha256, "the processor hashes what it stores"
    assert upload.ssh_key.startswith("SHA256:")
    assert upload.client == "SSH-2.0-paramiko_" + __import__("paramiko").__version__
    assert upload.started_at <= upload.landed_at
    assert not upload.withheld
    assert intake.partial() == []


def test_receipts_are_listed_and_fetched(intake: Running) -> None:
    receipts = intake.home.published.provider("avon") / "receipts"
    (receipts / "pupils.csv.250101-avon-00000.txt").write_text("accepted\n")
    with intake.paramiko() as client:
        assert client.listdir("/receipts") == ["pupils.csv.250101-avon-00000.txt"]
        with client.open("/receipts/pupils.csv.250101-avon-00000.txt") as file:
            assert file.read() == b"accepted\n"


def test_a_receipt_that_appears_during_a_session_is_seen(intake: Running) -> None:
    receipts = intake.home.published.provider("avon") / "receipts"
    with intake.paramiko() as client:
        assert client.listdir("/receipts") == []
        (receipts / "r.txt").write_text("accepted\n")
        assert client.listdir("/receipts") == ["r.txt"]


def test_the_host_key_is_made_once(intake: Running) -> None:
    secret = intake.home.spool.host / "ssh_host_ed25519_key"
    before = secret.read_bytes()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    public = asyncssh.read_public_key(secret.with_name(secret.name + ".pub"))
    assert public == asyncssh.read_private_key(secret).convert_to_public()
    intake.stop()
    intake.start()
    assert secret.read_bytes() == before


def test_a_host_key_that_cannot_be_read_stops_the_start_and_is_kept(intake: Running) -> None:
    secret = intake.home.spool.host / "ssh_host_ed25519_key"
    intake.stop()
    secret.write_text("damaged")
    with pytest.raises(ConfigurationError, match="ssh_host_ed25519_key"):
        intake.start()
    assert secret.read_text() == "damaged"


def test_ssh_audit_has_nothing_to_say(intake: Running) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ssh_audit", "--skip-rate-test", "-p", str(intake.port), "127.0.0.1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert "SSH-2.0-gateway" in done.stdout


def test_what_was_set_aside_waits_for_a_person_with_its_content(tmp_path: Path) -> None:
    left = (
        "260101-avon-00000.0a0a0a0a.aside",
        "260101-avon-00000.sealed",
        "260101-avon-11111.0a0a0a0a.aside",
    )
    for name in left:
        (tmp_path / name).touch()
    (tmp_path / "260101-avon-22222.sealed").touch()
    sweep_landed(tmp_path, datetime.now(UTC) + timedelta(days=400), timedelta(hours=24))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(left)


def test_what_a_crash_left_in_the_middle_of_a_hand_over_goes_in_time(intake: Running) -> None:
    with intake.paramiko() as client, client.open("/in/x", "wb") as file:
        file.write(CONTENT)
    upload = intake.only()
    landed = intake.home.spool.landed
    of_before = ("260101-avon-11111.json", "260101-avon-11111.sealed")  # Whole, in two files.
    half = ("260101-avon-00000.part", "260101-avon-00000.sealed", ".260101-avon-00000.json.12345678")
    for name in (*half, *of_before):
        (landed / name).touch()
    sweep_landed(landed, upload.landed_at, timedelta(hours=24))
    assert len(list(landed.iterdir())) == 6
    sweep_landed(landed, upload.landed_at + timedelta(hours=25), timedelta(hours=24))
    left = sorted(path.name for path in landed.iterdir())
    assert left == sorted((*of_before, f"{upload.reference}.landed"))
