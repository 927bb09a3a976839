"""Which files are counted for place planning: one a school, kind and census period, and of whole rolls."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from gateway.acts import held_decisions, recalls
from gateway.errors import Fault
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Job, Looked
from gateway.model import Classified, Provider, Released
from gateway.policy.catalogue import load_catalogue
from gateway.policy.items import counts_period
from gateway.processor.service import open_processor
from gateway.record.consequences import CountsOwed
from gateway.record.registrar import Rulebook
from gateway.registry import deliveries, log, providers, transfers
from gateway.registry.database import Registry
from gateway.registry.deliveries import Delivery, note_collected
from gateway.registry.log import Entry
from tests.classify import made
from tests.clock import THIS_YEAR
from tests.content import census
from tests.policies import shipped
from tests.record.made import NOW, opened, upload
from tests.workshop import Desk

TEAM = "school-place-planning"
YEARS = THIS_YEAR


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)


def roll(*numbers: int) -> bytes:
    """Student core data of these pupils, with their year groups and sexes."""
    return made.ctf(made.pupil(made.Child(n), made.CORE_INSIDE) for n in numbers).encode()


def given(desk: Desk) -> list[Delivery]:
    with desk.registry.read() as session:
        return list(deliveries.page(session, TEAM, limit=20))


def references(desk: Desk) -> list[str]:
    return [one.reference for one in given(desk)]


def collect(desk: Desk, at: datetime) -> None:
    with desk.registry.write() as session:
        for one in given(desk):
            note_collected(session, one, at)


def pass_the_end_of_a_period(desk: Desk, ahead: timedelta) -> None:
    """Wait until the census period of now lasts for so long."""
    catalogue = load_catalogue(desk.home.policies)

    def period(moment: datetime) -> str:
        return counts_period("student-core", None, moment, catalogue)

    while period(desk.now) != period(desk.now + ahead):
        desk.pass_time(days=1)


def test_the_first_whole_roll_of_a_period_is_counted_and_its_school_is_told(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    sent = desk.send(oak, roll(*range(1, 11)))
    desk.process()
    (one,) = given(desk)
    assert (one.reference, one.counts, one.whole) == (sent, True, False)
    assert TEAM in desk.transfer(sent).teams
    assert "School Place Planning" in desk.receipt(sent)
    assert TEAM in desk.teams_given(sent)
    desk.gateway("log", "verify")


def test_a_file_of_a_few_changes_is_not_counted(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, roll(*range(1, 11)))
    desk.process()
    collect(desk, desk.now)
    changes = desk.send(oak, roll(1, 2))
    desk.process()
    assert changes not in references(desk)
    assert TEAM not in desk.transfer(changes).teams


def test_a_file_of_a_few_changes_takes_nobodys_place(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    whole = desk.send(oak, roll(*range(1, 11)))
    desk.process()
    desk.send(oak, roll(1, 2))
    desk.process()
    assert references(desk) == [whole]


def test_a_later_roll_stands_for_an_earlier_one_that_nobody_has_opened(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, roll(*range(1, 11)))
    desk.process()
    later = desk.send(oak, roll(*range(1, 12)))
    desk.process()
    assert references(desk) == [later]


def test_a_team_without_records_to_which_a_file_is_released_has_counts_of_it(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path}/registry.db")
    registry.migrate()
    kind = Classified(data_type="student-core", level="certain", evidence=(), format="CTF", extension="xml")
    decision = Released(flow="student-core", teams=("sen", TEAM), reasons=())
    sender = Provider(id="oak", name="Oak", kind="school")
    with registry.write() as session:
        providers.add_provider(session, sender, NOW)
        transfers.land(session, upload())
        transfers.record_content(session, upload().reference, opened(), kind, rules="5" * 64)
        (transfer,) = transfers.record_decisions(session, [(upload().reference, decision)], NOW)
        CountsOwed(session, shipped(), NOW).give([(transfer, decision, sender, True)])
        counts = {team: deliveries.page(session, team, limit=1)[0].counts for team in decision.teams}
    assert counts == {"sen": False, TEAM: True}
    registry.close()


def drained(desk: Desk) -> int:
    """How many files stay landed once all has been done that can be."""
    with open_processor(desk.home, desk.clock, examiners=desk.children.lent) as processor:
        return processor.drain()


def test_an_earlier_roll_that_is_decided_later_does_not_stand_for_a_later_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many that are examined at once, and more so by several hosts, none need be decided in its turn."""
    oak = desk.provider("oak", years=YEARS)
    earlier = desk.send(oak, roll(*range(1, 12)))
    examine = Examiner.examine

    def not_yet(self: Examiner, job: Job) -> Looked:
        if job.reference == earlier:
            raise Fault("not yet")
        return examine(self, job)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Examiner, "examine", not_yet)
        assert drained(desk) == 1
        later = desk.send(oak, roll(*range(11, 0, -1)))
        assert drained(desk) == 1
    assert (desk.state(earlier), references(desk)) == ("landed", [later])
    desk.process()
    assert (desk.state(earlier), references(desk)) == ("accepted", [later])
    assert TEAM not in desk.transfer(earlier).teams
    assert f"stands instead of this one: {later}" in desk.receipt(earlier)


def test_whoever_has_opened_the_counts_of_a_period_is_given_no_others_to_subtract(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    pass_the_end_of_a_period(desk, timedelta(days=21))
    first = desk.send(oak, roll(*range(1, 11)))
    desk.process()
    collect(desk, desk.now)
    for week in range(1, 4):
        desk.pass_time(days=7)
        desk.send(oak, roll(*range(1, 11 + week)))
        desk.process()
    assert references(desk) == [first]
    other = desk.send(elm, roll(*range(31, 41)))
    desk.process()
    assert set(references(desk)) == {first, other}


def test_the_next_census_period_has_counts_of_its_own(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    first = desk.send(oak, roll(*range(1, 11)))
    desk.process()
    collect(desk, desk.now)
    desk.pass_time(days=70)
    later = desk.send(oak, roll(*range(1, 12)))
    desk.process()
    assert references(desk) == [later, first]


def test_counts_go_with_a_file_that_is_withdrawn_and_stay_when_it_is_delivered_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak = desk.provider("oak", years=YEARS)
    sent = desk.send(oak, roll(*range(1, 11)))
    desk.process()
    desk.gateway("transfers", "redeliver", sent, "--why", "once more")
    assert [one.counts for one in given(desk)] == [True]
    desk.gateway("transfers", "redeliver", sent, "--team", TEAM, "--why", "x", "--override", code=1)
    for again, back in ((("--team", "central-data-team"), []), ((), [True])):
        monkeypatch.setenv("GATEWAY_ADMIN", "jane")
        desk.gateway("transfers", "withdraw", sent, "--why", "sent to the wrong authority")
        assert given(desk) == []
        monkeypatch.setenv("GATEWAY_ADMIN", "sam")
        desk.gateway("transfers", "redeliver", sent, *again, "--why", "it was right")
        assert [one.counts for one in given(desk)] == back


def test_the_counts_before_are_given_again_where_the_later_file_is_withdrawn_unopened(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak = desk.provider("oak", years=YEARS)
    sent = []
    for number in (11, 12):
        sent.append(desk.send(oak, roll(*range(1, number))))
        desk.process()
    first, later = sent
    for opened_it in (False, True):
        if opened_it:
            collect(desk, desk.now)
        monkeypatch.setenv("GATEWAY_ADMIN", "jane")
        desk.gateway("transfers", "withdraw", later, "--why", "sent to the wrong authority")
        assert [(one.reference, one.counts) for one in given(desk)] == [(first, True)] * (not opened_it)
        monkeypatch.setenv("GATEWAY_ADMIN", "sam")
        desk.gateway("transfers", "redeliver", later, "--why", "it was right")
        assert references(desk) == [later]
    desk.gateway("log", "verify")


@pytest.mark.parametrize(
    "acts", [("withdraw",), ("withdraw", "redeliver"), ("withdraw", "redeliver", "named")]
)
def test_whoever_opened_counts_of_a_file_withdrawn_since_gets_no_others_of_the_period(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, acts: tuple[str, ...]
) -> None:
    oak = desk.provider("oak", years=YEARS)
    pass_the_end_of_a_period(desk, timedelta(days=7))
    first = desk.send(oak, roll(*range(1, 11)))
    desk.process()
    collect(desk, desk.now)
    with desk.registry.write() as session:
        log.append(session, [Entry(kind="collected", subject=first, fields={"team": TEAM})], desk.now)
    named = ("--team", "central-data-team") if "named" in acts else ()
    for person, act, *to in (("jane", "withdraw"), ("sam", "redeliver", *named))[: len(acts)]:
        monkeypatch.setenv("GATEWAY_ADMIN", person)
        desk.gateway("transfers", act, first, *to, "--why", "the roll was looked at again")
    desk.pass_time(days=6)
    later = desk.send(oak, roll(*range(1, 12)))
    desk.process()
    assert desk.state(later) == "accepted"
    assert references(desk) == ([first] if len(acts) == 2 else [])
    desk.gateway("log", "verify")


def test_a_file_is_withdrawn_where_the_calendar_has_moved_it_into_the_period_of_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak, sent = desk.provider("oak", years=YEARS), []
    for number in (11, 12):
        sent.append(desk.send(oak, roll(*range(1, number))))
        desk.process()
        desk.pass_time(days=70)
    assert references(desk) == sent[::-1]
    monkeypatch.setattr(recalls, "counts_period", lambda *_: "one for both")
    desk.gateway("transfers", "withdraw", sent[1], "--why", "sent to the wrong authority")
    assert references(desk) == sent[:1]


def test_what_two_persons_release_against_the_agreement_is_not_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = desk.send(desk.provider("oak"), roll(*range(1, 11)))  # It has not ratified.
    desk.process()
    for person, *asked in (("jane", "release", "--override"), ("sam", "confirm")):
        monkeypatch.setenv("GATEWAY_ADMIN", person)
        desk.gateway("held", asked[0], sent, *asked[1:], "--why", "a tribunal")
    assert desk.state(sent) == "accepted"
    assert given(desk) == []


def test_who_releases_a_file_is_told_of_the_teams_that_get_counts_of_it(desk: Desk) -> None:
    old = re.sub(rb"(<ReferenceDate>|<Year>)\d{4}", rb"\g<1>2019", census(pupils=3))
    held = desk.send(desk.provider("oak", years=YEARS), old)
    desk.process()
    assert desk.codes(held)[0] == "policy:old-return"
    rules, now = Rulebook(desk.home, shipped()), desk.clock()
    with desk.registry.read() as session:
        transfer = transfers.get(session, held)
        asked = held_decisions.judged(rules, session, transfer, now)
        said = held_decisions.release_in_words(rules, session, transfer, asked, now)
        empty = replace(transfer, content=replace(cast("Classified", transfer.content), pupils=0))
        asked = held_decisions.judged(rules, session, empty, now)
        said_of_empty = held_decisions.release_in_words(rules, session, empty, asked, now)
        alone = replace(asked, teams=(TEAM,))
        said_of_one = held_decisions.release_in_words(rules, session, empty, alone, now, counted=False)
    assert TEAM in asked.teams
    assert said_of_empty == said
    assert said_of_one.endswith("it goes to School Place Planning, in counts alone.")
    assert said.endswith("it goes to Central Data Team, and in counts alone to School Place Planning.")
    done = desk.gateway("held", "release", held, "--why", "asked for")
    assert "is released to Central Data Team and School Place Planning" in done
