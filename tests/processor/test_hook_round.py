"""What the processor lays out for web hooks, and what is said of a hook that fails."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from gateway.log.leaf import rfc3339
from gateway.processor import hook_round
from gateway.processor.hook_round import HookRound
from gateway.processor.service import open_processor
from gateway.registry import hooks, log
from gateway.registry.log import Entry
from gateway.registry.tables import HandOnBatchRow, HookRow
from gateway.zones.places import LEASE_SECONDS
from tests.costs import statements
from tests.workshop import Desk


def hooked(desk: Desk, *, tried: int) -> None:
    """Put a hook for all events on record that somebody then has tried so often."""
    with desk.registry.write() as session:
        session.add(
            HookRow(
                name="case-files", address="https://a.example", events="", teams="", made_at=desk.now,
                made_by="ann", entry=log.size(session), looked_at=desk.now,
            )
        )  # fmt: skip
        once = Entry(kind="hook-tried", subject="hooks", fields={"what": "case-files"}, actor="ann")
        log.append(session, [once] * tried, desk.now)


def test_a_late_batch_is_told_with_its_team_once_it_is_due(desk: Desk) -> None:
    due, hour = desk.now, timedelta(hours=1)
    with desk.registry.write() as session:
        batch = HandOnBatchRow(
            hand_on="payroll", number=7, team="sen", target="x", owed_at=due, due_at=due, trouble=None
        )
        session.add_all(
            [
                batch,
                HandOnBatchRow(
                    hand_on="payroll",
                    number=8,
                    team="sen",
                    target="x",
                    owed_at=due,
                    trouble="the server is not reached",
                ),
            ]
        )
        session.flush()
        spans = ((due - hour, due - hour / 2), (due - hour, due + hour), (due, due + hour))
        told = [list(hook_round._of_hand_ons(session, *span)) for span in spans]
    stem = f"_late-payroll-000007-{due:%Y%m%d%H%M%S}"
    data = {"hand_on": "payroll", "batch": "payroll-000007", "teams": ["sen"]}
    message = {"type": "hand_on.late", "timestamp": rfc3339(due), "data": data}
    assert told == [[], [(stem, message)], []]


@pytest.mark.parametrize(
    ("trouble", "lost", "said"),
    [
        (None, None, ""),
        ("it answered 500", None, "it answered 500"),
        (None, datetime(2026, 11, 24, 9, 5, tzinfo=UTC), "messages since 2026-11-24 09:05 UTC were given up"),
        (
            "it answered 500", datetime(2026, 11, 24, 9, 5, tzinfo=UTC),
            "it answered 500; messages since 2026-11-24 09:05 UTC were given up",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_hook_is_said_in_words(
    trouble: str | None, lost: datetime | None, said: str
) -> None:
    now = datetime.now(UTC)
    row = HookRow(
        name="a", address="https://a.example", events="", teams="", made_at=now, made_by="ann", entry=0,
        looked_at=now, trouble=trouble, lost_since=lost,
    )  # fmt: skip
    assert hooks.remark(row) == said


def test_without_a_hook_a_round_asks_once_and_writes_nothing(desk: Desk) -> None:
    with desk.registrar() as registrar, statements() as seen:
        HookRound(registrar).tend(registrar)
    assert [one.split()[0] for one in seen if one != "BEGIN"] == ["SELECT"]  # In PostgreSQL, without it.


def test_a_test_message_does_not_wait_for_all_that_is_to_be_told_before_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken is sent again, too, where that is asked for: the rest of it follows."""
    monkeypatch.setattr(hook_round.hooks, "AT_ONCE", 2)
    hooked(desk, tried=5)
    folder = desk.home.hooks / "case-files"
    with desk.registrar() as registrar:
        found = HookRound(registrar)
        found.tend(registrar)
        first, second, *_, last = sorted(folder.glob("*.json"))
        assert len([*folder.glob("*.json")]) == 5
        (folder / "done" / second.stem).touch()
        found.tend(registrar)
        assert not second.exists()
        with desk.registry.write() as session:
            begins = {"what": "case-files", "begins": rfc3339(desk.now - timedelta(days=1))}
            hooks.tell_again(session, hooks.find(session, "case-files"), desk.now - timedelta(days=1))
            log.append(session, [Entry(kind="hook-tried", subject="hooks", fields=begins)], desk.now)
        found.tend(registrar)
        assert second.exists()
        assert int(max(folder.glob("*.json")).stem.partition("_")[0]) > int(last.stem.partition("_")[0])
        for path in folder.glob("*.json"):
            (folder / "done" / path.stem).touch()
        for _ in range(4):
            found.tend(registrar)
    assert first.exists() is False
    assert [*folder.glob("*.json")] == []
    with desk.registry.read() as session:
        assert hooks.find(session, "case-files").entry == log.size(session)


def held(desk: Desk, files: int) -> None:
    """Put so many held files on record, after a hook is to be told of such."""
    with desk.registry.write() as session:
        hooks.find(session, "case-files").events = "file.held"
        entry = Entry(kind="decided", subject="x", fields={"state": "held"})
        log.append(session, [entry] * files, desk.now)


def test_a_message_that_is_always_refused_keeps_nothing_back_and_stays_till_it_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_round.hooks, "AT_ONCE", 4)
    hooked(desk, tried=0)
    held(desk, 11)
    folder, taken = desk.home.hooks / "case-files", list[str]()
    with desk.registrar() as registrar:
        HookRound(registrar).tend(registrar)
        refused = min(folder.glob("*.json"))
        for _ in range(4):
            for path in {*folder.glob("*.json")} - {refused}:
                (folder / "done" / path.stem).touch()
                taken.append(path.stem)
            for _ in range(2):  # Each time as by another host.
                HookRound(registrar).tend(registrar)
        assert [*folder.glob("*.json")] == [refused]
        assert len(taken) == len(set(taken)) == 10
        (folder / "done" / refused.stem).touch()
        HookRound(registrar).tend(registrar)
    with desk.registry.read() as session:
        row = hooks.find(session, "case-files")
        assert (row.entry, row.behind) == (log.size(session), None)
    assert [*folder.rglob("*_entry-*")] == []


def test_many_messages_that_are_always_refused_keep_nothing_back_either(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_round.hooks, "AT_ONCE", 4)
    hooked(desk, tried=0)
    held(desk, 12)
    folder, taken = desk.home.hooks / "case-files", set[str]()
    with desk.registrar() as registrar:
        for _ in range(12):
            HookRound(registrar).tend(registrar)
            for path in folder.glob("*.json"):
                if int(path.stem.partition("_")[0]) % 4 == 0:  # The address refuses three of four.
                    (folder / "done" / path.stem).touch()
                    taken.add(path.stem)
        assert len(taken) == 3
        assert len([*folder.glob("*.json")]) == 9
        held(desk, 40)
        for _ in range(12):
            HookRound(registrar).tend(registrar)
            for path in folder.glob("*.json"):
                if int(path.stem.partition("_")[0]) % 4 == 0:
                    (folder / "done" / path.stem).touch()
        # Each round reads all of them: those are not many.
        assert len([*folder.glob("*.json")]) <= 5 * 4


def test_a_hook_that_takes_nothing_is_not_laid_out_a_whole_year(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_round.hooks, "AT_ONCE", 4)
    hooked(desk, tried=0)
    held(desk, 20)
    with desk.registrar() as registrar:
        for _ in range(4):
            HookRound(registrar).tend(registrar)
    assert len([*(desk.home.hooks / "case-files").glob("*.json")]) == 4


def test_a_round_ends_before_the_lease_however_many_messages_are_new(desk: Desk) -> None:
    hooked(desk, tried=0)
    held(desk, 450)
    written = []
    with desk.registrar() as registrar:
        found = HookRound(registrar)
        for _ in range(3):
            found.tend(registrar)
            written.append(len([*(desk.home.hooks / "case-files").glob("*.json")]))
    assert written == [200, 400, 450]


def test_a_message_that_was_taken_lies_there_no_more_and_an_earlier_one_stays(desk: Desk) -> None:
    hooked(desk, tried=2)
    folder = desk.home.hooks / "case-files"
    with desk.registrar() as registrar:
        found = HookRound(registrar)
        found.tend(registrar)
        earlier, later = sorted(folder.glob("*.json"))
        (folder / "done" / later.stem).touch()
        found.tend(registrar)
    assert list(folder.glob("*.json")) == [earlier]


def test_a_message_that_nobody_sends_for_long_is_a_trouble_and_a_new_one_is_none(desk: Desk) -> None:
    hooked(desk, tried=1)
    with desk.registrar() as registrar:
        for laid_out_before, told in ((timedelta(), None), (timedelta(hours=2), "nothing is sent")):
            found = HookRound(registrar)
            found.tend(registrar)
            (message,) = (desk.home.hooks / "case-files").glob("*.json")
            at = (desk.now - laid_out_before).timestamp()
            os.utime(message, (at, at))
            found.tend(registrar)
            with registrar.registry.read() as session:
                trouble = hooks.find(session, "case-files").trouble
            assert (trouble or "").partition(":")[0] == (told or "")


def test_after_a_clock_that_was_a_year_ahead_a_late_batch_is_told(desk: Desk) -> None:
    with desk.registry.write() as session:
        session.add(
            HookRow(
                name="case-files", address="https://a.example", events="hand_on.late", teams="",
                made_at=desk.now, made_by="ann", entry=log.size(session), looked_at=desk.now,
            )
        )  # fmt: skip
    with desk.registrar() as registrar:
        for days in (365, -365):
            desk.pass_time(days=days)
            HookRound(registrar).tend(registrar)
        with desk.registry.write() as session:
            session.add(
                HandOnBatchRow(
                    hand_on="casework", number=1, team="education-welfare", target="t", owed_at=desk.now,
                    made_at=desk.now, sent_at=desk.now, due_at=desk.now + timedelta(hours=1),
                )
            )  # fmt: skip
        desk.pass_time(hours=2)
        HookRound(registrar).tend(registrar)
    assert len([*(desk.home.hooks / "case-files").glob("_late-casework-000001-*.json")]) == 1


def test_what_is_asked_for_in_the_middle_of_a_round_is_recorded_as_given_up_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.pass_time(hours=1)
    with desk.registry.write() as session:
        session.add(
            HookRow(
                name="case-files", address="https://a.example", events="", teams="", made_at=desk.now,
                made_by="ann", entry=log.size(session), looked_at=desk.now - timedelta(days=2),
                lost_since=desk.now,
            )
        )  # fmt: skip
        tried = Entry(kind="hook-tried", subject="hooks", fields={"what": "case-files"}, actor="ann")
        log.append(session, [tried], desk.now)

    def asked_for(*_: object) -> str:
        with desk.registry.write() as session:
            row = hooks.find(session, "case-files")
            hooks.tell_again(session, row, desk.now)
            session.add(row)
        return "it answered 500"

    with desk.registrar() as registrar, monkeypatch.context() as patched:
        patched.setattr(hook_round, "trouble_in", asked_for)
        HookRound(registrar).tend(registrar)
    with desk.registry.read() as session:
        assert hooks.find(session, "case-files").lost_since is None


def test_what_was_given_up_of_a_clock_that_was_ahead_is_sent_again(desk: Desk) -> None:
    tried = Entry(kind="hook-tried", subject="hooks", fields={"what": "case-files"}, actor="ann")
    hooked(desk, tried=0)
    folder = desk.home.hooks / "case-files"
    with desk.registrar() as registrar:
        for hours in (3, -2):
            desk.pass_time(hours=hours)
            with desk.registry.write() as session:
                log.append(session, [tried], desk.now)
            HookRound(registrar).tend(registrar)
        given_up, taken = sorted(folder.glob("*.json"))
        (folder / "done" / taken.stem).touch()
        for hours in (80, 0):
            desk.pass_time(hours=hours)
            HookRound(registrar).tend(registrar)
        assert not given_up.exists()
        with desk.registry.write() as session:
            row = hooks.find(session, "case-files")
            assert row.lost_since is not None
            hooks.tell_again(session, row, row.lost_since)
            log.record_changes(session, desk.now)
            log.append(session, [tried], desk.now)
        HookRound(registrar).tend(registrar)
    assert given_up.exists()


def test_each_team_that_was_to_have_a_held_file_is_told_that_it_is_withdrawn(desk: Desk) -> None:
    subject = "261126-oak-00001"
    entries = [
        Entry(kind="decided", subject=subject, fields={"state": "accepted", "teams": "sen,welfare"}),
        Entry(kind="collected", subject=subject, fields={"team": "sen"}),
        Entry(kind="release-proposed", subject=subject, fields={"teams": "exclusions"}),
        Entry(kind="withdrawn", subject=subject, fields={"state": "held"}),
    ]
    with desk.registry.write() as session:
        log.append(session, entries, desk.now)
    with desk.registry.read() as session:
        (*_, withdrawn) = log.events(session, subject)
        ((_, message),) = hook_round._of_entry(session, withdrawn)
    assert (message["type"], message["data"]["teams"]) == ("file.withdrawn", ["sen", "welfare"])


def test_the_lease_of_the_courier_lasts_from_round_to_round_whatever_the_pause(desk: Desk) -> None:
    settings = desk.home.settings
    settings.write_text(settings.read_text().replace("rescan_seconds = 5.0", "rescan_seconds = 60.0"))
    with open_processor(desk.home, desk.clock) as processor:
        assert processor._rescan_seconds < LEASE_SECONDS
