"""On a machine with only Python and `cryptography`, an auditor does what docs/evidence.md says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.verify import verify_log, verify_receipts
from tests.sealed import sealed_file
from tests.whole import whole

pytestmark = pytest.mark.long

GUIDE = Path(__file__).parents[2] / "docs" / "evidence.md"
FETCHED = 300  # Seconds; a package is fetched and unpacked.


def shown(part: str) -> str:
    """The commands of the guide that has `part` in it, as they stand there."""
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = (one for one in blocks if part in one)
    return str(block)


def done(machine: Path, commands: str) -> subprocess.CompletedProcess[str]:
    """Commands typed in the auditor's folder, where `python3` is this test's Python."""
    env = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL", "GATEWAY"))
    }
    return subprocess.run(
        ["bash", "-euc", commands], cwd=machine / "folder", capture_output=True, text=True, check=False,
        timeout=FETCHED, env=env | {"PATH": f"{machine / 'bin'}:{os.environ['PATH']}"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def setting_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """An auditor's machine: a school's receipt, its file, the log's key and the two programs; what
    the guide's commands did there.
    """
    root = tmp_path_factory.mktemp("elsewhere")
    folder = root / "folder"
    folder.mkdir()
    for path in (
        verify_receipts.__file__,
        verify_log.__file__,
        log_key(),
        *whole().receipts("elm", "*.json"),
    ):
        shutil.copy(str(path), folder)
    (receipt,) = folder.glob("*.json")
    shutil.copy(sealed_file(whole().home, receipt.name.split(".")[-2]), folder / "census.xml.gpg")
    python3 = root / "bin" / "python3"
    python3.parent.mkdir()
    python3.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python3.chmod(0o755)
    return root, done(root, shown("pip install cryptography"))


@pytest.fixture
def machine(setting_up: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    """The machine, set up."""
    root, outcome = setting_up
    assert outcome.returncode == 0, outcome.stderr
    return root


def python(machine: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and output of that machine's Python."""
    done = subprocess.run(
        [machine / "folder" / "checking" / "bin" / "python", *arguments],
        cwd=machine / "folder", env={}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == "" or "ModuleNotFoundError" in done.stderr, done.stderr
    return done.returncode, done.stdout


def receipts() -> list[str]:
    return [str(path) for provider in ("oak", "elm", "fft") for path in whole().receipts(provider, "*.json")]


def log_key() -> str:
    return str(whole().home.published.common / "keys" / "gateway-log.vkey")


@pytest.mark.timeout(FETCHED)
def test_the_commands_of_the_guide_verify_a_receipt(
    setting_up: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, outcome = setting_up
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count(": genuine\n") == 1
    assert "census.xml.gpg is the file that was received, byte for byte as it was sent" in outcome.stdout


def test_nothing_else_is_there(machine: Path) -> None:
    _, listed = python(machine, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
    names = {one["name"] for one in json.loads(listed)} - {"pip", "setuptools"}
    assert "cryptography" in names
    assert names <= {"cryptography", "cffi", "pycparser", "typing_extensions"}
    for name in ("pydantic", "pysequoia", "sqlmodel", "rfc8785", "gateway.model"):
        assert python(machine, "-c", f"import {name}")[0] == 1, name


def test_every_receipt_is_verified(machine: Path) -> None:
    status, said = python(machine, "verify_receipts.py", *receipts(), "--log-key", log_key())
    assert status == 0
    assert said.count(": genuine\n") == len(receipts()) > 3


def test_with_the_file_that_was_sent(machine: Path, tmp_path: Path) -> None:
    desk = whole()
    (receipt,) = desk.receipts("elm", "*.json")
    sealed = sealed_file(desk.home, receipt.name.split(".")[-2])
    arguments = ("verify_receipts.py", str(receipt), "--log-key", log_key(), "--original")
    status, said = python(machine, *arguments, str(sealed))
    assert (status, "byte for byte as it was sent" in said) == (0, True)
    other = tmp_path / "other"
    other.write_bytes(sealed.read_bytes()[:-1])
    assert python(machine, *arguments, str(other))[0] == 1


def test_a_receipt_that_was_changed_is_not(machine: Path, tmp_path: Path) -> None:
    (receipt,) = whole().receipts("elm", "*.json")
    changed = tmp_path / "changed.json"
    changed.write_text(receipt.read_text().replace('"accepted"', '"refused"', 1))
    status, said = python(machine, "verify_receipts.py", str(changed), "--log-key", log_key())
    assert (status, "NOT PROVED" in said) == (1, True)


def test_a_whole_log_is_verified_by_the_commands_of_the_guide(machine: Path) -> None:
    exported = machine / "folder" / "log-2026"
    whole().gateway("log", "export", str(exported))
    outcome = done(machine, shown("cp verify_receipts.py"))
    assert (outcome.returncode, outcome.stdout.startswith("proved: the ")) == (0, True), outcome.stderr
    leaves = exported / "leaves.jsonl"
    leaves.write_bytes(leaves.read_bytes().replace(b'"oak"', b'"elm"', 1))
    outcome = done(machine, shown("cp verify_receipts.py"))
    assert (outcome.returncode, outcome.stdout.startswith("NOT PROVED: ")) == (1, True)
