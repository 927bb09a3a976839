"""Each command of docs/hand-on.md does what the guide says, run by a shell, with the guide's own example."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.courier import pushing
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.hand_on.nights import DECLARED, GUIDE, place
from tests.hand_on.system import System
from tests.workshop import Desk

pytestmark = pytest.mark.long

BLOCKS = re.findall(r"^```(sh|toml)\n(.+?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.needs("gpg", "ssh-keygen")
def test_each_command_of_the_guide_does_what_it_says(desk: Desk, tmp_path: Path, gnupg: Path) -> None:
    keygen, approval, attempt, checking, acknowledging, mending = (
        text for kind, text in BLOCKS if kind == "sh"
    )
    settings = [text for kind, text in BLOCKS if kind == "toml"][1]
    known = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GATEWAY_HOME": str(desk.home.root), "GNUPGHOME": str(gnupg),
    }  # fmt: skip

    def run(script: str, place: Path = tmp_path) -> str:
        done = subprocess.run(
            ["bash", "-ec", script], env=known, cwd=place, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    known["REFERENCE"] = desk.send(oak, core_data(pupils=3))
    desk.process()
    run(keygen)
    system = System(tmp_path, tmp_path / "hand-on-key")
    inside = system.folder / "in"
    inside.mkdir()
    with desk.home.settings.open("a") as file:
        file.write("\n" + settings.replace("/etc/gateway/hand-on-key", str(system.user_key)))
    declared = re.sub(r'host_key = ".+"', f'host_key = "{system.pinned}"', DECLARED)
    declared = declared.replace("casework.example.gov.uk", "127.0.0.1").replace("22\n", f"{system.port}\n")
    (desk.home.policies / "hand_ons.toml").write_text(declared)
    run(approval)
    assert "LegalSurname" in run(attempt)
    assert not place(desk).exists()
    desk.pass_time(days=1)
    desk.process()
    with system.up():
        pushing.push(place(desk).parent)
        desk.process()
        (inside / "gateway.asc").write_text(run("gateway keys gateway export"))
        assert "Good signature" in run(checking, inside)
        told = json.loads((inside / "casework-000001.json").read_text())
        assert {one["name"] for one in told["files"]} <= {path.name for path in inside.iterdir()}
        run(acknowledging)
        assert "sent again" in run(mending)
        desk.process()
        shutil.rmtree(inside)
        inside.mkdir()
        assert pushing.push(place(desk).parent) == 1
    assert (inside / "casework-000001.json").exists()
