"""A provider that sends as much as it can fills no disk: neither outside, nor inside, nor for ninety days."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import paramiko
import pytest

from gateway.home import Home
from gateway.processor.claim import claim_waiting
from gateway.processor.retention import run_hourly
from gateway.registry import retention
from gateway.store.of_home import SealedFolder
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.intake.running import Running, sealed
from tests.workshop import Desk

FOR_ANOTHER = b"\xc1\x5e\x03" + bytes(8)  # The head of a message that is sealed to a key that is not ours.


def test_a_day_has_a_limit_in_bytes_also_after_a_restart(tmp_path: Path) -> None:
    running = Running(Home(tmp_path / "home"))
    running.limits = running.limits.model_copy(update={"bytes_per_day": 3_000_000})
    running.publish()
    running.provider("avon")
    running.provider("bath")
    running.start()
    try:
        with running.paramiko() as client:
            for name in ("1", "2"):
                send(client, f"/in/{name}")
        for path in running.home.spool.landed.iterdir():  # The processor takes them away at once.
            path.unlink()
        running.stop()
        running.start()
        with running.paramiko() as client:
            with pytest.raises(OSError, match="Too much has been sent today"):
                send(client, "/in/3")
            with running.paramiko("bath") as other:
                send(other, "/in/1")
    finally:
        running.stop()
    assert [upload.provider for upload in running.landed()] == ["bath"]


def test_what_nobody_can_open_is_gone_after_a_day(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    rubbish = [desk.land(oak, FOR_ANOTHER + secrets.token_bytes(2_000), f"r {n}.pgp") for n in range(3)]
    whole = oak.seal(core_data(1), desk.certificate)
    cut = desk.land(oak, whole[: len(whole) // 2], "cut.pgp")
    unsigned = desk.land(oak, desk_sealed_unsigned(desk), "unsigned.pgp")
    good = desk.send(oak, core_data(2), "good.pgp")
    on_hold = desk.land(oak, FOR_ANOTHER + secrets.token_bytes(2_000), "on hold.pgp")
    desk.process()
    desk.gateway("legal-holds", "place", on_hold, "--why", "asked for by the police")
    assert {desk.state(one) for one in (*rubbish, cut, unsigned, on_hold)} == {"refused"}
    brief, long = {*rubbish, cut}, {unsigned, good, on_hold}
    desk.pass_time(hours=23)
    swept(desk)
    assert {path.stem for path in (desk.home.root / "sealed").iterdir()} == brief | long
    desk.pass_time(hours=2)
    swept(desk)
    assert {path.stem for path in (desk.home.root / "sealed").iterdir()} == long
    (said,) = [json.loads(event.leaf)["fields"] for event in desk.events(cut) if event.kind == "deleted"]
    assert said["rule"] == "sealed-unopened"
    with desk.registry.read() as session:
        certificate = retention.certificate(session, None)
    assert all(reference in certificate for reference in brief)
    assert desk.receipts("oak", f"*.{cut}.txt"), "its receipt stays"
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def test_room_is_kept_for_the_registry(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 128 MiB and a little left on the disk, as the kernel would tell: nothing more is taken inside."""
    oak = desk.provider("oak", years=THIS_YEAR)
    reference = desk.send(oak, core_data(3), "late.pgp")
    free = [128 * 1024**2 + 10]
    monkeypatch.setattr(SealedFolder, "free", lambda _: free[0])
    with desk.registrar() as registrar:
        with pytest.raises(Exception, match="kept for the registry"):
            claim_waiting(registrar)
        assert desk.state(reference) == ""
        assert list((desk.home.root / "sealed").iterdir()) == []
        free[0] = 1024**3
        claim_waiting(registrar)
    assert desk.state(reference) == "landed"


def send(client: paramiko.SFTPClient, path: str) -> None:
    with client.open(path, "wb") as file:
        file.write(sealed(1_200_000))


def swept(desk: Desk) -> None:
    with desk.registrar() as registrar:
        run_hourly(registrar)


def desk_sealed_unsigned(desk: Desk) -> bytes:
    """What opens, so that a person may want to look at it."""
    import pysequoia  # noqa: PLC0415

    recipient = pysequoia.Cert.from_bytes(desk.certificate.encode())
    return bytes(pysequoia.encrypt(bytes=core_data(5), recipients=[recipient], armor=False))
