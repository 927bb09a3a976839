"""Each command of docs/api.md does what the guide says, run by a shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gateway
from tests.console.pages import console_of
from tests.console.through_the_api import console_api_of
from tests.mailboxes.mailroom import Mailroom

pytestmark = pytest.mark.long

GUIDE = Path(gateway.__file__).parents[1] / "docs/api.md"


def test_each_command_of_the_guide_does_what_it_says(tmp_path: Path) -> None:
    room = Mailroom(tmp_path / "room")
    older, newest = room.deliver(b"one", "early-years"), room.deliver(b"two", "early-years")
    add, looking, asking, paging, collecting, acknowledging = re.findall(
        r"^```sh\n(.+?)^```", GUIDE.read_text().partition("## Be told of events")[0], re.MULTILINE | re.DOTALL
    )
    listing, revoking = looking.splitlines()
    known = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GATEWAY_HOME": str(room.home.root), "REFERENCE": older, "NEXT": "",
    }  # fmt: skip

    def run(script: str, who: str = "jane") -> str:
        done = subprocess.run(
            ["bash", "-ec", script], env=known | {"GATEWAY_ADMIN": who}, cwd=tmp_path, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    with console_api_of(room) as console, console_of(console) as origin:
        known["GATEWAY"] = origin
        assert "waits for a second person" in run(add)
        known["CREDENTIAL"] = run(add, "mary").strip()
        assert "case-files" in run(listing)
        page = json.loads(run(asking))
        assert [one["reference"] for one in page["rows"]] == [newest, older]
        known["NEXT"] = str(page["rows"][0]["sequence"])
        assert [one["reference"] for one in json.loads(run(paging))["rows"]] == [older]
        run(collecting)
        assert (tmp_path / "file").read_bytes() == b"one"
        assert "marked as dealt with" in run(acknowledging)
        run(revoking)
        assert json.loads(run(asking))["status"] == 401
