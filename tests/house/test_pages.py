"""Every file and folder of ours that a page names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.test_imports import REPOSITORY

PAGES = sorted(
    page.relative_to(REPOSITORY)
    for page in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("keys/*.md")]
    if page.name != "CHANGELOG.md"  # It tells of files that there were.
)
_SPAN = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?<![\w/.~-])(?:gateway|tests|docs|policies|systemd)/[\w./-]*\w/?")
_PLACE = re.compile(r"<i>([\w/, ]+)</i>")


def missing(text: str) -> set[str]:
    """The paths in code spans, and the places in pictures, that are not there."""
    named = {path for span in _SPAN.findall(text) for path in _PATH.findall(span) if "NOUN" not in path}
    places = {place for some in _PLACE.findall(text) for place in some.split(", ")}
    rooms = {f"gateway/{place}" for place in places if not place.endswith("/")}  # Those are of a home.
    return {
        path
        for path in named | rooms
        if not any((REPOSITORY / f"{path}{ending}").exists() for ending in ("", ".py"))
    }


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    assert missing((REPOSITORY / page).read_text("utf-8")) == set()


def test_what_is_not_there_is_found() -> None:
    assert missing("`gateway/passage.py`, `/usr/local/share/gateway/alerts.yml`, `gateway/no_such.py`") == {
        "gateway/no_such.py"
    }
    assert missing("a<br/><i>record/rulings, record/no_such</i>") == {"gateway/record/no_such"}
