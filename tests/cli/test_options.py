"""Options are called alike everywhere, and a choice that does not exist is wrong usage."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest

from gateway.cli import flows
from gateway.homes.demo.parties import Party
from gateway.policy import timescale
from tests.commands import Commands


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    made = Commands(tmp_path_factory.mktemp("desk"))
    made.provider("oak")
    jane = Party("jane", made.root / "parties" / "jane")
    made.gateway("staff", "add", "jane", "--team", "central-data-team", "--ssh-key", str(jane.ssh_public))
    return made


def test_the_keys_of_a_member_of_staff_are_listed(desk: Commands) -> None:
    (key,) = desk.json("keys", "list", "jane", "--staff")
    assert (key["owner"], key["owner_kind"]) == ("jane", "staff")
    assert {key["owner"] for key in desk.json("keys", "list", "--staff")} == {"jane"}
    assert "there is no provider jane; jane is a member of staff: add --staff" in desk.refused(
        "keys", "list", "jane"
    )
    assert "there is no provider joe" in desk.refused("keys", "list", "joe")


def test_a_key_is_not_revoked_without_a_reason(desk: Commands) -> None:
    result = desk.result("keys", "revoke", "oak", "ffff")
    assert result.exit_code == 2
    assert "--why" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        (("transfers", "list", "--state", "lost"), ("landed", "accepted", "held", "refused")),
        (("flows", "status", "--state", "lost"), ("on-time", "missing", "no-calendar")),
        (
            (
                "declarations",
                "add",
                "--no-ask",
                "--provider",
                "oak",
                "--data",
                "finance",
                "--method",
                "pigeon",
            ),
            ("post", "email"),
        ),
        (("providers", "add", "elm", "--name", "Elm", "--kind", "circus"), ("school", "academy")),
    ],
)
def test_a_choice_that_does_not_exist_is_wrong_usage(
    desk: Commands, arguments: tuple[str, ...], choices: tuple[str, ...]
) -> None:
    result = desk.result(*arguments)
    assert result.exit_code == 2, result.output
    assert all(choice in result.stderr for choice in choices)


def test_a_flow_may_stand_as_the_policy_has_it() -> None:
    assert [state.value for state in flows.FlowState] == list(get_args(timescale.State))


def test_the_version_is_told(desk: Commands) -> None:
    assert desk.gateway("--version") == f"gateway {version('gateway')}\n"


def test_a_report_is_told_to_programs_too(desk: Commands, tmp_path: Path) -> None:
    arguments = ("report", "provider", "oak", "--from", "2026-11-01", "--to", "2026-11-30")
    report = desk.json(*arguments)
    assert "oak" in json.dumps(report)
    titles = [section["title"].upper() for section in report["sections"]]
    assert titles
    assert all(title in desk.gateway(*arguments) for title in titles)
    page = tmp_path / "page.html"
    assert json.loads(desk.gateway(*arguments, "--json", "--html", str(page)))["title"] == report["title"]
    assert page.read_text().startswith("<!doctype html>")
