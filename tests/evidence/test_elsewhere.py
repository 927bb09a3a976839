"""On a machine with only Python and `cryptography`, the one file verify.py checks a receipt."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from gateway.receipts import verify, verify_log
from tests.evidence.whole import whole

# What `pip install cryptography` installs.
PACKAGES = ("cryptography", "cffi", "pycparser", "_cffi_backend*")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with nothing but cryptography in it, and verify.py beside it."""
    root = tmp_path_factory.mktemp("elsewhere")
    venv.create(root / "venv", with_pip=False)
    (site,) = (root / "venv" / "lib").glob("python*/site-packages")
    for pattern in PACKAGES:
        for path in Path(sysconfig.get_path("platlib")).glob(pattern):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, site / path.name)
    shutil.copy(verify.__file__, root / "verify.py")
    package = root / "gateway" / "receipts"
    package.mkdir(parents=True)
    for module in (verify, verify_log):
        shutil.copy(str(module.__file__), package)
    return root


def python(machine: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and output of that machine's Python."""
    done = subprocess.run(
        [machine / "venv" / "bin" / "python", *arguments],
        cwd=machine, env={}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == "" or "ModuleNotFoundError" in done.stderr, done.stderr
    return done.returncode, done.stdout


def receipts() -> list[str]:
    return [str(path) for provider in ("oak", "elm", "fft") for path in whole().receipts(provider, "*.json")]


def log_key() -> str:
    return str(whole().home.published.common / "keys" / "gateway-log.vkey")


def test_nothing_else_is_there(machine: Path) -> None:
    for name in ("pydantic", "pysequoia", "sqlmodel", "rfc8785", "gateway.model", "pip"):
        assert python(machine, "-c", f"import {name}")[0] == 1, name


@pytest.mark.parametrize("form", [["verify.py"], ["-m", "gateway.receipts.verify"]])
def test_a_receipt_is_verified(machine: Path, form: list[str]) -> None:
    status, said = python(machine, *form, *receipts(), "--log-key", log_key())
    assert status == 0
    assert said.count(": genuine\n") == len(receipts()) > 3


def test_with_the_file_that_was_sent(machine: Path, tmp_path: Path) -> None:
    desk = whole()
    (receipt,) = desk.receipts("elm", "*.json")
    sealed = desk.home.sealed(receipt.name.split(".")[-2])
    arguments = ("verify.py", str(receipt), "--log-key", log_key(), "--original")
    status, said = python(machine, *arguments, str(sealed))
    assert (status, "byte for byte as it was sent" in said) == (0, True)
    other = tmp_path / "other"
    other.write_bytes(sealed.read_bytes()[:-1])
    assert python(machine, *arguments, str(other))[0] == 1


def test_a_receipt_that_was_changed_is_not(machine: Path, tmp_path: Path) -> None:
    (receipt,) = whole().receipts("elm", "*.json")
    changed = tmp_path / "changed.json"
    changed.write_text(receipt.read_text().replace('"accepted"', '"refused"', 1))
    status, said = python(machine, "verify.py", str(changed), "--log-key", log_key())
    assert (status, "NOT PROVED" in said) == (1, True)


def test_a_whole_log_is_verified(machine: Path, tmp_path: Path) -> None:
    whole().gateway("log", "export", str(tmp_path / "log"))
    command = ("-m", "gateway.receipts.verify_log", str(tmp_path / "log"), *receipts())
    status, said = python(machine, *command)
    assert (status, said.startswith("proved: the ")) == (0, True)
    leaves = tmp_path / "log" / "leaves.jsonl"
    leaves.write_bytes(leaves.read_bytes().replace(b'"oak"', b'"elm"', 1))
    status, said = python(machine, *command)
    assert (status, said.startswith("NOT PROVED: ")) == (1, True)
