"""What is cut off stays resumable; what is killed is done once; nothing is kept in the clear."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests import warm
from tests.content import core_data
from tests.end_to_end.conftest import Scene
from tests.end_to_end.test_clients import ssh_options
from tests.ending import ending
from tests.looking import in_the_clear
from tests.site import Party, Site
from tests.waiting import until

pytestmark = pytest.mark.long

FEW, MANY = 60, pytest.param(150, marks=pytest.mark.faults)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """With as many workers as there are processors."""
    return Site(tmp_path)


@pytest.mark.needs("sftp")
def test_a_killed_upload_is_not_processed_and_reput_finishes_it(scene: Scene, tmp_path: Path) -> None:
    content = core_data(seed=77, pupils=40)
    sealed = scene.oak.seal(content, scene.site.certificate)
    big = tmp_path / "resumed.xml.pgp"
    big.write_bytes(sealed)
    with scene.oak.sftp(scene.services.intake) as session:
        cut = session.open("/in/resumed.xml.pgp", "wb")
        cut.write(sealed[:3000])
        cut.flush()
        session.get_channel().get_transport().sock.close()
    time.sleep(1)
    assert "resumed.xml.pgp" not in {t["name"] for t in scene.site.transfers()}
    with scene.oak.sftp(scene.services.intake) as session:
        assert session.stat("/in/resumed.xml.pgp").st_size == 3000
    done = subprocess.run(
        ["sftp", *ssh_options(scene), "-b", "-", "oak@127.0.0.1"],
        input=f"reput {big} /in/resumed.xml.pgp\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = until(
        lambda: [t for t in scene.site.transfers() if t["name"] == big.name and t["state"] != "landed"],
        "the resumed file",
    )
    assert [(t["state"], t["size"]) for t in found] == [("accepted", len(sealed))]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [FEW, MANY])
def test_killing_the_processor_loses_nothing_and_doubles_nothing(site: Site, count: int) -> None:
    oak = site.provider("oak")
    files = {f"core {n:03}.xml.pgp": oak.seal(core_data(n, pupils=2), site.certificate) for n in range(count)}
    land(site, oak, files)
    for number in (count // 10, count // 4, count // 3):
        kill_processor_after(site, number, count)
    site.gateway("process", "--once")
    transfers = site.transfers()
    assert len(transfers) == count
    assert {t["name"] for t in transfers} == set(files)
    assert {t["state"] for t in transfers} == {"accepted"}
    length = len("core 000.xml.pgp")
    assert sorted(path.name[:length] for path in site.receipts("oak").glob("core *.txt")) == sorted(files)
    assert not list((site.home / "spool" / "landed").iterdir())
    assert len(list((site.home / "sealed").iterdir())) == count
    assert in_the_clear(site.home) == []


def land(site: Site, party: Party, files: dict[str, bytes]) -> None:
    """Upload through intake alone, so that all of it waits for the processor."""
    intake = warm.Popen(
        [sys.executable, "-m", "gateway", "serve", "intake", "--home", str(site.home), "--port", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with ending(intake):
        assert intake.stdout is not None
        place = ("127.0.0.1", int(intake.stdout.readline().rpartition(":")[2]))
        with party.sftp(place) as session:
            for name, data in files.items():
                with session.open(f"/in/{name}", "wb") as file:
                    file.set_pipelined(True)
                    file.write(data)


def kill_processor_after(site: Site, number: int, count: int) -> None:
    """Let one work until so many of `count` files are accepted, while more are in its hands."""
    processor = warm.Popen(
        [sys.executable, "-m", "gateway", "process", "--home", str(site.home)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with ending(processor), closing(sqlite3.connect(site.home / "registry.db")) as registry:
        assert processor.stdout is not None
        assert processor.stdout.readline() == "ready processor\n"
        until(lambda: accepted(registry) >= number, f"{number} decisions")
        processor.kill()
        processor.wait()
        assert accepted(registry) < count, "it was killed too late to tell"


def accepted(registry: sqlite3.Connection) -> int:
    found: int = registry.execute("SELECT count(*) FROM transfer WHERE state = 'accepted'").fetchone()[0]
    return found
