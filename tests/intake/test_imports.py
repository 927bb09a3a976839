"""The outside zone knows nothing of the inside: a contract on imports says so, which tests/house holds."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_contract_is_the_one_that_is_meant() -> None:
    from importlinter.api import read_configuration  # noqa: PLC0415 - takes a second to load

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
