"""A noun that is loaded alone is the same command as beside all others."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gateway.cli import app_for
from gateway.cli.app import app
from gateway.cli.nouns import ALONE


@pytest.mark.parametrize("noun", sorted(ALONE))
def test_a_noun_alone_is_what_it_is_among_all(noun: str) -> None:
    alone, among = (
        CliRunner().invoke(each, [noun, "--help"], prog_name="gateway") for each in (app_for([noun]), app)
    )
    assert alone.exit_code == 0
    assert alone.output == among.output


@pytest.mark.parametrize("arguments", [[], ["--verbose", "flows"], ["--help"], ["doctor"], ["no-such-noun"]])
def test_whatever_else_is_asked_meets_all_commands(arguments: list[str]) -> None:
    assert app_for(arguments) is app
