"""What has a watch run while nobody is logged on, held against what reads it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from lxml import etree

from tests.commands import invoke
from tests.content import core_data
from tests.site import Site
from tests.waiting import until

TASK = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
FOLDER = 'Pupils "out" 100% $HOME'


def made(tmp_path: Path, manager: str) -> str:
    (tmp_path / FOLDER).mkdir(exist_ok=True)
    (tmp_path / "passphrase").write_text("x\n")
    given = ("--passphrase-file", str(tmp_path / "passphrase"), "--kit", str(tmp_path / "kit"))
    done = invoke(None, "send", "unattended", str(tmp_path / FOLDER), "--by", manager, *given)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("manager", ["user", "system"])
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path, manager: str) -> None:
    unit = tmp_path / "gateway-send-watch.service"
    unit.write_text(made(tmp_path, manager))
    told = subprocess.run(
        ["systemd-analyze", f"--{manager}", "--recursive-errors=no", "--man=no", "verify", str(unit)],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")


def test_the_unit_finds_program_kit_and_folder_wherever_it_is_started(tmp_path: Path) -> None:
    """Its command line as systemd divides it, without an environment: only its kit is missing."""
    unit = made(tmp_path, "user")
    (line,) = [one for one in unit.splitlines() if one.startswith("ExecStart=")]
    words = [word.replace('\\"', '"').replace("%%", "%").replace("$$", "$")
             for word in line.removeprefix('ExecStart="').removesuffix('"').split('" "')]  # fmt: skip
    assert words[0] == sys.executable
    assert words[-1] == str(tmp_path / FOLDER)
    assert all(Path(word).is_absolute() for word in words if "/" in word)
    told = subprocess.run(words, env={}, cwd="/", capture_output=True, text=True, check=False, timeout=100)
    assert (told.returncode, f"nothing is set up in {tmp_path / 'kit'}" in told.stderr) == (1, True), told


def test_the_task_runs_without_log_on_and_keeps_no_password(tmp_path: Path) -> None:
    """By the schema of the Task Scheduler, version 1.2; only a Windows can say that it takes it."""
    task = etree.fromstring(made(tmp_path, "windows").encode())
    assert task.tag == f"{{{TASK['t']}}}Task"
    found = {
        one.tag.partition("}")[2]: (one.text or "").strip() for one in task.iter() if isinstance(one.tag, str)
    }
    assert (found["LogonType"], found["RunLevel"]) == ("S4U", "LeastPrivilege")
    assert task.find(".//t:BootTrigger", TASK) is not None
    assert found["ExecutionTimeLimit"] == "PT0S"
    assert found["MultipleInstancesPolicy"] == "IgnoreNew"
    assert found["Command"] == sys.executable
    assert "send watch --kit" in found["Arguments"]
    assert "Password" not in found


def test_a_watch_that_nobody_starts_needs_its_passphrase_in_a_file(tmp_path: Path) -> None:
    done = invoke(None, "send", "unattended", str(tmp_path), "--by", "user")
    assert (done.exit_code, "--passphrase-file" in done.stderr) == (1, True)


@pytest.mark.long
@pytest.mark.needs("gpg", "lftp", "ssh", "ssh-keygen")
def test_gpg_and_lftp_send_without_a_terminal_as_the_guide_has_it(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "schools.md").read_text("utf-8")
    block = re.search(r"gpg without a terminal.*?```sh\n(.*?)```", guide, re.DOTALL)
    assert block is not None
    site = Site(tmp_path)
    with site.running() as services, TemporaryDirectory(prefix="g", ignore_cleanup_errors=True) as home:
        office = tmp_path / "office"
        office.mkdir()
        (office / "FILE").write_text("correct horse battery staple\n")
        (office / "census.xml").write_bytes(core_data(seed=81))
        (office / "gateway.asc").write_text(site.certificate)

        def run(command: str) -> None:
            done = subprocess.run(
                ["bash", "-eu", "-c", command],
                env={"PATH": os.environ["PATH"], "HOME": str(office), "GNUPGHOME": home, "LC_ALL": "C.UTF-8"},
                cwd=office, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                start_new_session=True, timeout=100,
            )  # fmt: skip
            assert done.returncode == 0, (command, done.stdout, done.stderr)

        run("ssh-keygen -q -t ed25519 -N '' -f oak")
        run("gpg --batch --pinentry-mode loopback --passphrase-file FILE --quick-generate-key oak@x.invalid")
        run("gpg --armor --export oak@x.invalid > oak.asc && gpg --import gateway.asc")
        site.gateway(
            "providers", "add", "oak", "--name", "Oak", "--kind", "school",
            "--ssh-key", str(office / "oak.pub"), "--openpgp-key", str(office / "oak.asc"),
        )  # fmt: skip
        site.confirm("oak")
        site.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
        host, port = services.intake
        known = f"ssh -a -x -i oak -oUserKnownHostsFile={office}/known -oStrictHostKeyChecking=accept-new"
        here = block[1].replace("ssh -a -x -i oak", known).replace("-p 2222", f"-p {port}")
        run(here.replace("gateway.example.gov.uk", host))
        (sent,) = until(lambda: [one for one in site.transfers() if one["state"] != "landed"], "the decision")
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    assert sent["state"] == "accepted"
