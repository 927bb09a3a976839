"""Locate the policies shipped with this version."""

import sysconfig
from pathlib import Path

from gateway.errors import ConfigurationError


def shipped_policies() -> Path:
    """Return the folder of the policies shipped with this version."""
    return shipped("policies", "policies", holding="flows.toml")


def shipped(what: str, folder: str, *, holding: str) -> Path:
    """Return the path of a shipped folder, which has the file `holding`.
    Raises ConfigurationError if the folder is missing; the error calls it `what`.
    """
    beside = Path(__file__).parents[2] / folder
    installed = Path(sysconfig.get_path("data")) / "share" / "gateway" / folder
    for found in (beside, installed):
        if (found / holding).is_file():
            return found
    raise ConfigurationError(f"the {what} that come with gateway are missing from {installed}")


def shipped_agreements() -> list[Path]:
    """Return the policies folder of each shipped agreement; the first is the default of `gateway init`."""
    first = shipped_policies()
    return [first, *sorted(path.parent for path in first.glob("*/flows.toml"))]
