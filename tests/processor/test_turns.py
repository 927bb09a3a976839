"""Turns: nobody waits for another's heap, and a file that broke a process costs others no worker."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from gateway.examiner.protocol import Job
from gateway.model import Upload
from gateway.processor.turns import A_HEAP, A_TURN_FILES, A_TURN_SECONDS, Company, Turns, chosen
from gateway.record.assignments import Assignment

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
    at_work: list[tuple[Assignment, bool]] = []
    while len(order) < count and (given := turns.next()) is not None:
        order.append(given[0].upload.provider[0])
        at_work.append(given)
        if len(at_work) == at_once:
            done, struck = at_work.pop(0)
            turns.done(done, struck=struck)
    return "".join(order)


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def company(now: list[float]) -> Company:
    return Company(lambda: now[0])


@pytest.fixture
def turns(now: list[float], company: Company) -> Turns:
    return Turns(2, lambda: now[0], company)


@pytest.mark.parametrize(
    ("landed", "in_hand", "room", "each", "expected"),
    [
        ([], [], 9, 9, ""),
        (["mallory"] * 9, [], 4, 9, "mmmm"),
        (["mallory"] * 9 + ["oak"], [], 4, 9, "momm"),
        (["mallory"] * 9 + ["oak", "elm", "oak"], [], 5, 9, "moemo"),
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
    found = chosen(waiting, held, room=room, each=each)
    assert "".join(one.partition("-")[2][0] for one in found) == expected
    assert len(set(found)) == len(found)


def test_a_provider_s_files_are_taken_in_the_order_in_which_they_landed() -> None:
    oak = references("oak", 5)
    found = chosen([*references("mallory", 50), *oak], [], room=20, each=64)
    assert [one for one in found if one in oak] == oak


def test_the_references_of_a_provider_with_hyphens_are_its_own() -> None:
    found = chosen([*references("st-mary-s", 3), *references("st-mary", 3)], [], room=2, each=9)
    assert found == ["261124-st-mary-s-00000", "261124-st-mary-00000"]


def test_who_comes_to_a_heap_waits_for_a_turn_and_not_for_the_heap(turns: Turns) -> None:
    for number in range(100):
        turns.add(file("mallory", number))
    turns.add(file("oak"))
    assert served(turns, 101).index("o") <= A_TURN_FILES


def test_a_turn_of_slow_files_ends_early(turns: Turns, now: list[float]) -> None:
    for number in range(10):
        turns.add(file("mallory", number))
    turns.add(file("oak"))
    assert served(turns, 1) == "m"
    now[0] += A_TURN_SECONDS
    assert served(turns, 1) == "o"


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
    assert len(turns) == 2
    turns.done(first[0], struck=True)
    assert turns.next() is not None


def test_a_struck_file_waits_for_the_others_but_not_for_ever(turns: Turns) -> None:
    turns.add(file("mallory"), struck=True)
    for number in range(40):
        turns.add(file("oak", number))
    order = served(turns, 41)
    assert order.startswith("oooooooo")
    assert "m" in order[:-1]


def test_what_is_given_up_waits_no_more(turns: Turns) -> None:
    turns.add(file("mallory"), struck=True)
    turns.add(file("oak"))
    assert len(turns.give_up()) == 2
    assert turns.next() is None


LARGE, SMALL, CROWD = 16, 2, "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("noted", "spares", "present", "portion"),
    [
        ([], False, "m", 16),
        ([(0, {"m": 1})], False, "m", 16),
        ([(0, {"m": 99})], False, "m", 16),
        # One has a heap, another has none.
        ([(0, {"m": 99, "o": 1})], True, "mo", 1),
        ([(0, {"m": 99, "o": 1})], True, "m", 2),
        ([(0, {"m": 99, "o": A_HEAP - 1})], True, "mo", 1),
        ([(0, {"m": 1, "o": 1})], True, "mo", 1),
        # Each has one.
        ([(0, {"m": 99, "o": A_HEAP})], False, "mo", 8),
        ([(0, {"m": 99, "o": A_HEAP})], False, "m", 16),
        ([(0, {"m": 99, "o": 9, "e": 9, "a": 9})], False, "moea", 4),
        ([(0, {"m": 99, "o": 9, "e": 1})], True, "moe", 1),
        ([(0, {"m": 99, "o": 9, "e": 1})], True, "mo", 1),
        ([(0, dict.fromkeys(CROWD, 9))], False, CROWD, 1),
        ([(0, dict.fromkeys(CROWD, 1))], True, CROWD, 1),
        # Who was about of late may be back at once.
        ([(0, {"o": 1}), (9, {"m": 99})], True, "m", 2),
        ([(0, {"o": 1}), (11, {"m": 99})], False, "m", 16),
        ([(0, {"o": 1}), (9, {"o": 1}), (18, {"m": 99})], True, "m", 2),
        # What is left of a heap is of it, and what comes to it too, until it is long gone.
        ([(0, {"m": 99, "o": 9}), (1, {"m": 99, "o": 1}), (2, {"m": 99})], False, "m", 16),
        ([(0, {"o": 9}), (9, {"m": 99, "o": 1})], False, "mo", 8),
        ([(0, {"m": 99, "o": 9}), (11, {"m": 99, "o": 1})], True, "mo", 1),
        ([(0, {"o": 9}), (9, {"m": 99, "o": 1}), (10.5, {"m": 99})], True, "m", 2),
    ],
)
def test_how_many_are_dealt_with_together(  # noqa: PLR0917 - the columns of a table, and two fixtures
    noted: list[tuple[float, dict[str, int]]],
    spares: bool,
    present: str,
    portion: int,
    company: Company,
    now: list[float],
) -> None:
    for when, waiting in noted:
        now[0] = when
        company.note(Counter(waiting).elements())
    assert company.spares_somebody is spares
    assert company.portion(LARGE, SMALL, present) == portion


@pytest.mark.parametrize(
    ("outside", "held", "expected"),
    [
        ("", {"m": 64, "o": 1}, ""),
        ("m", {"m": 64, "o": 1}, "o"),
        ("m", {"m": 64, "o": A_HEAP - 1, "e": 1}, "oe"),
        ("m", {"m": 64, "o": A_HEAP}, ""),
        ("mo", {"m": 64, "o": 1}, ""),
        ("mo", {"m": 64, "o": 1, "e": 2}, "e"),
        ("m", {"m": 64}, ""),
        ("m", {}, ""),
    ],
)
def test_who_goes_first(outside: str, held: dict[str, int], expected: str, company: Company) -> None:
    company.outside = frozenset(outside)
    assert company.first_served(held) == set(expected)


def test_a_worker_is_kept_free_for_whoever_was_about_of_late(
    turns: Turns, company: Company, now: list[float]
) -> None:
    company.note(["mallory", "oak"])
    for number in range(3):
        turns.add(file("mallory", number))
    first = turns.next()
    assert first is not None
    assert turns.next() is None
    turns.done(first[0], struck=False)
    assert turns.next() is not None
    assert turns.next() is None
    now[0] += 11
    assert turns.next() is not None, "though nobody noted that oak is gone"
