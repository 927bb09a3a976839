"""How commands speak: what a date looks like, and one of a thing."""

from __future__ import annotations

import logging

import pytest
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.cli.app import app
from gateway.model import counted
from tests.commands import invoke

KEY = ("oak", "abcd")


@pytest.mark.parametrize(
    "arguments",
    [
        ("agreement", "status", "--on"),
        ("agreement", "ratify", "oak", "--signatory", "x", "--on"),
        ("flows", "status", "--on"),
        ("declarations", "add", "--provider", "oak", "--method", "post", "--data", "ctf", "--on"),
        ("retention", "plan", "--on"),
        ("report", "review", "--to", "2026-11-24", "--from"),
        ("policy", "diff", "/", "/", "--on"),
        ("keys", "retire", *KEY, "--until"),
        ("keys", "gateway", "rotate", "--until"),
    ],
)
@pytest.mark.parametrize("day", ["yesterday", "24/11/2026", "2026-02-30"])
def test_what_is_no_date_is_answered_with_one(arguments: tuple[str, ...], day: str) -> None:
    result = invoke(None, *arguments, day, environment={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "write a day like 2026-11-24" in result.output
    assert "%Y" not in result.output
    assert "Value error" not in result.output


def test_days_and_moments_are_read() -> None:
    assert commands.day("2026-11-24").isoformat() == "2026-11-24T00:00:00"
    assert commands.local_time("2026-11-24T14:30").isoformat() == "2026-11-24T14:30:00"
    assert commands.last_day("2026-11-24T14:30:00Z").isoformat() == "2026-11-24T14:30:00+00:00"


def test_one_is_not_many() -> None:
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert counted(1, "entry", "entries") == "1 entry"


@pytest.mark.parametrize(("arguments", "level"), [(("agreement", "text"), "WARNING"), (("run",), "INFO")])
def test_a_person_is_not_told_what_services_log(
    arguments: tuple[str, ...], level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GATEWAY_LOG", "JOURNAL_STREAM", "GATEWAY_LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    CliRunner().invoke(app, [*arguments, "--home", "/nowhere"])
    assert logging.getLevelName(logging.getLogger().level) == level
