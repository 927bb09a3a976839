"""What is put on record by a command is something that can be read later; anything else is refused."""

from __future__ import annotations

import pytest

from tests.keys.commands import Commands


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    made = Commands(tmp_path_factory.mktemp("desk"))
    made.provider("oak")
    return made


def key_of(desk: Commands, owner: str, kind: str) -> str:
    return next(row["fingerprint"] for row in desk.json("keys", "list", owner) if row["kind"] == kind)


def usage(desk: Commands, *arguments: str) -> str:
    """What a command says that is used wrongly."""
    result = desk.result(*arguments)
    assert result.exit_code == 2, (arguments, result.output)
    return result.stderr


@pytest.mark.parametrize("said", ["", " ", "\n"])
@pytest.mark.parametrize(
    "command",
    [
        ("keys", "revoke", "oak", "FPR", "--reason"),
        ("held", "release", "261124-oak-00000", "--why"),
        ("held", "refuse", "261124-oak-00000", "--why"),
        ("hold", "place", "261124-oak-00000", "--why"),
        ("hold", "lift", "261124-oak-00000", "--why"),
        ("discrepancies", "resolve", "1", "--why"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_no_reason_is_no_reason(desk: Commands, command: tuple[str, ...], said: str) -> None:
    named = [key_of(desk, "oak", "ssh") if word == "FPR" else word for word in command]
    assert "needs a reason" in usage(desk, *named, said)
    assert "everything fits" in desk.gateway("log", "verify")
    assert {row["state"] for row in desk.json("keys", "list", "oak")} == {"active"}


@pytest.mark.parametrize("name", ["", " ", "Elm\nSchool", "Elm \x1b[31mSchool", "Elm \u202eSchool"])
def test_a_name_is_one_line_that_can_be_read(desk: Commands, name: str) -> None:
    assert "goes on record" in usage(desk, "providers", "add", "elm", "--name", name, "--kind", "school")
    assert "goes on record" in usage(desk, "providers", "set", "oak", "--name", name)
    assert "goes on record" in usage(desk, "agreement", "ratify", "oak", "--signatory", name)
