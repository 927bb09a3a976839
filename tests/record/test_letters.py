"""Which letter is written about a flow on which day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from gateway.home.settings import Settings
from gateway.model import Provider
from gateway.policy.small_schemas import LetterKind, LetterRule, LettersFile
from gateway.policy.timescale import FlowStatus, State
from gateway.publish.standing import ProviderFacts
from gateway.record.letters import Letterhead, _for_flow, _for_provider, _of_all
from tests.policies import shipped
from tests.record.made import NOW, key

DAY = date(2026, 11, 24)
KINDS: tuple[LetterKind, ...] = ("due-soon", "due-today", "late")


@pytest.mark.parametrize(
    ("state", "left", "events"),
    [
        ("due", 15, []),
        ("not-due", 14, ["due-soon:provider:oak:phonics:2026:14"]),
        ("due", 7, ["due-soon:provider:oak:phonics:2026:7"]),
        ("due", 1, ["due-soon:provider:oak:phonics:2026:7"]),
        ("due", 0, ["due-today:provider:oak:phonics:2026"]),
        ("on-time", 0, []),
        ("missing", -1, ["late:provider:oak:phonics:2026"]),
    ],
)
def test_a_letter_goes_out_before_the_day_on_it_and_once_it_has_passed(
    state: State, left: int, events: list[str]
) -> None:
    rules = tuple(LetterRule(kind=kind, to="provider", days=(7, 14), subject="s", text="t") for kind in KINDS)
    catalogue = shipped().model_copy(update={"letters": LettersFile(letter=rules)})
    oak = Provider(id="oak", name="Oak", kind="school")
    flow = FlowStatus(
        flow="phonics", data_type="phonics", timescale="yearly", due=DAY + timedelta(days=left), state=state,
        last=None, missed=0, period="2026", asked=True,
    )  # fmt: skip
    with Session() as session:
        letterhead = Letterhead(session, catalogue, Settings(log_origin="x"), {"oak": ["a@oak.invalid"]})
        assert [one.event for one in _for_flow(letterhead, oak, flow, DAY)] == events


@pytest.mark.parametrize(
    ("ends", "written"),
    [
        ({"expires_at": 31}, False),
        ({"expires_at": 6.5}, True),
        ({"expires_at": 0.1}, True),
        ({"expires_at": -0.1}, False),
        ({"expires_at": -300}, False),
        ({"expires_at": 6.5, "not_after": -1}, False),
        ({}, False),
    ],
)
def test_a_letter_tells_of_a_key_that_has_yet_to_end(ends: dict[str, float], written: bool) -> None:
    each = LetterRule(kind="key-expires", to="provider", days=(7, 30), subject="{days} days", text="t")
    all_of_them = LetterRule(kind="weekly", to="administrators", days=(30,), subject="{count}", text="{news}")
    file = LettersFile(letter=(each, all_of_them), administrators=("desk@la.invalid",))
    catalogue, oak = (
        shipped().model_copy(update={"letters": file}),
        Provider(id="oak", name="Oak", kind="school"),
    )
    settings = Settings(log_origin="x")
    facts = ProviderFacts(
        settings=settings, provider=oak, catalogue=catalogue, at=NOW, due=(), files=(), waiting=(),
        own_keys=[key(**ends)], ratified=(), to_ratify=None,
    )  # fmt: skip
    letterhead = Letterhead(Session(), catalogue, settings, {"oak": ["a@oak.invalid"]})
    assert bool([*_for_provider(letterhead, facts, DAY)]) is written
    assert bool([*_of_all(letterhead, all_of_them, "event", [facts], DAY)]) is written


@pytest.mark.parametrize(("name", "shown"), [("Ysgol Ŵyn", "Ysgol Ŵyn"), ("مدرسة 2", "\u2068مدرسة 2\u2069")])
def test_a_name_in_a_right_to_left_script_leaves_the_text_beside_it_in_order(name: str, shown: str) -> None:
    rule = LetterRule(kind="late", to="provider", subject="{name}, {day}", text="To {name}")
    letterhead = Letterhead(Session(), shipped(), Settings(log_origin="x"), {"oak": ["a@oak.invalid"]})
    oak = Provider(id="oak", name=name, kind="school")
    (letter,) = letterhead.written(rule, "event", {"day": "24 November 2026"}, provider=oak)
    assert (letter.subject, letter.text) == (f"{shown}, 24 November 2026", f"To {shown}\n")
