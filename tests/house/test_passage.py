"""An ordinary file's way, followed through the processor: how long it is, and what it costs.

The bounds are those of today. They are lowered with each step that makes the way shorter, and never raised
without a reason in the commit.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Connection, Engine, event
from sqlmodel import func, select

import gateway
from gateway.homes.demo.parties import Party
from gateway.processor import claim
from gateway.registry.register import read_news
from gateway.registry.tables import CheckpointRow, EventRow
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.waiting import until
from tests.workshop import Desk

_ROOT = f"{Path(gateway.__file__).parent}/"
_PROCESSOR = f"{_ROOT}processor/"
# What the processor does once a second, whether files come or not.
_BESIDES = tuple(
    f"{_ROOT}{name}"
    for name in (
        "processor/rounds.py",
        "processor/checkpoints.py",
        "processor/hook_round.py",
        "processor/retention.py",
        "publish/penalties.py",
        "record/reconsider.py",
        "processor/handing_on.py",
        "processor/judged_anew.py",
        "processor/provider_copies.py",
        "zones/failpoints.py",
    )
)
# What a round does last with a file that is decided.
_LAST = claim.BackOff.forget.__code__
FUNCTIONS, FILES, HOPS = 250, 47, 18
# Besides, each round asks for news with one statement; how many rounds see a file depends on the machine.
COSTS = {"statements": 16, "commits": 1, "fsyncs": 2, "leaves": 1, "heads": 1, "brought out": 4}


@dataclass(slots=True)
class Way:
    """What was passed while it was `followed`: functions of the gateway's, calls within calls, costs."""

    followed: bool = False
    functions: set[CodeType] = field(default_factory=set)
    hops: int = 0
    costs: Counter[str] = field(default_factory=Counter)

    @property
    def files(self) -> set[str]:
        """The modules that these functions are in."""
        return {function.co_filename.removeprefix(_ROOT) for function in self.functions}

    def begin_anew(self) -> None:
        """Forget what was passed."""
        self.functions.clear()
        self.costs.clear()
        self.hops = 0

    def pass_through(self, frame: FrameType, happened: str, _given: object) -> None:
        """Note a call, as a profile function of Python's is told of it."""
        code = frame.f_code
        if not self.followed or happened != "call" or not code.co_filename.startswith(_ROOT):
            return
        callers = list(_callers(frame))
        if _is_on_the_way(callers) and not code.co_name.startswith("<"):  # Comprehensions and lambdas.
            self.functions.add(code)
            self.hops = max(self.hops, len(callers))

    def note(self, what: str) -> None:
        """Count something that a file costs."""
        callers = [*_callers(sys._getframe(1))]
        if self.followed and _is_on_the_way(callers):
            self.costs["news" if _is_news(callers) else what] += 1


def _is_news(callers: Sequence[CodeType]) -> bool:
    """Is this a round that asks whether there is anything to do?"""
    return read_news.__code__ in callers


def _is_on_the_way(callers: Sequence[CodeType]) -> bool:
    """Is this the processor at work on files?"""
    modules = [each.co_filename for each in callers]
    return any(one.startswith(_PROCESSOR) for one in modules) and not any(
        one.startswith(_BESIDES) for one in modules
    )


def _callers(frame: FrameType | None) -> Iterator[CodeType]:
    """The functions of the gateway's that are at work in a frame, the innermost first."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_ROOT):
            yield frame.f_code
        frame = frame.f_back


@contextmanager
def _watched(way: Way) -> Iterator[None]:
    def statement(_connection: Connection, _cursor: object, said: str, *_: Any) -> None:
        way.note("commits" if said == "BEGIN IMMEDIATE" else "begins" if said == "BEGIN" else "statements")

    def counted(call: Callable[..., Any], what: str) -> Callable[..., Any]:
        def calling(*given: Any, **named: Any) -> Any:
            way.note(what)
            return call(*given, **named)

        return calling

    replaced = "gateway.publish.projection.replace_published"
    with ExitStack() as stack:
        event.listen(Engine, "before_cursor_execute", statement)
        stack.callback(event.remove, Engine, "before_cursor_execute", statement)
        for name in ("fsync", "fdatasync"):
            stack.enter_context(mock.patch(f"os.{name}", counted(getattr(os, name), "fsyncs")))
        written = counted(gateway.publish.projection.replace_published, "brought out")
        stack.enter_context(mock.patch(replaced, written))
        threading.setprofile(way.pass_through)
        stack.callback(threading.setprofile, None)  # type: ignore[arg-type] # None is admitted
        yield


def _log_of(desk: Desk) -> Counter[str]:
    """How many leaves the log has, and how many signed heads."""
    with desk.registry.read() as session:
        count = select(func.count())
        return Counter(
            leaves=session.exec(count.select_from(EventRow)).one(),
            heads=session.exec(count.select_from(CheckpointRow)).one(),
        )


def _passed(way: Way, desk: Desk, party: Party, sealed: bytes) -> str:
    """Land a file and wait until nothing is left to do for it; its reference."""
    sent = desk.land(party, sealed)
    desk.process(sent)
    until(lambda: desk.receipts(party.name, f"*.{sent}.json"), "the receipt")
    until(lambda: not list(desk.home.spool.landed.iterdir()), "the spool to be emptied")
    until(lambda: _LAST in way.functions, "the round to be over")
    return sent


def test_the_way_of_an_ordinary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "A_MOMENT_SECONDS", 600.0)  # However busy the machine is.
    way, desk = Way(), Desk(tmp_path)
    oak = desk.provider("oak", years=THIS_YEAR)
    with _watched(way), desk:
        way.followed = True
        for seed in (1, 2, 3):  # What is made at first use is made.
            sealed = oak.seal(core_data(seed), desk.certificate)
            way.begin_anew()
            before = _log_of(desk)
            sent = _passed(way, desk, oak, sealed)
        way.followed = False
        way.costs.update(_log_of(desk) - before)
    print(f"{len(way.functions)} functions in {len(way.files)} files, {way.hops} hops; {dict(way.costs)}")
    assert desk.state(sent) == "accepted"
    assert len(way.functions) <= FUNCTIONS
    assert len(way.files) <= FILES
    assert way.hops <= HOPS
    assert {what: way.costs[what] for what in COSTS if way.costs[what] > COSTS[what]} == {}
