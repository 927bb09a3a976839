"""A term of an earlier release goes on after an upgrade that was killed at each of its steps."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, get_args

import pysequoia
import pytest

from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.processor.work import home_of_its_own
from gateway.samples import MARKER
from gateway.zones.failpoints import VARIABLE, UpgradeStep
from tests import warm
from tests.commands import invoke
from tests.content import core_data
from tests.ending import serving
from tests.homes.test_upgrade import RELEASES, holds, unpacked, upgrade

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def party(folder: Path, name: str) -> Party:
    """Somebody of that term, with the keys of then."""
    found = object.__new__(Party)
    found.name, found.folder = name, folder / "parties" / name
    found.ssh_key = found.folder / "ssh"
    found.openpgp = pysequoia.Tsk.from_bytes((found.folder / "secret.asc").read_bytes())
    found.ssh_key.chmod(0o600)
    return found


def processed(home: Home, failpoint: str = "") -> int:
    """How the processor ended that did all there was to do."""
    environment = {**os.environ, "GATEWAY_HOME": str(home.root), VARIABLE: failpoint}
    words = [sys.executable, "-m", "gateway", "process", "--once"]
    return warm.run(words, env=environment, check=False).returncode


def said(home: Home, *words: str) -> str:
    result = invoke(home.root, *words, environment={"COLUMNS": "200"})
    assert result.exit_code == 0, (words, result.output)
    return result.stdout


def transfers(home: Home, name: str) -> list[dict[str, Any]]:
    """The transfers of files whose names begin so."""
    listed = json.loads(said(home, "transfers", "list", "--json"))
    return [one for one in listed if one["name"].startswith(name)]


def outcomes(home: Home, name: str) -> set[tuple[str, ...]]:
    return {(one["state"], *(why["code"] for why in one["reasons"])) for one in transfers(home, name)}


@pytest.mark.parametrize("release", RELEASES)
def test_a_term_goes_on(release: str, tmp_path: Path) -> None:
    home, backup = unpacked(release, tmp_path), str(tmp_path / "backup")
    ash, jane = party(tmp_path, "ash"), party(tmp_path, "jane")
    certificate = (tmp_path / "gateway.asc").read_text()
    with serving(home.root, "intake") as intake:
        with home_of_its_own(home):  # Its processor is at work.
            upgrade(home, "--apply", "--backup", backup)
            agreed = upgrade(home, "--apply", "--yes", "--backup", backup, by="ben")
        assert "restart gateway-processor" in agreed.stdout
        ash.put(intake, "meanwhile.xml.pgp", ash.seal(core_data(77), certificate))
        for step in get_args(UpgradeStep):
            assert processed(home, step) == -signal.SIGKILL, step
        assert processed(home) == 0
    holds(home)
    said(home, "log", "verify", "--checkpoint", str(tmp_path / "head"))
    found = json.loads(invoke(home.root, "doctor", "--deep", "--json").stdout)
    faults = [one["what"] for one in found if one["severity"] == "fault"]
    assert all("nobody collects for" in what for what in faults), faults  # Only two people collected then.

    # What had landed before and what came meanwhile is decided; what waited was read by the rules of today.
    assert outcomes(home, "in-spool") == outcomes(home, "meanwhile") == {("accepted", "policy:allowed")}
    assert outcomes(home, "notes") == {("held", "policy:sensitive", "classify:unknown")}
    assert outcomes(home, "hours") == {("held", "classify:unknown")}
    assert len(transfers(home, "core")) == 9

    # Held files go on: by what they waited for, and by a person.
    said(home, "agreement", "ratify", "elm", "--signatory", "The Head")
    assert {state for state, *_ in outcomes(home, "core")} == {"accepted"}
    refused, returned, _ = (one["reference"] for one in transfers(home, "hours"))
    said(home, "held", "refuse", refused, "--why", "it names nobody")
    said(home, "held", "return", returned, "--advice", "Send it as a table of pupils")
    assert {state for state, *_ in outcomes(home, "hours")} == {"held", "refused"}

    # Receipts of the term verify by what verifies receipts today, each with the certificate of its day.
    (older,) = (home.published.common / "keys").glob("gateway-????????????????.asc")
    for receipt in sorted((tmp_path / "receipts").iterdir()):
        if receipt.suffix in {".txt", ".json"} and not receipt.name.startswith("key-notice"):
            key = tmp_path / "gateway.asc" if ".2611" in receipt.name else older
            verified = invoke(None, "receipts", "verify", str(receipt), "--gateway-key", str(key))
            assert verified.exit_code == 0, (receipt.name, verified.output)

    # Mailboxes open, for files of before and of now.
    with serving(home.root, "mailboxes") as mailboxes, jane.sftp(mailboxes) as session:
        assert session.listdir("/held")
        names = [one for one in session.listdir("/central-data-team") if not one.endswith(".about.txt")]
        for name in (names[0], names[-1]):
            with session.open(f"/central-data-team/{name}") as view:
                assert MARKER.encode() in view.read(), name
