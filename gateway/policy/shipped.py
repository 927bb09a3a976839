"""Locate the policies shipped with this version."""

import sysconfig
from pathlib import Path

from gateway.errors import ConfigurationError


def shipped_policies() -> Path:
    """Return the folder of the policies shipped with this version."""
    beside = Path(__file__).parents[2] / "policies"
    installed = Path(sysconfig.get_path("data")) / "share" / "gateway" / "policies"
    for folder in (beside, installed):
        if (folder / "flows.toml").is_file():
            return folder
    raise ConfigurationError(f"the policies that come with gateway are missing from {installed}")


def shipped_agreements() -> list[Path]:
    """Return the folder of each shipped agreement, the default of `init` first."""
    first = shipped_policies()
    return [first, *sorted(path.parent for path in first.glob("*/flows.toml"))]
