"""docs/data-types.md says of each item what its values are, and docs/schools.md what a school is told."""

from __future__ import annotations

from gateway.classify import load_rules
from gateway.classify.findings import describe
from gateway.model import Finding
from tests.classify.documented_values import REPOSITORY, parts, table


def test_the_table_of_values_is_that_of_the_policies() -> None:
    assert parts()[1] == table(), "python -m tests.classify.documented_values"


def test_schools_are_shown_the_sentence_that_they_get() -> None:
    expected = load_rules(REPOSITORY / "policies").expected("sex")
    finding = Finding(
        code="code:unknown",
        severity="query",
        count=1,
        rows=(14,),
        about="Pupil: Gender",
        expected=expected,
    )
    shown = " ".join((REPOSITORY / "docs" / "schools.md").read_text("utf-8").replace("\n> ", " ").split())
    assert describe(finding) in shown
