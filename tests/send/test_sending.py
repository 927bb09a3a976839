"""A school's first day and its files, with the provider's side and a gateway at work."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from gateway.home import Home
from gateway.samples import make, school
from gateway.send import connection
from tests.content import core_data
from tests.ports import free_port
from tests.send.cable import cable
from tests.send.office import Office, with_another_column
from tests.site import Running, Site
from tests.waiting import until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def services(site: Site) -> Iterator[Running]:
    with site.running() as running:
        yield running


@pytest.fixture(scope="module")
def oak(site: Site, services: Running) -> Office:
    return Office(site, "oak", services.intake, site.root / "oak")


def test_what_is_accepted_has_a_verified_receipt_and_is_not_sent_twice(oak: Office) -> None:
    file = oak.file("core.xml", core_data(seed=1))
    before = len(oak.transfers())
    (sent,) = oak.json(str(file))
    assert (sent["state"], sent["problem"]) == ("accepted", None)
    receipt = Path(sent["receipt"])
    assert oak.site.json("receipts", "verify", str(receipt))[0]["good"]
    assert sent["reference"] in receipt.with_suffix(".txt").read_text()
    result = oak.send(str(file))
    assert result.exit_code == 0, "what was asked for has come about"
    assert f"ACCEPTED, reference {sent['reference']}" in result.stdout
    assert "--again" in result.stdout
    assert len(oak.transfers()) == before + 1
    (again,) = oak.json(str(file), "--again")
    assert again["reference"] != sent["reference"]
    assert not list((oak.kit / "sealed").iterdir())


def test_status_tells_what_is_due_received_and_expiring(oak: Office) -> None:
    """By the gateway's signed page, and by it alone."""
    oak.json(str(oak.file("due.xml", core_data(seed=6))))

    def known() -> dict[str, Any] | None:
        told = oak.json("status")["told"]
        flows = {} if told is None else {flow["data_type"]: flow for flow in told["flows"]}
        return told if flows.get("student-core", {}).get("last") else None

    told = until(known, "the page tells of the file")
    assert {flow["data_type"] for flow in told["flows"] if flow["due"]} >= {"school-census", "phonics"}
    assert {key["kind"] for key in told["keys"]} == {"ssh", "openpgp"}
    lines = oak.done("status")
    assert "due: school-census, on " in lines
    assert "student-core, last came on " in lines or "student-core, on " in lines
    assert oak.json("status", "--offline")["told"] is None
    page, signed = Home(oak.site.home).published.pages("oak") / "status.html", b""

    def exchanged() -> Result | None:
        """Return the answer to an exchanged page; None where the processor made the page anew meanwhile."""
        nonlocal signed
        if b"school-nothing" not in (there := page.read_bytes()):
            signed = there
        forged = signed.replace(b"school-census", b"school-nothing")
        page.write_bytes(forged)
        result = oak.send("status")
        return result if page.read_bytes() == forged else None

    result = until(exchanged, "a page that stays exchanged")
    page.write_bytes(signed)
    assert (result.exit_code, "not signed by the gateway" in result.stderr) == (1, True), result.stderr


def test_status_tells_what_it_knows_where_no_gateway_answers(oak: Office) -> None:
    settings = oak.kit / "kit.toml"
    text = settings.read_text()
    settings.write_text(re.sub(r"^port = \d+$", f"port = {free_port()}", text, flags=re.MULTILINE))
    result = oak.send("status")
    settings.write_text(text)
    assert result.exit_code == 0
    assert "cannot be reached" in result.stderr
    assert "oak: " in result.stdout


def test_what_is_not_as_the_agreement_has_it_stays_here(oak: Office) -> None:
    file = oak.file("shoes.csv", with_another_column(2))
    before = len(oak.transfers())
    result = oak.send(str(file))
    assert result.exit_code == 1
    assert "is headed Shoe size" in result.stderr
    assert "--why" in oak.send(str(file), "--anyway").stderr
    assert len(oak.transfers()) == before
    (sent,) = oak.json(str(file), "--anyway", "--why", "the export cannot be changed this term")
    assert sent["state"] == "accepted"
    assert "policy:unlisted-left-out" in {reason["code"] for reason in sent["reasons"]}


def test_what_waits_exits_3_and_what_is_refused_exits_1(oak: Office) -> None:
    letter = oak.file("letter.txt", b"Dear all, this is a letter and no data at all.\n")
    (held,) = oak.json(str(letter), "--anyway", "--why", "a trial", code=3)
    assert held["state"] == "held"
    assert held["reasons"][0]["next_step"]
    rows = oak.json("receipts")
    assert rows[-1]["reference"] == held["reference"]
    oak.site.gateway("held", "refuse", held["reference"], "--why", "no data")
    refused = until(lambda: [r for r in oak.json("receipts") if r["state"] == "refused"], "the refusal")
    assert refused[-1]["reference"] == held["reference"]


def test_a_break_is_gone_on_with(oak: Office, services: Running) -> None:
    """The cable is cut in the middle of a file; the same run takes it up where it was."""
    rng = random.Random(3)
    file = oak.file(
        "big.xml", make("school-census", "xml-summer", rng=rng, school=school(rng, 1), pupils=400)
    )
    with cable(services.intake) as laid:
        elsewhere(oak, laid.place)
        laid.cut_after = 15_000
        result = oak.process(str(file), "--wait", "60")
        until(lambda: laid.sent > 12_000 or None, "the break")
        laid.cut_after = None
        printed, said = result.communicate(timeout=60)
    elsewhere(oak, services.intake)
    assert result.returncode == 0, (printed, said)
    assert "trying again" in said
    assert "ACCEPTED" in printed


def test_a_line_that_takes_nothing_any_more_is_given_up(
    oak: Office, services: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is full before the gateway's window is, so that no answer is waited for, which would have an end."""
    monkeypatch.setattr(connection, "_SILENT_SECONDS", 2)
    give_up_in_time = connection._give_up_in_time

    def of_a_slow_line(line: socket.socket) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        give_up_in_time(line)

    monkeypatch.setattr(connection, "_give_up_in_time", of_a_slow_line)
    file = oak.file("slow.bin", random.Random(5).randbytes(6_000_000))
    with ThreadPoolExecutor(1) as pool, cable(services.intake) as laid:
        elsewhere(oak, laid.place)
        laid.narrow()
        laid.clog_after = 100_000
        sent = pool.submit(oak.send, str(file), "--anyway", "--why", "a trial", "--wait", "60")
        assert laid.stalled.wait(60)
        laid.clog_after = None
        result = sent.result(90)
    elsewhere(oak, services.intake)
    assert result.exit_code == 3, result.stderr
    assert "trying again" in result.stderr


def test_a_kill_is_gone_on_with_and_nothing_is_sent_twice(oak: Office, services: Running) -> None:
    file = oak.file("scan.bin", random.Random(4).randbytes(400_000))
    before = len(oak.transfers())
    anyway = (str(file), "--anyway", "--why", "a trial")
    with cable(services.intake) as laid:
        elsewhere(oak, laid.place)
        laid.stall_after = 300_000
        killed = oak.process(*anyway)
        assert laid.stalled.wait(60)
        killed.kill()
        killed.communicate(timeout=60)
    with cable(services.intake) as laid:
        elsewhere(oak, laid.place)
        (sent,) = oak.json(*anyway, code=3)
        carried = laid.sent
    elsewhere(oak, services.intake)
    assert carried < 380_000  # Only the rest went over the cable, and the questions for its receipt.
    assert sent["state"] == "held"
    assert len(oak.transfers()) == before + 1


@pytest.mark.needs("faketime")
def test_what_keeps_a_file_here_is_told_by_a_sentence_and_an_exit_code(
    oak: Office, services: Running
) -> None:
    """For whoever is not there: 4 where nobody answers, 6 where the clock is wrong."""
    file = oak.file("unattended.xml", core_data(seed=7))
    before = len(oak.transfers())
    elsewhere(oak, ("127.0.0.1", free_port()))
    result = oak.send(str(file), "--wait", "0.1")
    elsewhere(oak, services.intake)
    assert (result.exit_code, "cannot be reached" in result.stderr) == (4, True), result.stderr
    code, said = oak.by_a_clock("+2h", str(file))
    assert (code, "set it, and send again" in said) == (6, True), said
    assert not list((oak.kit / "sealed").iterdir()), "what was signed at a wrong time is thrown away"
    assert len(oak.transfers()) == before
    (sent,) = oak.json(str(file))
    assert sent["state"] == "accepted"


def test_what_answers_but_is_no_gateway_is_told_in_one_sentence(oak: Office, services: Running) -> None:
    """A proxy of the school, say: its answer is no SSH, and no trace of the program is shown."""
    file = oak.file("proxied.xml", core_data(seed=7))
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = proxy.accept()
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    caller.close()

        threading.Thread(target=answer, daemon=True).start()
        elsewhere(oak, proxy.getsockname())
        _, said = oak.process(str(file), "--wait", "0.1").communicate(timeout=60)
        elsewhere(oak, services.intake)
        proxy.shutdown(socket.SHUT_RDWR)
    assert "(an answer that is not of SSH): look at your network" in said
    assert "paramiko" not in said


def test_a_kit_of_which_a_part_is_missing_or_damaged_says_which_and_what_to_do(oak: Office) -> None:
    file = str(oak.file("core.xml", core_data(seed=7)))
    oak.send(file)
    settings, gone = oak.kit / "kit.toml", oak.kit / "gone"
    text = settings.read_text()
    for kind in ("ssh_key", "openpgp_key"):
        settings.write_text(re.sub(rf'^{kind} = ".*"$', f'{kind} = "{gone}"', text, flags=re.MULTILINE))
        said = oak.send(file).stderr
        settings.write_text(text)
        assert f"your key {gone} is not there: put it back from a copy" in said
    for name in ("at-work.db", "sent.db"):
        kept = (oak.kit / name).read_bytes()
        (oak.kit / name).write_bytes(b"junk" * 1024 + kept[4096:])
        result = oak.send(file)
        (oak.kit / name).write_bytes(kept)
        assert result.stderr.endswith(f"{oak.kit / name} is damaged: move this file away, and try again\n")
    assert f"{oak.root.name}: not sent: is a folder: name the files in it" in oak.send(str(oak.root)).stderr


@pytest.mark.needs("faketime")
def test_a_slow_clock_is_told_and_no_page_or_receipt_is_called_false(oak: Office) -> None:
    page = Home(oak.site.home).published.pages(oak.name) / "status.html"
    until(page.exists, "the page")
    before = len(oak.transfers())
    for command in ("status", str(oak.file("slow.xml", core_data(seed=9)))):
        code, said = oak.by_a_clock("-1h", command)
        assert code == 6, said
        here, there = map(datetime.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", said))
        assert here < there
    assert len(oak.transfers()) == before


@pytest.mark.needs("faketime")
def test_a_fast_clock_is_told_each_time_that_a_key_is_replaced(oak: Office) -> None:
    before = len(oak.transfers())
    for _ in range(2):
        code, said = oak.by_a_clock("+2h", "rotate", "--ssh")
        here, there = map(datetime.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", said))
        assert (code, round((here - there) / timedelta(hours=1))) == (6, 2), said
    assert len(oak.transfers()) == before


@pytest.mark.needs("unshare")
def test_a_full_disk_is_told_by_a_sentence_and_an_exit_code(oak: Office) -> None:
    file = oak.file("disk.bin", random.Random(8).randbytes(400_000))
    mount = f"mount -t tmpfs -o size=64k tmpfs {oak.kit}/sealed"
    kit = f"{sys.executable} -m gateway send {file} --anyway --why 'a trial'"
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", f"{mount} && {kit}"],
        env={**os.environ, **oak.environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, f"the disk of {oak.kit}/sealed is full" in done.stderr) == (5, True), done.stderr
    assert not list((oak.kit / "sealed").iterdir())
    (sent,) = oak.json(str(file), "--anyway", "--why", "a trial", code=3)
    assert sent["state"] == "held"


def held_at_most(command: list[str], environment: dict[str, str]) -> tuple[int, int]:
    """Run a program; the most that it and its children held at once, in bytes, and its exit code."""
    most = 0
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as run:
        while run.poll() is None:
            most = max(most, sum(map(_resident, (run.pid, *_children(run.pid)))))
            time.sleep(0.01)
    return most, run.returncode


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _resident(pid: int) -> int:
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    # What a child shares with the process that forked it counts once.
    held = re.search(r"^Pss:\s+(\d+) kB", told, re.MULTILINE)
    return 0 if held is None else int(held[1]) * 1024


@pytest.mark.timeout(600)
def test_memory_does_not_grow_with_the_file(oak: Office) -> None:
    """Files of 16 MiB and of 64 MiB take as much, and under 200 MB with the child that seals."""
    gateway = [sys.executable, "-m", "gateway", "send"]
    peaks = []
    for size in (16, 64):
        file = oak.file(f"{size}.bin", random.Random(size).randbytes(size * 2**20))
        most, code = held_at_most(
            [*gateway, str(file), "--anyway", "--why", "a trial"], {**os.environ, **oak.environment}
        )
        file.unlink()
        assert code == 3
        peaks.append(most)
    assert max(peaks) < 200 * 10**6, peaks
    assert peaks[1] - peaks[0] < 20 * 10**6, peaks


def test_another_host_key_is_not_talked_to(oak: Office, services: Running) -> None:
    settings = oak.kit / "kit.toml"
    true, before = settings.read_text(), len(oak.transfers())
    settings.write_text(re.sub('"SHA256:[^"]+"', f'"SHA256:{"A" * 43}"', true))
    result = oak.send(str(oak.file("never.xml", core_data(seed=5))))
    settings.write_text(true)
    assert result.exit_code == 1
    assert "which is not the one that you compared" in result.stderr
    assert len(oak.transfers()) == before


def test_a_receipt_that_was_changed_is_not_believed(oak: Office) -> None:
    (sent,) = oak.json(
        str(oak.file("held.txt", b"neither here nor there\n")), "--anyway", "--why", "x", code=3
    )
    receipts = oak.site.receipts("oak")
    (path,) = receipts.glob(f"*{sent['reference']}.json")
    true = path.read_text()
    path.write_text(true.replace('"state":"held"', '"state":"accepted"'))
    result = oak.send("receipts")
    path.write_text(true)
    assert result.exit_code == 1
    assert "not genuine" in result.stderr


def elsewhere(office: Office, place: tuple[str, int]) -> None:
    """Have a kit look for the gateway at another place; the keys that were compared stay."""
    settings = office.kit / "kit.toml"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith("port = ")]
    settings.write_text("\n".join([*lines, f"port = {place[1]}", ""]))
