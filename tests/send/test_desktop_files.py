"""The files by which a watch runs as a service, held against what reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from tests.production.guide import REPOSITORY

DESKTOP = REPOSITORY / "desktop"
TASK = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


@pytest.mark.needs("systemd-analyze")
def test_the_unit_is_one_that_a_users_systemd_takes(tmp_path: Path) -> None:
    text = (DESKTOP / "gateway-send-watch.service").read_text()
    unit = tmp_path / "gateway-send-watch.service"
    unit.write_text(text.replace("# LoadCredential", "LoadCredential"))
    told = subprocess.run(
        ["systemd-analyze", "--user", "--recursive-errors=no", "--man=no", "verify", str(unit)],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")


def test_the_unit_finds_the_program_where_pipx_puts_it_and_names_the_default_kit(tmp_path: Path) -> None:
    """As systemd does: its environment alone, %h and %E replaced."""
    text = (DESKTOP / "gateway-send-watch.service").read_text()
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    replaced = {"%h": str(tmp_path), "%E": str(tmp_path / ".config")}
    for mark, value in replaced.items():
        said = {name: text.replace(mark, value) for name, text in said.items()}
    bin_folder = tmp_path / ".local" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "gateway").write_text("#!/bin/sh\necho $@\n")
    (bin_folder / "gateway").chmod(0o755)
    name, _, path = said["Environment"].partition("=")
    told = subprocess.run(
        said["ExecStart"].split(), env={name: path}, capture_output=True, text=True, check=True, timeout=60
    )
    kit = tmp_path / ".config" / "gateway-send"
    assert told.stdout == f"send watch --kit {kit} {tmp_path / 'Gateway'}\n"
    shown = subprocess.run(
        [sys.executable, "-c", "from gateway.cli.send_kit import DEFAULT_KIT; print(DEFAULT_KIT)"],
        env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert shown.stdout == f"{kit}\n"


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
