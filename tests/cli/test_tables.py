"""Listings fit the terminal, and never break what has to be copied in one piece."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.cli.console import laid_out
from tests.commands import invoke
from tests.site import Site

HEADINGS = ("reference", "why", "name")
ROWS = (
    ("261124-oak-7K3QZ", "policy:other-school", "Summer results of the whole school"),
    ("261124-oak-8K3QZ", "-", "x"),
)


def test_what_fits_is_a_table() -> None:
    assert laid_out(HEADINGS, ROWS, 80) == [
        "reference         why                  name",
        "261124-oak-7K3QZ  policy:other-school  Summer results of the whole school",
        "261124-oak-8K3QZ  -                    x",
    ]


def test_text_gives_way_between_its_words() -> None:
    assert laid_out(HEADINGS, ROWS, 56) == [
        "reference         why                  name",
        "261124-oak-7K3QZ  policy:other-school  Summer results of",
        "                                       the whole school",
        "261124-oak-8K3QZ  -                    x",
    ]


def test_what_does_not_fit_is_shown_as_records_without_what_is_not_there() -> None:
    assert laid_out(HEADINGS, ROWS, 40) == [
        "reference  261124-oak-7K3QZ",
        "why        policy:other-school",
        "name       Summer results of the whole",
        "           school",
        "",
        "reference  261124-oak-8K3QZ",
        "name       x",
    ]


def test_nothing_gives_way_where_there_is_no_terminal() -> None:
    long = ("261124-oak-7K3QZ", "policy:other-school", "word " * 60 + "end")
    assert len(laid_out(HEADINGS, (long,), None)) == 2


def test_wide_characters_count_as_they_are_shown() -> None:
    assert laid_out(("name", "x"), (("学校", "1"), ("abcd", "2")), 80)[1:] == ["学校  1", "abcd  2"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"), workers=1)
    made.provider("the-church-school-of-st-michael")
    made.staff("jane", "central-data-team")
    return made


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize(
    "noun", [("keys", "list"), ("flows", "list"), ("agreement", "status"), ("staff", "list")]
)
def test_every_word_of_a_listing_is_whole_at_any_width(site: Site, noun: tuple[str, ...], width: int) -> None:
    whole = set(" ".join(_shown(site, *noun, width=2000)).split())
    lines = _shown(site, *noun, width=width)
    assert set(" ".join(lines).split()) <= whole
    assert all(len(line) <= width or len(line.split()) <= 3 for line in lines)


def test_times_are_short_and_their_zone_is_said_once(site: Site) -> None:
    shown = _in_london(site.home, "staff", "list")
    added = datetime.fromisoformat(site.json("staff", "list")[0]["added_at"])
    assert f" {added.astimezone(ZoneInfo('Europe/London')):%Y-%m-%d %H:%M}\n" in shown
    assert shown.count("times are local (GMT/BST)") == 1


def _shown(site: Site, *arguments: str, width: int) -> list[str]:
    result = invoke(site.home, *arguments, environment={"COLUMNS": str(width)})
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def _in_london(home: Path, *arguments: str) -> str:
    """What a command shows on a computer of that time zone."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env={**os.environ, "GATEWAY_HOME": str(home), "COLUMNS": "80", "TZ": "Europe/London"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
