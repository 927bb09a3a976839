"""The package without the extra `server` is a provider's side, and needs nothing that it does not declare."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gateway.cli.app import NOUNS, PROVIDERS
from gateway.model.invitation import ProviderInvitation
from gateway.openpgp.certificates import describe
from gateway.openpgp.sealer import certificate_of, clearsign, generate_gateway_key
from tests.content import core_data
from tests.production.test_supply import PROJECT, REPOSITORY

BASE = PROJECT["project"]["dependencies"]
NOT_ON_WINDOWS = {"fcntl", "grp", "pwd", "resource", "syslog", "termios", "tty", "pty", "uvloop", "curses"}
RUN = """
import json, os, sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + [os.environ["ONLY"]]
try:
    from gateway.cli import main
    main()
finally:
    with open(os.environ["LOADED"], "a") as file:
        json.dump(sorted(sys.modules), file)
        file.write("\\n")
"""


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("school"))


class School:
    """A computer on which only what the base declares is installed, as links to what is installed here."""

    def __init__(self, root: Path) -> None:
        self.root, self.only, self.loaded = root, root / "only", root / "loaded"
        linked(self.only)
        for name in ("gateway", "policies"):
            (self.only / name).symlink_to(REPOSITORY / name)

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-I", "-c", RUN, *arguments], capture_output=True, text=True, check=False,
            cwd=self.root, stdin=subprocess.DEVNULL,
            env={**os.environ, "ONLY": str(self.only), "LOADED": str(self.loaded), "COLUMNS": "200",
                 "GATEWAY_KIT": str(self.root / "kit"),
                 "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
        )  # fmt: skip
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done

    def modules(self) -> set[str]:
        return {name for line in self.loaded.read_text().splitlines() for name in json.loads(line)}


def linked(folder: Path) -> Path:
    """Make a folder of links to what the base declares, as it is installed here."""
    folder.mkdir()
    for installed in _closure(BASE):
        for place in {Path(str(file)).parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
            if not (folder / place).exists():
                (folder / place).symlink_to(str(installed.locate_file(place)))
    return folder


def _closure(wanted: list[str]) -> Iterator[Distribution]:
    """Every distribution that these requirements bring on this machine, none twice."""
    waiting, seen = [Requirement(one) for one in wanted], set()
    while waiting:
        one = waiting.pop()
        extras = sorted(one.extras) or [""]
        if (one.name, *extras) in seen or (one.marker is not None and not _holds(one, extras)):
            continue
        seen.add((one.name, *extras))
        found = distribution(one.name)
        for text in found.requires or ():
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                inner.marker = None
                waiting.append(inner)
        yield found


def _holds(one: Requirement, extras: list[str]) -> bool:
    return one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)


@pytest.mark.long
def test_a_provider_needs_nothing_that_is_not_declared(school: School) -> None:
    (school.root / "core.xml").write_bytes(core_data())
    (school.root / "passphrase").write_text("correct horse battery staple\n")
    assert "The provider's side" in " ".join(school.run("--help").stdout.split())
    assert json.loads(school.run("classify", "--json", "core.xml").stdout)[0]["data_type"] == "student-core"
    secret = ("--passphrase-file", "passphrase")
    words = _invitation(school.root / "oak.invitation")
    told = school.run(
        "send", "setup", "oak.invitation", "--words", words, "--owner", "Oak <office@oak.invalid>", *secret
    )
    assert "read these six words out" in told.stdout
    assert "nothing was sent yet" in school.run("send", "status", "--offline").stdout
    assert "could not" not in school.run("send", "core.xml", *secret, "--wait", "0", code=4).stderr
    receipt = school.root / "receipt.json"
    receipt.write_text("{}")
    key = ("--gateway-key", "kit/certificate.asc")
    assert "receipt.json" in school.run("receipts", "verify", "receipt.json", *key, code=1).stdout
    school.run("samples", "samples", "--pupils", "1")


def _invitation(path: Path) -> str:
    """An invitation to a gateway that nobody runs, and its words."""
    secret = generate_gateway_key("Somerset", datetime.now(UTC))
    certificate = certificate_of(secret)
    invitation = ProviderInvitation(
        provider="oak", name="Oak", organisation="Somerset", host="127.0.0.1", port=9,
        host_keys=("SHA256:" + "A" * 43,), certificate=certificate.decode(),
        gateway_key=describe(certificate, datetime.now(UTC)).fingerprint,
    )  # fmt: skip
    path.write_text(clearsign(secret, invitation.text()))
    return " ".join(invitation.words())


def test_what_is_the_authoritys_says_what_to_install(school: School) -> None:
    for words in (("init", "--home", "home"), ("serve", "--help"), ("receipts", "show", "261124-oak-7K2MX")):
        told = school.run(*words, code=1)
        assert told.stdout == ""
        assert told.stderr.count("\n") == 1
        assert "pip install 'FILE[server]'" in told.stderr, told.stderr


@pytest.mark.long
def test_no_module_of_a_providers_needs_another_system_than_theirs(school: School) -> None:
    """Runs after the others: of all that they loaded, nothing of ours imports what Windows has not."""
    loaded = school.modules()
    assert loaded & {"alembic", "asyncssh", "sqlmodel", "starlette"} == set()
    ours = {name for name in loaded if name.partition(".")[0] == "gateway"}
    assert {"gateway.send.ceremonies", "gateway.verify.verify_files", "gateway.samples"} <= ours
    found = {(name, other) for name in ours for other in _at_the_top(name) if other in NOT_ON_WINDOWS}
    assert found == set()


def _at_the_top(module: str) -> Iterator[str]:
    file = REPOSITORY.joinpath(*module.split("."))
    file = file.with_suffix(".py") if file.with_suffix(".py").is_file() else file / "__init__.py"
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_every_noun_is_of_one_side() -> None:
    assert set(NOUNS) >= PROVIDERS


SYSTEMS = (
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
)
PURE = {"pgpy", "standard-imghdr"}
"""Published as source alone, or without a wheel of the newest: pure Python, built for every system alike."""


@pytest.mark.install
@pytest.mark.parametrize("version", ["3.11", "3.14"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_index_has_a_wheel_of_everything_for_every_system(system: str, version: str) -> None:
    """Resolved for that system, not fetched. In make install-check: it depends on what others publish."""
    built = [word for name in sorted(PURE) for word in ("--no-binary", name)]
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--only-binary", ":all:", *built,
         "--python-platform", system, "--python-version", version, str(REPOSITORY / "pyproject.toml")],
        check=True, timeout=100, stdout=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.install
@pytest.mark.timeout(600)
def test_what_has_no_wheel_builds_one_for_every_system(tmp_path: Path) -> None:
    wanted = [one.split(";")[0] for one in BASE if Requirement(one).name in PURE]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), *wanted],
        check=True, timeout=500,
    )  # fmt: skip
    assert {one.name.split("-", 2)[2] for one in tmp_path.iterdir()} == {"py3-none-any.whl"}
