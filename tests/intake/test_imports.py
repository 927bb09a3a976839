"""The outside zone knows nothing of the inside: held by a contract on imports."""

import os
import subprocess
import sys
from pathlib import Path

from importlinter.api import read_configuration

ROOT = Path(__file__).parents[2]


def test_the_contract_on_imports_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contract_is_the_one_that_is_meant() -> None:
    contracts = read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    (contract,) = [c for c in contracts if c["name"] == "The outside zone knows nothing of the inside"]
    assert contract["source_modules"] == ["gateway.intake"]
    assert {"gateway.openpgp", "gateway.registry", "gateway.policy", "gateway.receipts"} <= set(
        contract["forbidden_modules"]
    )
    assert "ignore_imports" not in contract


def test_a_running_intake_has_loaded_nothing_of_the_inside() -> None:
    code = (
        "import sys, gateway.intake.server; "
        "print([m for m in sys.modules if m.startswith(('gateway.', 'sqlalchemy', 'pgpy', 'pysequoia'))])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in (
        "openpgp",
        "registry",
        "policy",
        "receipts",
        "processor",
        "sqlalchemy",
        "pgpy",
        "pysequoia",
    ):
        assert name not in loaded
