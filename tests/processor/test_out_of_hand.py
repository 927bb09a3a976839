"""What was looked at is put on record so that nobody waits for another's heap, and the heap not for ever."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import pytest

from gateway.processor.out_of_hand import A_COMMIT, IN_A_ROW, Finished, OutOfHand
from gateway.processor.turns import Company

HELD = Counter(oak=1, mallory=40)


def file(provider: str, number: int = 0) -> Finished:
    return Finished(f"261124-{provider}-{number:05}")


@pytest.fixture
def company() -> Company:
    """One in which mallory has a heap outside, and oak nothing."""
    found = Company(lambda: 0.0)
    found.note(["oak", "mallory"])
    found.outside = frozenset({"mallory"})
    return found


@pytest.fixture
def out(company: Company) -> OutOfHand:
    return OutOfHand(company)


def put(out: OutOfHand, provider: str, count: int) -> None:
    for number in range(count):
        out.put(file(provider, number))


def whose(found: tuple[Sequence[Finished], bool] | Sequence[Finished]) -> str:
    """The first letters of the providers whose files are given out."""
    items = found[0] if isinstance(found, tuple) else found
    return "".join(item.reference.split("-")[1][0] for item in items)


def test_one_alone_fills_a_commit() -> None:
    company = Company(lambda: 0.0)
    company.note(["mallory"])
    out = OutOfHand(company)
    put(out, "mallory", A_COMMIT + 9)
    assert len(out.so_far(HELD)[0]) == A_COMMIT
    assert len(out.so_far(HELD)[0]) == 9
    assert out.so_far(HELD) == ([], False)


def test_who_has_all_inside_goes_before_the_heap_and_alone(out: OutOfHand) -> None:
    put(out, "mallory", 9)
    put(out, "oak", 1)
    assert whose(out.so_far(HELD)) == "o"
    assert whose(out.so_far(Counter(mallory=40))) == "mm"


def test_the_heap_waits_a_moment_for_what_is_being_looked_at(out: OutOfHand) -> None:
    put(out, "mallory", 9)
    threading.Timer(0.02, put, [out, "oak", 1]).start()
    assert whose(out.so_far(HELD)) == "o"


def test_and_only_a_moment(out: OutOfHand) -> None:
    put(out, "mallory", 9)
    assert whose(out.so_far(HELD)) == "mm"


def test_the_heap_has_its_turn_however_many_go_before_it(out: OutOfHand) -> None:
    put(out, "mallory", 9)
    order = ""
    for _ in range(2 * (IN_A_ROW + 1)):
        put(out, "oak", 1)
        order += whose(out.so_far(HELD))
    assert order.count("m") == 2
    assert order.startswith(IN_A_ROW * "o")


def test_heaps_are_put_on_record_together_and_wait_for_nobody(company: Company) -> None:
    company.note([*["oak"] * 9, *["mallory"] * 9])
    out = OutOfHand(company)
    put(out, "mallory", A_COMMIT)
    put(out, "oak", A_COMMIT)
    assert Counter(whose(out.so_far(Counter(oak=64, mallory=64)))) == {"m": A_COMMIT // 2, "o": A_COMMIT // 2}
    put(out, "mallory", 1)
    assert out.hurried(Counter(oak=64, mallory=64)) == []


def test_those_who_hurry_are_given_out_and_the_heap_is_not(out: OutOfHand) -> None:
    put(out, "mallory", 9)
    assert out.hurried(HELD) == []
    put(out, "oak", 2)
    out.put(None)
    assert whose(out.hurried(HELD)) == "oo"
    assert out.so_far(HELD)[1], "somebody still wants a look"


def test_a_crowd_is_put_on_record_together(out: OutOfHand, company: Company) -> None:
    company.outside = frozenset()
    for number in range(50):
        put(out, f"school{number}", 1)
    assert len(out.so_far(Counter())[0]) == 50


def test_a_wait_ends_when_somebody_wants_a_look_and_after_its_time(out: OutOfHand) -> None:
    assert out.wait(0.01, HELD) == []
    out.put(None)
    assert out.wait(None, HELD) == []
    put(out, "oak", 1)
    assert whose(out.wait(None, HELD)) == "o"
