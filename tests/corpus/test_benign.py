"""Ordinary exports of school systems are taken as what they are, and nothing in them is blanked."""

from datetime import datetime
from functools import cache
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest

from gateway.model import Classified, ContentRefused, Decision
from tests.corpus.benign import Export
from tests.corpus.corpus import judged, kind_of

SETS = {
    "first": ("core", "attendance", "results"),
    "fresh": ("fresh",),
    "last": ("last",),
    "unseen": ("unseen",),
    "further": ("further",),
    "autumn": ("autumn",),
    "winter": ("winter",),
    "office": ("office",),
    "returns": ("returns",),
}
HELD_SHARE = 0.05
HELD = {
    "eyfsp-short.csv": "PP heads the goal Past and Present and, in every other file, pupil premium",
    "gcse-list.csv": "Candidate heads names and, in every other file, numbers of candidates",
    "eyfsp-sims.csv": "its goals are headed by letters that no published list has",
}
BLANKED: dict[str, str] = {}


@cache
def exports(which: str) -> dict[str, Export]:
    """The exports of a set, by name."""
    return {
        name: export
        for module in SETS[which]
        for name, export in import_module(f"tests.corpus.benign.{module}").FILES.items()
    }


@cache
def told(which: str, name: str) -> tuple[Classified | ContentRefused, Decision]:
    """What an export is found to be, and the decision on it."""
    export = exports(which)[name]
    on = datetime.fromisoformat(export.on).replace(tzinfo=ZoneInfo("Europe/London"))
    return judged(export.content(), name, export.sender, on)  # type: ignore[arg-type] - decide() refuses any other


EVERY = [(which, name) for which in SETS for name in exports(which)]


@pytest.mark.parametrize(("which", "name"), EVERY, ids=lambda text: text)
def test_an_export_is_accepted_as_what_it_is(which: str, name: str) -> None:
    found, decision = told(which, name)
    outcome = type(decision).__name__.lower()
    sentences = [reason.sentence for reason in decision.reasons]
    if name in HELD:
        assert outcome == "held", f"{name} is in HELD and is {outcome}"
    else:
        assert (kind_of(found), outcome) == (exports(which)[name].type, "accepted"), sentences


@pytest.mark.parametrize(("which", "name"), EVERY, ids=lambda text: text)
def test_no_cell_of_an_export_is_blanked(which: str, name: str) -> None:
    found, _ = told(which, name)
    if name in HELD or name in BLANKED or not isinstance(found, Classified):
        return
    assert not [finding for finding in found.findings if finding.expected]


@pytest.mark.parametrize(("which", "name"), [each for each in EVERY if each[0] in ("office", "returns")])
def test_no_column_of_an_office_is_left_out(which: str, name: str) -> None:
    found, _ = told(which, name)
    assert isinstance(found, Classified)
    assert not found.unlisted


@pytest.mark.parametrize("which", SETS)
def test_few_exports_of_a_set_are_held(which: str) -> None:
    held = [name for name in exports(which) if type(told(which, name)[1]).__name__ != "Accepted"]
    assert len(held) <= HELD_SHARE * len(exports(which)), held


def test_the_corpus_is_of_eighty_exports_and_more() -> None:
    assert len({name for _, name in EVERY}) == len(EVERY) >= 80
