"""What is installed in production is pinned, with hashes, and listed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway.home.settings import SECURITY
from tests.production.guide import commands

REPOSITORY = Path(__file__).parents[2]
LOCKS = {
    name: (REPOSITORY / name).read_text()
    for name in (
        "requirements.lock",
        "requirements-build.lock",
        "requirements-postgresql.lock",
        "requirements-cluster.lock",
        "requirements-openid.lock",
    )
}
LOCK = LOCKS["requirements.lock"]


# Runs the command as often as its standard input says with what arguments.
AS_ITS_COMMAND = """
import json, sys
from cyclonedx_py._internal.cli import run
for arguments in json.load(sys.stdin):
    sys.argv[1:] = arguments
    assert run() == 0, arguments
"""
WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def pinned(lock: str = LOCK) -> dict[str, str]:
    """Version by name of every package in a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))


WANTED = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-build.lock": PROJECT["build-system"]["requires"],
    "requirements-postgresql.lock": PROJECT["project"]["optional-dependencies"]["postgresql"],
    "requirements-cluster.lock": PROJECT["project"]["optional-dependencies"]["cluster"],
    "requirements-openid.lock": PROJECT["project"]["optional-dependencies"]["openid"],
}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_hashes(name: str) -> None:
    for entry in re.split(r"\n(?=\S)", LOCKS[name].strip()):
        assert re.match(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ;.*?)? \\\n", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_is_what_the_project_asks_for(lock: str) -> None:
    for requirement in map(Requirement, WANTED[lock]):
        name = canonicalize_name(requirement.name)
        assert name in pinned(LOCKS[lock]), f"make lock: {name} is missing"
        assert requirement.specifier.contains(pinned(LOCKS[lock])[name]), f"make lock: {name} is too old"


def test_no_lock_pins_another_version_than_the_first() -> None:
    for lock in LOCKS.values():
        other = {name for name, version in pinned(lock).items() if pinned().get(name, version) != version}
        assert other == set()


@pytest.mark.parametrize("lock", LOCKS.values())
def test_the_lock_names_no_place_to_download_from(lock: str) -> None:
    assert "://" not in lock
    assert "--index-url" not in lock
    assert "--find-links" not in lock


def test_the_guide_installs_nothing_without_its_hash_and_builds_with_nothing_else() -> None:
    """All that pip installs comes by hash or from this folder; what has to be built, with what is pinned."""
    installs = [one.text for one in commands("operations.md") if "pip install" in one.text]
    assert len(installs) == 7
    for line in installs:
        assert "--only-binary :all:" in line or "--no-build-isolation" in line, line
        here = line.endswith("install --no-index --no-deps --no-build-isolation .")
        assert here or "--require-hashes" in line, line


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bill of materials of every lock, each as `make sbom` makes it, and as it checks it.

    All by one process: to load the rules of the format takes longer than to check by them.
    """
    folder = tmp_path_factory.mktemp("bills")
    asked = ("requirements", "--output-reproducible", "--pyproject", str(REPOSITORY / "pyproject.toml"))
    runs = [[*asked, "--output-file", str(folder / lock), str(REPOSITORY / lock)] for lock in LOCKS]
    made = subprocess.run(
        [sys.executable, "-c", AS_ITS_COMMAND], input=json.dumps(runs), capture_output=True, text=True,
        check=False, timeout=110,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.long
@pytest.mark.parametrize("lock", LOCKS)
def test_the_bill_of_materials_lists_every_package(lock: str, bills: Path) -> None:
    bill = json.loads((bills / lock).read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert {part["name"]: part["version"] for part in bill["components"]} == pinned(LOCKS[lock])
    assert bill["metadata"]["component"]["name"] == "gateway"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_only_what_is_pinned_and_may_only_read(path: Path) -> None:
    """Actions by commit, images by digest; a job may write findings of code scanning, and nothing else."""
    text = path.read_text("utf-8")
    told = yaml.safe_load(text)
    assert told["permissions"] == {"contents": "read"}
    for name in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name), name
    for name in re.findall(r"image: (\S+)|container: (\S+)", text):
        image = "".join(name)
        assert image == "${{" or re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image), image
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    for job in told["jobs"].values():
        assert job.get("permissions", {}).items() <= {"contents": "read", "security-events": "write"}.items()
        assert job["timeout-minutes"]


def test_the_image_is_built_on_one_that_is_pinned() -> None:
    text = (REPOSITORY / "packaging/oci/Containerfile").read_text("utf-8")
    assert re.findall(r"^FROM (.+)$", text, re.MULTILINE) == ["${BASE}"]
    assert re.search(r"^ARG BASE=\S+:\S+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)


def test_whoever_finds_a_flaw_is_told_whom_to_tell_and_what_happens_then() -> None:
    reporting = (
        (REPOSITORY / "SECURITY.md").read_text("utf-8").partition("## Reporting")[2].partition("\n## ")[0]
    )
    for told in (
        SECURITY,
        "private report",
        "within three working days",
        "Never send pupil data",
        "gets fixes",
    ):
        assert told in reporting, told
