"""Options are called alike everywhere, and a choice that does not exist is wrong usage."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.acts.fields import every_act
from gateway.acts.openapi import openapi_document, path_of
from gateway.homes.demo.parties import Party
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


@pytest.mark.parametrize(
    ("command", "field", "like", "least", "most"),
    [
        ("breach list", "search", "a", 0, 200),
        ("breach record", "amend", 1, 1, None),
        ("breach record", "measure", ("a",), 0, 50),
        ("breach record", "what", "a", 0, 4_000),
        ("breach record", "contact", "a", 0, 400),
        ("breach record", "governance", "a", 0, 400),
        ("breach show", "number", 1, 1, None),
        ("discrepancies show", "number", 1, 1, None),
        ("discrepancies resolve", "number", 1, 1, None),
        ("filters save", "filter", "a", 1, 1000),
        ("filters save", "name", "a", 0, 60),
        ("filters remove", "name", "a", 0, 60),
        ("handon acknowledge", "number", 1, 1, None),
        ("handon retry", "number", 1, 1, None),
        ("held assign", "to", "a", 0, 100),
        ("held return-many", "reference", ("a",), 1, 50),
        ("hooks add", "name", "a", 0, 32),
        ("hooks add", "address", "a", 0, 2000),
        ("hooks add", "event", ("file.accepted",), 1, None),
        ("keys confirm", "read_out", ("a",), 1, None),
        ("letters preview", "days", 1, 1, 400),
        ("mailbox deal-with", "references", ("a",), 1, 100),
        ("programs add", "act", ("a",), 1, None),
        ("programs add", "days", 1, 1, 366),
        ("pupils protect", "person", ("a",), 1, None),
        ("sensitive list", "days", 1, 1, 3650),
        ("staff invite", "hours", 1, 1, 336),
    ],
)
def test_an_act_takes_numbers_texts_and_lists_between_these_limits(
    command: str, field: str, like: Any, least: int, most: int | None
) -> None:
    sizes = (-1, 0, least - 1, least, *(() if most is None else (most, most + 1)))
    for size in sizes if isinstance(like, int) else (one for one in sizes if one >= 0):
        fits = least <= size and (most is None or size <= most)
        assert is_within(command, field, like * size) is fits, size


def is_within(command: str, field: str, value: object) -> bool:
    """Whether no limit of size is against a value, whatever else may be."""
    with pytest.raises(ValidationError) as told:
        every_act()[command].model_validate({field: value, "another": "which no act has"})
    sized = ("too_long", "too_short", "less_than", "greater_than")
    types = [one["type"] for one in told.value.errors() if one["loc"][0] == field]
    return not any(word in each for each in types for word in sized)


@pytest.mark.parametrize(
    ("command", "field", "default"),
    [
        ("letters preview", "days", 1),
        ("programs add", "days", 90),
        ("sensitive list", "days", 30),
        ("staff invite", "hours", 24),
    ],
)
def test_who_gives_no_number_gets_this_one(command: str, field: str, default: int) -> None:
    assert every_act()[command].model_fields[field].default == default


def test_what_acts_are_open_to_whom_and_asked_how_is_stated_once() -> None:
    acts = every_act()

    def which(flag: str, value: bool, *, reads: bool) -> set[str]:
        return {
            command for command, act in acts.items() if act.reads is reads and getattr(act, flag) is value
        }

    assert which("by_program", True, reads=False) == {
        "flows expect", "flows nil", "discrepancies resolve", "filters save", "filters remove",
        "handon retry", "handon acknowledge", "held note", "letters bounced", "mailbox deal-with",
        "providers import", "providers suspend",
    }  # fmt: skip
    assert which("by_program", False, reads=True) == {
        "flows list",
        "flows status",
        "handon try",
        "staff show",
    }
    assert which("asks_passkey", False, reads=False) == {
        "filters save", "filters remove", "handon acknowledge", "held assign", "held note", "letters bounced",
        "mailbox deal-with", "notices show", "pupils missing", "pupils movers", "report transfer",
    }  # fmt: skip
    assert which("asks_passkey", True, reads=True) == set()
    assert which("of_any_file", True, reads=False) == {"transfers withdraw"}
    assert which("of_any_file", True, reads=True) == set()
    assert which("streams", True, reads=False) | which("streams", True, reads=True) == {"mailbox collect"}
    assert which("annexed", True, reads=False) | which("annexed", True, reads=True) == {
        "breach record", "breach show",
    }  # fmt: skip
    assert which("in_console", False, reads=False) | which("in_console", False, reads=True) == {
        "flows list", "flows status", "hosts take-over", "mailbox list", "mailbox collect",
        "mailbox deal-with", "providers remove", "roles accept",
    }  # fmt: skip


def test_to_programs_a_file_is_a_text_and_everything_else_is_as_the_act_has_it() -> None:
    paths = json.loads(openapi_document())["paths"]

    def fields(command: str) -> dict[str, dict[str, Any]]:
        body = paths[path_of(every_act()[command])]["post"]["requestBody"]["content"]["application/json"]
        properties: dict[str, dict[str, Any]] = body["schema"]["properties"]
        return properties

    imported = fields("providers import")
    assert imported["file"] == {"description": "A CSV file whose first line names columns.", "type": "string"}
    assert imported["dry_run"]["type"] == "boolean"
    assert fields("mailbox deal-with")["references"]["maxItems"] == 100


def test_the_version_is_told(desk: Commands) -> None:
    assert desk.gateway("--version") == f"gateway {version('gateway')}\n"


def test_a_report_is_told_to_programs_too(desk: Commands, tmp_path: Path) -> None:
    arguments = ("report", "assurance")
    report = desk.json(*arguments)
    titles = [section["title"].upper() for section in report["sections"]]
    assert titles
    assert all(title in desk.gateway(*arguments) for title in titles)
    page = tmp_path / "page.html"
    assert json.loads(desk.gateway(*arguments, "--json", "--html", str(page)))["title"] == report["title"]
    assert page.read_text().startswith("<!doctype html>")
