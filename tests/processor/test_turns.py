"""Turns: nobody waits for another's heap, and a file that broke a process costs others no worker."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from gateway.examiner.protocol import Job
from gateway.home import provider_of
from gateway.model import Upload
from gateway.processor.worker_pool import A_TURN_FILES, A_TURN_SECONDS, Turns, in_turn
from gateway.record.conclude import Assignment

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def file(provider: str, number: int = 0) -> Assignment:
    reference = f"261124-{provider}-{number:05}"
    upload = Upload(
        reference=reference, provider=provider, name="x", folder="in", size=1, sha256="0" * 64,
        started_at=NOW, landed_at=NOW, ssh_key="",
    )  # fmt: skip
    return Assignment(upload, Job(reference=reference, name="x", senders=(), now=NOW), "")


def references(provider: str, count: int) -> list[str]:
    return [file(provider, number).upload.reference for number in range(count)]


def served(turns: Turns, count: int, *, at_once: int = 1) -> str:
    """The first letters of the providers that are served, with `at_once` files looked at at a time."""
    order: list[str] = []
    at_work: list[str] = []
    while len(order) < count and (given := turns.next()) is not None:
        order.append(given[0].upload.provider[0])
        at_work.append(given[1])
        if len(at_work) == at_once:
            turns.at_work[at_work.pop(0)] -= 1
    return "".join(order)


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def turns(now: list[float]) -> Turns:
    return Turns(2, lambda: now[0])


@pytest.mark.parametrize(
    ("landed", "in_hand", "room", "each", "expected"),
    [
        ([], [], 9, 9, ""),
        (["mallory"] * 9, [], 4, 9, "mmmm"),
        (["mallory"] * 9 + ["oak"], [], 4, 9, "ommm"),
        (["mallory"] * 9 + ["oak", "elm", "oak"], [], 5, 9, "eomom"),
        (["mallory"] * 9 + ["oak"], ["mallory"] * 3, 2, 9, "om"),
        (["mallory"] * 9 + ["oak"], ["mallory"] * 3, 9, 3, "o"),
        (["mallory"] * 9, ["mallory"] * 3, 9, 3, ""),
        (["mallory"] * 9, [], 0, 9, ""),
    ],
)
def test_what_is_taken_in_hand(
    landed: list[str], in_hand: list[str], room: int, each: int, expected: str
) -> None:
    waiting = [file(name, number).upload.reference for number, name in enumerate(landed)]
    held = [file(name, 100 + number).upload.reference for number, name in enumerate(in_hand)]
    found = in_turn(waiting, Counter(map(provider_of, held)), room=room, each=each)
    assert "".join(one.partition("-")[2][0] for one in found) == expected
    assert len(set(found)) == len(found)


def test_a_provider_s_files_are_taken_in_the_order_in_which_they_landed() -> None:
    oak = references("oak", 5)
    found = in_turn([*references("mallory", 50), *oak], Counter(), room=20, each=64)
    assert [one for one in found if one in oak] == oak


def test_several_of_one_provider_may_be_taken_at_a_time_and_whoever_comes_late_is_not_behind_them() -> None:
    waiting = [*references("mallory", 9), *references("oak", 9), *references("elm", 1)]
    found = in_turn(waiting, Counter({"oak": 3}), room=9, each=9, at_a_time=4)
    assert "".join(one.partition("-")[2][0] for one in found) == "emmmmoooo"


def test_whoever_has_one_file_does_not_wait_for_the_turns_of_hundreds_of_heaps() -> None:
    heaps = [one for number in range(300) for one in references(f"school-{number}", 9)]
    assert in_turn([*heaps, *references("elm", 1)], Counter(), room=1, each=64, at_a_time=8) == references(
        "elm", 1
    )


def test_the_references_of_a_provider_with_hyphens_are_its_own() -> None:
    found = in_turn([*references("st-mary-s", 3), *references("st-mary", 3)], Counter(), room=2, each=9)
    assert found == ["261124-st-mary-s-00000", "261124-st-mary-00000"]


def test_who_comes_to_a_heap_waits_for_a_turn_and_not_for_the_heap(turns: Turns) -> None:
    for number in range(100):
        turns.add(file("mallory", number))
    turns.add(file("oak"))
    assert served(turns, 101).index("o") <= A_TURN_FILES


def test_who_comes_to_two_heaps_waits_for_a_turn_of_each_and_not_for_the_heaps(turns: Turns) -> None:
    for number in range(100):
        turns.add(file("mallory", number))
        turns.add(file("trudy", number))
    turns.add(file("oak"))
    assert served(turns, 201, at_once=2).index("o") <= 2 * A_TURN_FILES


def test_a_turn_of_slow_files_ends_early(turns: Turns, now: list[float]) -> None:
    for number in range(10):
        turns.add(file("mallory", number))
    turns.add(file("oak"))
    assert served(turns, 1) == "m"
    now[0] += A_TURN_SECONDS
    assert served(turns, 1) == "o"


def test_a_worker_goes_on_with_its_provider_until_the_turn_ends(turns: Turns, now: list[float]) -> None:
    for name in ("mallory", "oak") * 3:
        turns.add(file(name))
    assert [given[1] for _ in range(2) if (given := turns.next())] == ["mallory", "oak"]
    turns.at_work.clear()  # Both are done.
    for seconds, expected in ((0, "oak"), (A_TURN_SECONDS, "mallory")):
        now[0] += seconds
        given = turns.next("oak")
        assert given is not None
        assert given[1] == expected
        turns.at_work.clear()


def test_turns_go_round(turns: Turns) -> None:
    for name in ("mallory", "oak", "elm"):
        for number in range(A_TURN_FILES + 1):
            turns.add(file(name, number))
    some = A_TURN_FILES
    assert served(turns, 3 * some + 3) == "m" * some + "o" * some + "e" * some + "moe"


def test_where_others_wait_nobody_is_given_every_worker(turns: Turns) -> None:
    for number in range(10):
        turns.add(file("mallory", number))
    turns.add(file("oak"))
    assert {turns.next()[0].upload.provider for _ in range(2)} == {"mallory", "oak"}  # type: ignore[index]


def test_where_as_many_wait_as_there_are_workers_each_provider_has_one() -> None:
    turns = Turns(3, lambda: 0.0)
    for number in range(10):
        for name in ("mallory", "oak", "elm"):
            turns.add(file(name, number))
    assert {turns.next()[0].upload.provider for _ in range(3)} == {"mallory", "oak", "elm"}  # type: ignore[index]


def test_a_heap_that_waits_alone_has_all_workers_but_one_beside_whoever_was_about() -> None:
    turns = Turns(3, lambda: 0.0)
    turns.add(file("oak"))
    assert turns.next() is not None
    for number in range(3):
        turns.add(file("mallory", number))
    assert turns.next() is not None
    assert turns.next() is not None
    assert turns.next() is None


def test_who_is_alone_has_every_worker(turns: Turns) -> None:
    turns.add(file("mallory", 1))
    turns.add(file("mallory", 2))
    assert served(turns, 2, at_once=3) == "mm"


def test_struck_files_are_looked_at_one_at_a_time(turns: Turns) -> None:
    for number in range(3):
        turns.add(file("mallory", number), struck=True)
    first = turns.next()
    assert first is not None
    assert turns.next() is None
    turns.at_work[first[1]] -= 1
    assert turns.next() is not None


def test_struck_files_have_a_turn_of_their_own_and_keep_nobody_waiting(turns: Turns) -> None:
    for number in range(40):
        turns.add(file("oak", number))
    turns.add(file("mallory"), struck=True)
    for number in range(40, 50):
        turns.add(file("oak", number))
    order = served(turns, 51)
    assert order.startswith("o" * A_TURN_FILES)
    assert "m" in order[:-1]


def test_what_is_given_up_waits_no_more(turns: Turns) -> None:
    turns.add(file("mallory"), struck=True)
    turns.add(file("oak"))
    assert len(turns.give_up()) == 2
    assert turns.next() is None


def test_a_worker_is_kept_free_for_whoever_was_about_of_late(turns: Turns, now: list[float]) -> None:
    turns.add(file("oak"))
    assert served(turns, 1) == "o"
    for number in range(3):
        turns.add(file("mallory", number))
    first = turns.next()
    assert first is not None
    assert turns.next() is None
    turns.at_work[first[1]] -= 1
    assert turns.next() is not None
    assert turns.next() is None
    now[0] += 11
    assert turns.next() is not None, "though nobody noted that oak is gone"
