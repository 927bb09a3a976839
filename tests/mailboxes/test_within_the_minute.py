"""What takes a while is worked out once a minute, however many ask."""

from __future__ import annotations

import threading

from gateway.mailboxes.console_api.context import WithinTheMinute
from tests.waiting import until


def test_an_answer_is_worked_out_anew_after_a_minute_and_for_each_question() -> None:
    now, worked = [0.0], []

    def work() -> int:
        worked.append(now[0])
        return len(worked)

    remembered: WithinTheMinute[str, int] = WithinTheMinute(lambda: now[0])
    assert [remembered.of("a", work), remembered.of("a", work), remembered.of("b", work)] == [1, 1, 2]
    now[0] = 59.9
    assert remembered.of("a", work) == 1
    now[0] = 60.0
    assert remembered.of("a", work) == 1  # What is known, while it is worked out anew.
    until(lambda: remembered.of("a", work) == 3, "the answer that was worked out meanwhile")
    now[0] = 661.0
    assert remembered.of("b", work) == 4  # What is old is not told.
    for number in range(20):
        remembered.of(str(number), work)
    assert remembered.of("19", work) == 24
    assert remembered.of("a", work) == 25  # Forgotten: only a few are remembered.


def test_who_asks_meanwhile_waits_for_the_same_answer() -> None:
    begun, go_on, worked = threading.Event(), threading.Event(), []

    def work() -> int:
        begun.set()
        assert go_on.wait(60)
        worked.append(1)
        return 7

    remembered: WithinTheMinute[str, int] = WithinTheMinute(lambda: 0.0)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(remembered.of("a", work))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert (found, worked) == ([7] * 4, [1])
