"""The wheel of the provider's side alone, as `make kit` builds it: in a clean environment, it sends."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from kit_wheel import AUTHORITYS, COMMANDS, build, kept

from tests.content import core_data
from tests.production.test_two_sides import linked
from tests.send.office import PASSPHRASE, Office
from tests.site import Site

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_nothing_of_the_authoritys_side(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [Path(name) for name in archive.namelist()]
        told = archive.read(next(str(name) for name in names if name.name == "METADATA")).decode()
    rooms = {name.parts[1].removesuffix(".py") for name in names if name.parts[0] == "gateway"}
    assert rooms & AUTHORITYS == set()
    assert {"send", "classify", "verify"} <= rooms
    assert "Provides-Extra" not in told
    assert not any("asyncssh" in line for line in told.splitlines() if line.startswith("Requires-Dist"))


def test_what_a_command_of_the_wheel_loads_is_in_it() -> None:
    loaded: set[str] = set()
    waiting = list(COMMANDS)
    while waiting:
        name = waiting.pop()
        if name not in loaded:
            loaded.add(name)
            body = ast.parse(Path(str(find_spec(name).origin)).read_text("utf-8")).body
            imported = (str(node.module) for node in body if isinstance(node, ast.ImportFrom))
            waiting += [module for module in imported if module.startswith("gateway")]
    assert loaded - kept() == set()


def test_the_wheel_alone_sends_from_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(clean)], check=True, timeout=100)
    python = clean / "bin" / "python"
    subprocess.run(
        [*uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel)],
        check=True, timeout=100,
    )  # fmt: skip
    (site_packages,) = clean.glob("lib/python*/site-packages")
    (site_packages / "declared.pth").write_text(f"{linked(tmp_path / 'declared')}\n")
    site = Site(tmp_path / "site")
    site.gateway("providers", "add", "oak", "--name", "Oak School", "--kind", "school")
    oak = Office.__new__(Office)
    oak.site, oak.name, oak.root, oak.kit = site, "oak", tmp_path, tmp_path / "kit"
    oak.passphrase = oak.file("passphrase", PASSPHRASE.encode())

    def gateway(*arguments: str) -> str:
        done = subprocess.run(
            [clean / "bin" / "gateway", "send", *arguments], capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **oak.environment}, timeout=200,
            stdin=subprocess.DEVNULL, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    with site.running() as services:
        said = gateway(*oak.invited(services.intake), "--owner", "Oak <office@oak.invalid>")
        site.gateway("keys", "add", "oak", str(tmp_path / "oak.keys"))
        site.gateway("keys", "confirm", "oak", *said.splitlines()[-2].split())
        gateway("ratify", "--yes", "--name", "A. Head", "--office", "headteacher")
        shown = gateway(str(oak.file("census.xml", core_data(seed=3))))
    classified = subprocess.run(
        [clean / "bin" / "gateway", "classify", tmp_path / "census.xml"],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=100,
    )  # fmt: skip
    assert "school:" in classified.stdout, classified.stderr
    assert "ACCEPTED" in shown
    assert "receipt, verified" in shown
