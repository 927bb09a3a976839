"""Every file of the corpus gets the verdict that its table says, from the file to the decision."""

import pytest

from gateway.model import UNKNOWN, WITHHELD, Classified
from tests.corpus.corpus import Line, files, lines, tables, teams_of, verdict
from tests.views.making import found, view_for

LEFT_OUT = "policy:unlisted-left-out"

LINES = [line for table in tables() for line in lines(table)]


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_file_gets_its_verdict(line: Line) -> None:
    kind, decision = verdict(files(line.table)[line.file](), line.file, line.sender, line.on)
    told = {reason.code: reason.sentence for reason in decision.reasons}
    assert (kind, type(decision).__name__.lower(), set(told), teams_of(decision)) == (
        line.type,
        line.outcome,
        line.reasons,
        line.teams,
    ), told


@pytest.mark.parametrize("table", tables())
def test_every_file_has_a_line_and_every_line_a_file(table: str) -> None:
    assert {line.file for line in lines(table)} == set(files(table))


def test_no_line_stands_twice() -> None:
    assert len({(line.table, line.file, line.sender, line.on) for line in LINES}) == len(LINES)


@pytest.mark.parametrize("line", [line for line in LINES if LEFT_OUT in line.reasons], ids=str)
def test_what_is_taken_and_left_out_is_in_no_view(line: Line) -> None:
    """Of its view nothing is told beyond what its type carries."""
    content = files(line.table)[line.file]()
    if line.outcome == "accepted":
        for team in line.teams:
            view, left_out = view_for(team, content, line.sender)
            assert {UNKNOWN, WITHHELD} & set(left_out)
            again = found(view)
            assert not isinstance(again, Classified) or not again.unlisted
