"""What waits is judged anew once other rules are in force; until then nobody opens it or sends it on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import delete, select

from gateway.access import Sight
from gateway.keys.changes import clerk_of, sign_head
from gateway.processor import judged_anew
from gateway.record.reconsider import judge_anew
from gateway.registry import keys, log
from gateway.registry.deliveries import find_held
from gateway.registry.rolls import count_on_rolls
from gateway.registry.tables import StagedRollRow, TransferRow
from gateway.zones.failpoints import VARIABLE
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.policies import enact
from tests.record.test_policies_in_force import edit
from tests.workshop import Desk

pytestmark = pytest.mark.long

WARDS = b"Ward,Hours\nNorth,12\nSouth,9\n"
TRIAGE, FEW = Sight(few=False), Sight(ordinary=False)
NORTH_IS_SENSITIVE = "sensitive.toml", 'text = ["on a cp plan"', 'text = ["north", "on a cp plan"'
NOTHING_ELSE = "limits.toml", "uploads_per_day = 20_000", "uploads_per_day = 19_000"


def in_force(desk: Desk, *change: str) -> None:
    edit(desk, *change)
    enact(desk.home.root)


def is_open_to(desk: Desk, sight: Sight, reference: str) -> bool:
    with desk.registry.read() as session:
        return find_held(session, reference, sight, desk.rules) is not None


def decisions(desk: Desk, reference: str) -> list[str]:
    return [kind for kind in desk.kinds(reference) if kind in {"decided", "judged-anew"}]


def contents_open() -> int:
    """How many files in memory this process has open."""
    descriptors = Path("/proc/self/fd").iterdir()
    return sum("memfd:" in str(one.readlink()) for one in descriptors if one.is_symlink())


@pytest.fixture
def held(desk: Desk) -> str:
    """A file that nobody recognises."""
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), WARDS, "wards.csv.pgp")
    desk.process()
    assert desk.codes(sent) == ["classify:unknown"]
    assert is_open_to(desk, TRIAGE, sent)
    return sent


def test_what_is_sensitive_by_the_rules_in_force_is_for_few_before_anybody_looks(
    desk: Desk, held: str
) -> None:
    in_force(desk, *NORTH_IS_SENSITIVE)
    assert not is_open_to(desk, TRIAGE, held)
    told = desk.gateway("held", "release", held, "--why", "x", "--as", "student-core", code=1)
    assert "the processor judges it anew" in " ".join(told.split())
    desk.process()
    assert desk.codes(held) == ["policy:sensitive", "classify:unknown"]
    assert not is_open_to(desk, TRIAGE, held)
    assert is_open_to(desk, FEW, held)
    assert decisions(desk, held) == ["decided", "decided"]
    assert "safeguarding" in desk.receipt(held)
    in_force(desk, *reversed_of(NORTH_IS_SENSITIVE))
    desk.process()
    assert not is_open_to(desk, TRIAGE, held)  # For good: the file is the same.


def reversed_of(change: tuple[str, str, str]) -> tuple[str, str, str]:
    file, before, after = change
    return file, after, before


def test_a_file_of_which_nothing_else_is_found_waits_on_with_one_entry_and_no_receipt(
    desk: Desk, held: str
) -> None:
    in_force(desk, *NOTHING_ELSE)
    assert not is_open_to(desk, TRIAGE, held)
    receipt, before = desk.receipt(held), contents_open()
    desk.process()
    assert contents_open() == before
    desk.process()
    assert is_open_to(desk, TRIAGE, held)
    assert decisions(desk, held) == ["decided", "judged-anew"]
    assert desk.receipt(held) == receipt
    assert "Read again by other rules" in desk.gateway("report", "transfer", held)
    assert desk.gateway("log", "verify")


def test_what_waits_for_a_key_and_a_login_waits_for_both_after_a_new_reading(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    with desk.registry.write() as session:
        clerk = clerk_of(session, desk.home, desk.now, "jane")
        for key in keys.list_keys(session, "provider", "oak"):
            clerk.suspend(key, why="laptop stolen")
        sign_head(clerk)
    sent = desk.send(oak, core_data())
    desk.process()
    both = ["key:not-approved", "open:unknown-login"]
    assert desk.codes(sent) == both
    in_force(desk, *NOTHING_ELSE)
    desk.process()
    assert (desk.codes(sent), decisions(desk, sent)) == (both, ["decided", "judged-anew"])


def test_a_reading_by_policies_replaced_meanwhile_decides_nothing(
    desk: Desk, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced_meanwhile(*read: Any) -> None:
        in_force(desk, *NORTH_IS_SENSITIVE)
        judge_anew(*read)

    in_force(desk, *NOTHING_ELSE)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(judged_anew, "judge_anew", replaced_meanwhile)
        desk.process()
    assert decisions(desk, held) == ["decided"]
    desk.process()
    assert decisions(desk, held) == ["decided", "decided"]
    assert desk.codes(held) == ["policy:sensitive", "classify:unknown"]


def test_what_waited_for_nothing_that_comes_waits_for_the_right_thing_then(desk: Desk) -> None:
    """Earlier versions had files wait for a person that go on by themselves."""
    sent = desk.send(desk.provider("oak"), core_data())
    desk.process()
    with desk.registry.write() as session:
        session.exec(select(TransferRow).where(TransferRow.reference == sent)).one().waits_for = "person"
        log.record_changes(session, desk.now)
    in_force(desk, *NORTH_IS_SENSITIVE)
    desk.process()
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert desk.state(sent) == "accepted"


def test_what_old_rules_found_lets_no_file_go_on(desk: Desk) -> None:
    elm = desk.provider("elm")
    sent = desk.send(elm, core_data().replace(b"<Forename>", b"<Forename>North", 1))
    desk.process()
    assert desk.codes(sent) == ["policy:agreement-not-ratified"]
    in_force(desk, *NOTHING_ELSE)
    desk.gateway("agreement", "ratify", "elm", "--signatory", "The Head")
    assert desk.state(sent) == "held"
    desk.process()
    assert desk.state(sent) == "accepted"
    assert "Until then it was held" in desk.receipt(sent)


def test_the_pupils_that_only_the_rules_in_force_find_are_on_the_roll_once_it_goes_on(desk: Desk) -> None:
    elm = desk.provider("elm")
    desk.send(elm, core_data())
    desk.process()
    with desk.registry.write() as session:  # As by rules that did not know the heading of the number.
        session.execute(delete(StagedRollRow))
    in_force(desk, *NOTHING_ELSE)
    desk.process()
    desk.gateway("agreement", "ratify", "elm", "--signatory", "The Head")
    with desk.registry.read() as session:
        assert count_on_rolls(session, ["elm"])["elm"] > 0


def test_a_processor_killed_amid_it_goes_on_and_judges_once(desk: Desk, held: str) -> None:
    in_force(desk, *NORTH_IS_SENSITIVE)
    killed = subprocess.run(
        [sys.executable, "-m", "gateway", "process", "--once"],
        env={**os.environ, VARIABLE: "anew.written", "GATEWAY_HOME": str(desk.home.root)},
        check=False,
    )
    assert killed.returncode == -9
    assert decisions(desk, held) == ["decided"]
    assert not is_open_to(desk, TRIAGE, held)
    desk.process()
    assert decisions(desk, held) == ["decided", "decided"]
    assert not is_open_to(desk, TRIAGE, held)
    desk.gateway("log", "verify")
