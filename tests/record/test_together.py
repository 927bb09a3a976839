"""What becomes of a file is the same whether it is decided alone or with those of other schools."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway.homes.demo.parties import Party
from tests.clock import THIS_YEAR
from tests.content import census, core_data, gcse_results, school_history
from tests.workshop import Workshop

SCHOOLS = ("oak", "elm", "ash", "fir", "box")  # More than are asked for one by one.
KINDS = (core_data, census, gcse_results, school_history, lambda seed: b"what nobody knows %d\n" % seed)


def told(desk: Workshop, reference: str) -> str:
    """All that is known of a file but when it was and what it is called."""
    shown = desk.gateway("transfers", "show", reference, "--json")
    same = re.sub(r"\d{6}-(\w+)-\w{5}", r"REF-\1", shown.replace(reference, "THIS"))
    return re.sub(r"[0-9a-f]{64}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\"]*|\"\w*number\": \d+", "", same)


def test_it_is_the_same(desk: Workshop, tmp_path: Path) -> None:
    parties = [desk.provider(name, years=THIS_YEAR) for name in SCHOOLS]
    alone = desk.copied(tmp_path / "alone")
    with closing(alone):
        check(desk, alone, parties)


def check(desk: Workshop, alone: Workshop, parties: Sequence[Party]) -> None:
    seen: list[str] = []
    for round_ in (0, 10):  # What comes in the second replaces what came in the first.
        sent = []
        for number, party in enumerate(parties):
            content = KINDS[number](number + round_)
            sent.append((desk.send(party, content), alone.send(party, content)))
            alone.process()
        desk.process()
        for together, one_by_one in sent:
            seen.append(told(desk, together))
            assert seen[-1] == told(alone, one_by_one)
    assert {state for each in seen for state in re.findall(r'"state": "(\w+)"', each)} == {"accepted", "held"}
    assert any("school-place-planning" in each for each in seen)
    assert any('"replaces": "REF-elm"' in each for each in seen)
