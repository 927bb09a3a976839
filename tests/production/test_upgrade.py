"""An upgrade whose version changes the registry, with files in hand; and the way back.

The newer version is this one with one more migration, in a folder of its own: the services and commands of
both run from their own code, one after the other, on one home.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.zones.failpoints import VARIABLE
from tests import warm
from tests.content import core_data
from tests.ending import ending
from tests.production.later import change_tables
from tests.site import Party, Site

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
THIS = Path(gateway.__file__).parents[1]


@dataclass(frozen=True)
class Version:
    """A version of the gateway, as it lies in a folder."""

    code: Path
    home: Path

    def result(self, *words: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
        return warm.run(
            [sys.executable, "-m", "gateway", *words],
            env=self._environment(failpoint), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def done(self, *words: str) -> str:
        result = self.result(*words)
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result.stdout

    def refused(self, *words: str) -> str:
        result = self.result(*words)
        assert result.returncode == 1, (words, result.stdout, result.stderr)
        assert "Traceback" not in result.stderr, result.stderr
        return result.stdout + result.stderr

    def json(self, *words: str) -> Any:
        return json.loads(self.done(*words, "--json"))

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.json("transfers", "list")}

    @contextmanager
    def intake(self) -> Iterator[tuple[str, int]]:
        process = warm.Popen(
            [sys.executable, "-m", "gateway", "serve", "intake", "--port", "0"],
            env=self._environment(), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with ending(process):
            assert process.stdout is not None
            yield "127.0.0.1", int(process.stdout.readline().rpartition(":")[2])

    def _environment(self, failpoint: str = "") -> dict[str, str]:
        chosen = {"GATEWAY_HOME": str(self.home), "GATEWAY_LOG": "INFO", "PYTHONPATH": str(self.code)}
        return {**os.environ, **chosen, **({VARIABLE: failpoint} if failpoint else {})}


@dataclass
class Upgrade:
    """A home with files in hand at this version, its backup, and the next version."""

    oak: Party
    certificate: str
    old: Version
    new: Version
    revision: str
    backup: Path

    def put(self, version: Version, name: str, seed: int, pupils: int = 10) -> None:
        with version.intake() as place:
            self.oak.put(place, name, self.oak.seal(core_data(seed, pupils), self.certificate))


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    root = tmp_path_factory.mktemp("upgrade")
    site = Site(root, workers=1)
    code = root / "newer"
    for part in ("gateway", "policies", "systemd", "docs"):
        shutil.copytree(THIS / part, code / part)
    before = change_tables(code)
    old, new = Version(THIS, site.home), Version(code, site.home)
    made = Upgrade(site.provider("oak"), site.certificate, old, new, before, root / "before-upgrade")
    made.put(old, "decided.xml.pgp", 1)
    old.done("process", "--once")
    # In hand: one that has landed in the registry, as it takes long, and one that still lies in the spool.
    made.put(old, "in-registry.xml.pgp", 2, pupils=20_000)
    assert old.result("process", "--once", failpoint="land.committed").returncode == -9
    made.put(old, "in-spool.xml.pgp", 3)
    assert old.states() == {"decided.xml.pgp": "accepted", "in-registry.xml.pgp": "landed"}
    old.done("backup", str(made.backup))
    return made


def test_the_newer_version_takes_over_with_all_that_is_in_hand(upgrade: Upgrade) -> None:
    done = upgrade.new.result("process", "--once")
    assert done.returncode == 0, done.stderr
    assert f"registry-upgraded from={upgrade.revision} to=9999" in done.stdout + done.stderr
    assert upgrade.new.states() == {
        "decided.xml.pgp": "accepted",
        "in-registry.xml.pgp": "accepted",
        "in-spool.xml.pgp": "accepted",
    }
    with closing(sqlite3.connect(upgrade.new.home / "registry.db")) as database:
        kept = dict(database.execute("SELECT name, later FROM transfer"))
    assert kept["decided.xml.pgp"] == kept["in-registry.xml.pgp"] == "kept"
    assert upgrade.new.json("log", "verify")["fits"]
    assert not [c for c in upgrade.new.json("doctor", "--deep") if c["severity"] == "fault"]
    # A second start finds nothing left to do.
    assert "registry-upgraded" not in upgrade.new.result("process", "--once").stderr


def test_the_older_version_refuses_what_the_newer_one_changed(upgrade: Upgrade) -> None:
    for words in (
        ("doctor",),
        ("process", "--once"),
        ("serve", "mailboxes", "--port", "0"),
        ("held", "release", "261124-oak-00000", "--why", "x"),
    ):
        assert "a newer version of the gateway has changed the registry" in upgrade.old.refused(*words), words
    # What is uploaded meanwhile waits.
    upgrade.put(upgrade.old, "meanwhile.xml.pgp", 4)
    assert upgrade.new.json("log", "verify")["fits"]


def test_the_backup_leads_back_to_the_older_version(upgrade: Upgrade) -> None:
    newer = upgrade.old.home.with_name("newer-home")
    upgrade.old.home.rename(newer)
    upgrade.old.done("restore", str(upgrade.backup))
    assert not [c for c in upgrade.old.json("doctor", "--deep") if c["severity"] == "fault"]
    # As the guide says: what still waits in the newer home's spool is brought over.
    for path in (newer / "spool/landed").iterdir():
        shutil.move(path, upgrade.old.home / "spool/landed" / path.name)
    upgrade.old.done("process", "--once")
    assert upgrade.old.states() == {
        "decided.xml.pgp": "accepted",
        "in-registry.xml.pgp": "accepted",
        "meanwhile.xml.pgp": "accepted",
    }
    assert upgrade.old.json("log", "verify")["fits"]
    # What only the newer version has decided is sent again: its sender's receipt names it.
    upgrade.put(upgrade.old, "in-spool.xml.pgp", 3)
    upgrade.old.done("process", "--once")
    assert upgrade.old.states()["in-spool.xml.pgp"] == "accepted"
