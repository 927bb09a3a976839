"""What was called otherwise before goes on working, and says its name of today where no program reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.homes.demo.parties import Party
from tests.commands import Commands


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(tmp_path_factory.mktemp("site"))


def enrolled(site: Commands, identifier: str, root: Path) -> list[str]:
    """A provider with keys that wait for the telephone call; their fingerprints."""
    party = Party(identifier, root / identifier)
    site.gateway(
        "providers", "add", identifier, "--name", identifier, "--kind", "school",
        "--ssh-key", str(party.ssh_public), "--openpgp-key", str(party.certificate),
    )  # fmt: skip
    return [key["fingerprint"] for key in site.json("keys", "list", identifier)]


def test_keys_are_still_approved(site: Commands, tmp_path: Path) -> None:
    fingerprints = enrolled(site, "oak", tmp_path)
    result = site.result("keys", "approve", "oak", *fingerprints)
    assert result.exit_code == 0
    assert result.stderr == "gateway: note: keys approve is called keys confirm now\n"
    assert "note" not in result.stdout
    assert {key["state"] for key in site.json("keys", "list", "oak")} == {"active"}
    assert not site.result("keys", "confirm", "oak", "0" * 40).stderr.startswith("gateway: note")


def test_a_declaration_is_still_declared(site: Commands) -> None:
    options = ("--no-ask", "--provider", "oak", "--data", "finance", "--method", "pigeon")
    said = [site.result(*words, *options).stderr for words in (("declare",), ("declarations", "add"))]
    assert said[0].startswith("gateway: note: declare is called declarations add now\n")
    assert "note" not in said[1]
