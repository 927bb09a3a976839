"""Hostile contents and names, all the way: a clear outcome each, nothing lost, every output neutral."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from gateway.home import shown_name
from tests import warm
from tests.content import core_data
from tests.ending import ending
from tests.negatives import negatives
from tests.site import Party, Site

pytestmark = pytest.mark.long

SECONDS = 600  # Within these the processor is done with all of them, or hangs.

# Name as the client sends it, and whether intake takes it.
NAMES = [
    ("=cmd|'-C calc'!A0.xml.pgp", True),
    ("@SUM(1+1)*cmd.xml.pgp", True),
    ("+1-1.xml.pgp", True),
    ("-rf.xml.pgp", True),
    ("core\u202egpg.lmx.pgp", True),
    ("core\u2066\u2069\u200f\u200b.xml.pgp", True),
    ("<script>alert(1)<script>.xml.pgp", True),
    ("'; DROP TABLE transfer; --.xml.pgp", True),
    ("$(reboot) `id` %n%s {0} ${jndi:x}.xml.pgp", True),
    ("[bold red]x [link=file:x]y[blink].xml.pgp", True),
    ("a\\..\\..\\b.xml.pgp", True),
    ("NUL.xml.pgp", True),
    ("e\u0301" * 60 + ".pgp", True),
    ("\U0001f4a9.xml.pgp", True),
    ("core\r\nINFO forged.xml.pgp", False),
    ("core\x1b[31m.xml.pgp", False),
    ("core\x9b31m.xml.pgp", False),
    ("core\u2028.xml.pgp", False),
    ("core\x00.xml.pgp", False),
    ("x" * 300, False),
]


@dataclass
class Aftermath:
    site: Site
    landed: dict[str, str]
    declined: list[str]
    transfers: list[dict]
    log: str


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    site = Site(tmp_path_factory.mktemp("hostile"))
    oak = site.provider("oak")
    landed, declined = land(site, oak)
    done = warm.run(
        [sys.executable, "-m", "gateway", "process", "--once", "--home", str(site.home)],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return Aftermath(site, landed, declined, site.transfers(), done.stdout + done.stderr)


def land(site: Site, oak: Party) -> tuple[dict[str, str], list[str]]:
    """Upload every negative and every name; what landed (name to what it is), and which names did not."""
    intake = warm.Popen(
        [sys.executable, "-m", "gateway", "serve", "intake", "--home", str(site.home), "--port", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    landed: dict[str, str] = {}
    declined: list[str] = []
    with ending(intake):
        place = ("127.0.0.1", int(intake.stdout.readline().rpartition(":")[2]))
        with oak.sftp(place) as session:
            for number, negative in enumerate(negatives()):
                name = f"{number:03} {negative.name}.pgp"
                put(session, name, oak.seal(negative.content, site.certificate))
                landed[shown_name(name)] = negative.what
            for number, (name, taken) in enumerate(NAMES):
                sealed = oak.seal(core_data(1_000 + number, pupils=2), site.certificate)
                try:
                    put(session, name, sealed)
                except OSError:
                    declined.append(name)
                    assert not taken, name
                else:
                    assert taken, name
                    landed[shown_name(name)] = "good"
    return landed, declined


def put(session: paramiko.SFTPClient, name: str, data: bytes) -> None:
    with session.open(f"/in/{name}".encode(), "wb") as file:
        file.set_pipelined(True)
        file.write(data)


def test_nothing_is_lost(aftermath: Aftermath) -> None:
    assert {t["name"] for t in aftermath.transfers} == set(aftermath.landed)
    assert len(aftermath.transfers) == len(aftermath.landed) > 80
    assert not list((aftermath.site.home / "spool/landed").iterdir())
    assert sorted(aftermath.declined) == sorted(name for name, taken in NAMES if not taken)


def test_each_has_a_clear_outcome(aftermath: Aftermath) -> None:
    states = Counter(t["state"] for t in aftermath.transfers)
    assert states["landed"] == 0
    for transfer in aftermath.transfers:
        what = aftermath.landed[transfer["name"]]
        codes = [reason["code"] for reason in transfer["reasons"]]
        assert codes, what
        if what == "good":
            assert transfer["state"] == "accepted", (transfer["name"], codes)
        else:
            assert transfer["state"] in {"held", "refused"}, (what, codes)
            assert any(code.startswith(("classify:", "policy:", "open:empty")) for code in codes), (
                what,
                codes,
            )
            assert transfer["teams"] == [], what
        for reason in transfer["reasons"]:
            assert all(reason[part] for part in ("sentence", "next_step", "clause")), (what, reason)


def test_the_log_is_neutral_and_names_nothing(aftermath: Aftermath) -> None:
    for line in aftermath.log.splitlines():
        assert line.isprintable(), line
    for word in ("cmd|", "jndi", "DROP", "forged", "script", "letter to parents", "Surname"):
        assert word not in aftermath.log


def test_listings_are_neutral_on_a_terminal(aftermath: Aftermath) -> None:
    shown = aftermath.site.gateway("transfers", "list")
    shown += aftermath.site.gateway("held", "list")
    hostile = [t["reference"] for t in aftermath.transfers if aftermath.landed[t["name"]] == "good"]
    for reference in hostile[:6]:
        shown += aftermath.site.gateway("transfers", "show", reference)
    for line in shown.splitlines():
        assert line.isprintable(), line


def test_receipts_are_neutral_and_one_each(aftermath: Aftermath) -> None:
    folder = aftermath.site.receipts("oak")
    for transfer in aftermath.transfers:
        found = [p for p in folder.iterdir() if f".{transfer['reference']}." in p.name]
        decided = [p for p in found if p.suffix == ".txt"]
        assert len(decided) == 1, transfer["reference"]
    for path in folder.iterdir():
        assert path.name.isprintable()
        assert path.name[0] not in ".-"
        if path.suffix == ".txt":
            for line in path.read_text("utf-8").splitlines():
                assert all(c.isprintable() or c == "\t" for c in line), (path.name, line)
        elif path.suffix == ".json":
            assert json.loads(path.read_text("utf-8"))


def test_nothing_of_it_lies_in_the_clear(aftermath: Aftermath) -> None:
    marks = [b"A letter to parents", b"See it.\r\n", b"GWSAMPLE"]
    for path in aftermath.site.home.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(mark in data for mark in marks), path


def test_the_registry_and_the_log_fit(aftermath: Aftermath) -> None:
    assert aftermath.site.json("log", "verify", "--sealed")["fits"]


def test_the_next_good_file_goes_through(aftermath: Aftermath, tmp_path: Path) -> None:
    oak = Party("elm", tmp_path)
    site = aftermath.site
    site.gateway(
        "providers", "add", "elm", "--name", "Elm", "--kind", "school",
        "--ssh-key", str(oak.ssh_public), "--openpgp-key", str(oak.certificate),
    )  # fmt: skip
    site.confirm("elm")
    site.gateway("agreement", "ratify", "elm", "--signatory", "The Head")
    with site.running() as services:
        oak.put(services.intake, "good.xml.pgp", oak.seal(core_data(7), site.certificate))
        found = site.await_decided(len(aftermath.landed) + 1)
    assert [t["state"] for t in found if t["provider"] == "elm"] == ["accepted"]
