"""What is put on record by a command is something that can be read later; anything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.homes.demo.parties import Party
from gateway.registry import log
from gateway.registry.database import Registry
from tests.commands import Commands


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
        ("keys", "revoke", "oak", "FPR", "--why"),
        ("held", "release", "261124-oak-00000", "--why"),
        ("held", "refuse", "261124-oak-00000", "--why"),
        ("legal-holds", "place", "261124-oak-00000", "--why"),
        ("legal-holds", "lift", "261124-oak-00000", "--why"),
        ("discrepancies", "resolve", "1", "--why"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_no_reason_is_no_reason(desk: Commands, command: tuple[str, ...], said: str) -> None:
    named = [key_of(desk, "oak", "ssh") if word == "FPR" else word for word in command]
    assert "needs a reason" in usage(desk, *named, said)
    assert "everything fits" in desk.gateway("log", "verify")
    assert {row["state"] for row in desk.json("keys", "list", "oak")} == {"active"}


def test_a_wrong_argument_is_named_as_the_help_names_it(desk: Commands) -> None:
    said = usage(desk, "headings", "revoke", "", "--provider", "oak", "--why", "wrong")
    assert "HEADING" in said.splitlines()[-2], said
    assert "--heading" not in said, said


@pytest.mark.parametrize("name", ["", " ", "Elm\nSchool", "Elm \x1b[31mSchool", "Elm \u202eSchool"])
def test_a_name_is_one_line_that_can_be_read(desk: Commands, name: str) -> None:
    assert "goes on record" in usage(desk, "providers", "add", "elm", "--name", name, "--kind", "school")
    assert "goes on record" in usage(desk, "providers", "set", "oak", "--name", name)
    assert "goes on record" in usage(desk, "agreement", "ratify", "oak", "--signatory", name)


def test_a_name_is_kept_and_nothing_that_is_not_changed_is_on_record(desk: Commands) -> None:
    before = desk.json("providers", "show", "oak")
    assert "say what to put right" in desk.refused("providers", "set", "oak")
    assert "7 digits" in desk.refused("providers", "set", "oak", "--dfe-number", "")
    assert "6 digits" in desk.refused("providers", "set", "oak", "--urn", "")
    entries = changes(desk)
    assert "on record so already" in desk.gateway("providers", "set", "oak", "--name", before["name"])
    assert changes(desk) == entries
    assert "is changed" in desk.gateway("providers", "set", "oak", "--name", "Oak Academy")
    assert changes(desk) == entries + 1
    assert desk.json("providers", "show", "oak")["name"] == "Oak Academy"


def changes(desk: Commands) -> int:
    home = Home(desk.home)
    registry = Registry(load_settings(home).database_url(home))
    try:
        with registry.read() as session:
            return sum(event.kind == "provider-changed" for event in log.events(session, "oak"))
    finally:
        registry.close()


@pytest.mark.parametrize("until", ["2026-01-01", "2026-01-01T12:00:00+00:00"])
def test_a_last_day_is_not_past(desk: Commands, until: str) -> None:
    fingerprint = key_of(desk, "oak", "openpgp")
    assert "is past" in desk.refused("keys", "retire", "oak", fingerprint, "--until", until)
    said = desk.refused("keys", "gateway", "rotate", "--until", until)
    assert "is past: leave --until out for the usual span" in said
    assert {row["state"] for row in desk.json("keys", "list", "oak")} == {"active"}
    assert len(desk.json("keys", "gateway", "show")) == 1


def test_a_key_is_approved_by_what_is_read_out(desk: Commands, tmp_path: Path) -> None:
    party = Party("ash", tmp_path)
    desk.gateway("providers", "add", "ash", "--name", "Ash", "--kind", "school")
    for file, kind in ((party.certificate, "openpgp"), (party.ssh_public, "ssh")):
        desk.gateway("keys", "add", "ash", str(file))
        fingerprint = key_of(desk, "ash", kind)
        start = len("SHA256:") if kind == "ssh" else 0
        for length in (start + 4, start + 15):
            assert "so short" in desk.refused("keys", "confirm", "ash", fingerprint[:length])
        grouped = " ".join(fingerprint[n : n + 4] for n in range(0, start + 16, 4))
        assert "is in force" in desk.gateway("keys", "confirm", "ash", grouped)


def test_flows_of_a_home_that_is_not_there_are_not_made_up(desk: Commands, tmp_path: Path) -> None:
    assert "is not a gateway home" in desk.refused("flows", "list", "--home", str(tmp_path / "nowhere"))
    assert len(desk.json("flows", "list")) > 5


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize(
    "command",
    [
        ("keys", "retire", "oak", "0123456789abcdef", "--until"),
        ("transfers", "list", "--to"),
        ("flows", "status", "--on"),
        ("report", "review", "--from", "2026-09-01", "--to"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_day_at_an_end_of_the_calendar_is_none(desk: Commands, command: tuple[str, ...], day: str) -> None:
    assert "write a year from 1900 to 2999" in " ".join(usage(desk, *command, day).split())


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize(
    "command",
    [
        ("retention", "run", "--on"),
        ("keys", "gateway", "rotate", "--until"),
        ("policy", "test", __file__, "--as", "oak", "--on"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_nor_is_it_one_for_the_other_commands(desk: Commands, command: tuple[str, ...], day: str) -> None:
    assert "write a day like 2026-11-24" in " ".join(usage(desk, *command, day).split())


def test_a_ratification_of_another_century_is_refused(desk: Commands) -> None:
    for day in ("1900-01-01", "2000-02-29"):
        said = desk.refused("agreement", "ratify", "oak", "--signatory", "The Head", "--on", day)
        assert f"{day} is long before this agreement" in said


@pytest.mark.parametrize("year", ["2027", "2027-29", "9999-00", "next"])
def test_a_year_that_is_none_is_refused_by_a_sentence(desk: Commands, year: str) -> None:
    for verb in ("show", "open"):
        assert "write an academic year like 20" in desk.refused("year", verb, year)
