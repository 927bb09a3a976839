"""The policies that ship, for tests: reasons as they give them, and copies that somebody has confirmed."""

from functools import lru_cache
from pathlib import Path

from gateway.model import Reason
from gateway.policy.catalogue import Catalogue, load_catalogue, load_unchecked
from gateway.policy.citations import confirmed, due
from tests.commands import invoke

POLICIES = Path(__file__).parents[1] / "policies"


@lru_cache(1)
def shipped() -> Catalogue:
    return load_catalogue(POLICIES)


def why(code: str, clause: str | None = None, **detail: str | int) -> Reason:
    """The reason as the shipped policies give it; `clause` is that of what it speaks of."""
    found = shipped()
    return found.reason(code, **detail) if clause is None else found.reason_under(clause, code, **detail)


def enact(home: Path) -> None:
    """Have what lies in policies/ of a home decide: one person proposes it, another one approves it.

    Where none were in force yet, it does so anyhow.
    """
    if not (home / "policies-in-force" / "current").exists():
        return
    for person, *command in (("ann", "propose"), ("ben", "approve", "--yes")):
        result = invoke(home, "policy", *command, environment={"GATEWAY_ADMIN": person})
        assert result.exit_code == 0, result.output


def confirm(policies: Path) -> None:
    """Have somebody read every clause of an edited folder, as `gateway policy confirm` does."""
    catalogue = load_unchecked(policies)
    (policies / "confirmed.toml").write_text(confirmed(catalogue, due(catalogue)), "utf-8")
