"""What is installed in production is pinned, with hashes, and listed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
LOCK = (REPOSITORY / "requirements.lock").read_text()


def pinned() -> dict[str, str]:
    """Version by name of every package in the lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, re.MULTILINE))


def wanted() -> list[Requirement]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return [Requirement(line) for line in project["dependencies"]]


def test_every_package_is_pinned_with_hashes() -> None:
    for entry in re.split(r"\n(?=\S)", LOCK.strip()):
        assert re.match(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ;.*?)? \\\n", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]


def test_the_lock_is_what_the_project_asks_for() -> None:
    for requirement in wanted():
        name = canonicalize_name(requirement.name)
        assert name in pinned(), f"make lock: {name} is missing"
        assert requirement.specifier.contains(pinned()[name]), f"make lock: {name} is too old"


def test_the_lock_names_no_place_to_download_from() -> None:
    assert "://" not in LOCK
    assert "--index-url" not in LOCK
    assert "--find-links" not in LOCK


def test_the_bill_of_materials_lists_every_package() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible",
         "--pyproject", str(REPOSITORY / "pyproject.toml"), str(REPOSITORY / "requirements.lock")],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    bill = json.loads(made.stdout)
    assert bill["bomFormat"] == "CycloneDX"
    assert {part["name"]: part["version"] for part in bill["components"]} == pinned()
    assert bill["metadata"]["component"]["name"] == "gateway"
