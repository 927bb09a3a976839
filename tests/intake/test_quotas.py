"""What one provider may use of the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from gateway.home import Home, Spool
from gateway.intake.disk import Landed
from gateway.zones.spool import take_away
from tests.intake.running import SEALED, Running, sealed
from tests.waiting import eventually


@contextmanager
def limited(tmp_path: Path, **limits: object) -> Iterator[tuple[Running, paramiko.SFTPClient]]:
    running = Running(Home(tmp_path / "home"))
    running.limits = running.limits.model_copy(update=limits)
    running.publish()
    running.provider("avon")
    running.start()
    try:
        with running.paramiko() as client:
            yield running, client
    finally:
        running.stop()


def put(client: paramiko.SFTPClient, path: str, content: bytes = SEALED) -> None:
    with client.open(path, "wb") as file:
        file.write(content)


def test_the_size_of_a_file(tmp_path: Path) -> None:
    with limited(tmp_path, sealed_bytes=100_000) as (running, client):
        put(client, "/in/fits", sealed(100_000))
        with pytest.raises(OSError, match="larger than this gateway takes"):
            put(client, "/in/too-large", sealed(100_001))
        assert [upload.name for upload in running.landed()] == ["fits"]


def test_unfinished_uploads(tmp_path: Path) -> None:
    with limited(tmp_path, unfinished_uploads=3) as (running, client):
        for number in range(3):
            put(client, f"/in/{number}.part")
        with pytest.raises(OSError, match="unfinished"):
            put(client, "/in/4")
        client.rename("/in/1.part", "/in/1")
        put(client, "/in/4")
        assert [upload.name for upload in running.landed()] == ["1", "4"]


def test_uploads_a_day_also_after_a_restart(tmp_path: Path) -> None:
    with limited(tmp_path, uploads_per_day=3) as (running, client):
        put(client, "/in/1")
        put(client, "/in/1")
        running.stop()
        running.start()
        with running.paramiko() as again:
            put(again, "/in/3")
            with pytest.raises(OSError, match="today"):
                put(again, "/in/4")


def test_bytes_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.intake.disk._FRESH_SECONDS", 0.0)
    with limited(tmp_path, bytes_waiting_per_provider=1_000_000) as (running, client):
        put(client, "/in/1", sealed(900_000))
        put(client, "/in/2", sealed(200_000))
        with pytest.raises(OSError, match="waiting"):
            put(client, "/in/3", SEALED)
        for upload in running.landed():
            take_away(running.home.spool, upload.reference)
        put(client, "/in/4", SEALED)


def test_what_a_crash_left_half_handed_over_counts_until_it_is_swept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.landed.mkdir()
    for number, place in enumerate((spool.upload, spool.half, spool.sealed)):
        place(f"261127-avon-0000{number}").write_bytes(bytes(10**number))
    landed = Landed(spool.landed)
    asyncio.run(landed.refresh())
    assert landed.waiting["avon"] == 111


def test_bytes_waiting_while_a_file_grows(tmp_path: Path) -> None:
    with limited(tmp_path, bytes_waiting_per_provider=3_000_000) as (running, client):
        with pytest.raises(OSError, match="waiting"):
            put(client, "/in/1", sealed(8_000_000))
        assert running.landed() == []
        assert running.partial()[0].stat().st_size < 6_000_000


def test_another_provider_is_not_concerned(tmp_path: Path) -> None:
    with limited(tmp_path, uploads_per_day=1) as (running, client):
        put(client, "/in/1")
        running.provider("bath")
        with running.paramiko("bath") as other:
            put(other, "/in/1")
        assert [upload.provider for upload in running.landed()] == ["avon", "bath"]


def test_open_files(tmp_path: Path) -> None:
    with limited(tmp_path, handles_per_session=4) as (_, client):
        held = [client.open(f"/in/{number}", "wb") for number in range(4)]
        with pytest.raises(OSError, match="Too many files are open"):
            client.open("/in/5", "wb")
        with pytest.raises(OSError, match="Too many files are open"):
            client.open("/keys/gateway.asc")
        held[0].close()
        put(client, "/in/5")


def test_open_listings(intake: Running) -> None:
    with intake.paramiko() as client:
        for _ in range(4):
            client._request(11, b"/in")
        with pytest.raises(OSError, match="Too many files are open"):
            client._request(11, b"/in")


def test_sessions(tmp_path: Path) -> None:
    with limited(tmp_path, sessions_per_connection=2) as (running, _), running.transport() as transport:
        first = paramiko.SFTPClient.from_transport(transport)
        paramiko.SFTPClient.from_transport(transport)
        with pytest.raises(paramiko.SSHException):
            paramiko.SFTPClient.from_transport(transport)
        assert first is not None
        first.close()

        def another() -> bool:
            try:
                third = paramiko.SFTPClient.from_transport(transport)
            except paramiko.SSHException:
                return False
            return third is not None and third.listdir("/in") == []

        eventually(another)


def test_free_space(tmp_path: Path) -> None:
    with limited(tmp_path, free_bytes=2**60) as (running, client):
        with pytest.raises(OSError, match="no room"):
            put(client, "/in/1")
        assert running.landed() == []
        assert running.partial() == []
