"""The files by which a watch runs as a service, held against what reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lxml import etree

from tests.production.guide import REPOSITORY

DESKTOP = REPOSITORY / "desktop"
TASK = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


@pytest.mark.needs("systemd-analyze")
def test_the_unit_is_one_that_a_users_systemd_takes(tmp_path: Path) -> None:
    text = (DESKTOP / "gateway-send-watch.service").read_text()
    start = "ExecStart=gateway send watch "
    assert start in text
    # Where nothing is installed there is no program of that name.
    unit = tmp_path / "gateway-send-watch.service"
    unit.write_text(text.replace(start, "ExecStart=/bin/echo ").replace("# LoadCredential", "LoadCredential"))
    told = subprocess.run(
        ["systemd-analyze", "--user", "--recursive-errors=no", "--man=no", "verify", str(unit)],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")


def test_the_task_runs_as_the_user_without_a_password_and_is_never_ended() -> None:
    """By the schema of the Task Scheduler, version 1.2; only a Windows can say that it takes it."""
    task = etree.parse(DESKTOP / "gateway-send-watch.xml").getroot()
    assert task.tag == f"{{{TASK['t']}}}Task"
    found = {
        one.tag.partition("}")[2]: (one.text or "").strip() for one in task.iter() if isinstance(one.tag, str)
    }
    assert found["LogonType"] == "InteractiveToken"
    assert found["RunLevel"] == "LeastPrivilege"
    assert found["ExecutionTimeLimit"] == "PT0S"
    assert found["MultipleInstancesPolicy"] == "IgnoreNew"
    assert "send watch" in found["Arguments"]
    assert not {"Password", "UserId"} & found.keys()
