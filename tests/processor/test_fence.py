"""A file that is examined twice, by whomever, is decided once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from gateway.examiner.protocol import FileLost, Job
from gateway.passage import conclude, examine
from gateway.processor.claim import claim_waiting
from gateway.record.conclude import assignments
from gateway.registry import register
from gateway.registry.transfers import row_of
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.workshop import Desk


def test_an_outcome_counts_once_and_only_for_the_file_as_it_was_examined(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sent = desk.send(oak, core_data())
    with desk.registrar() as registrar, closing(desk.children.lent(desk.home)) as examiners:
        claim_waiting(registrar)
        (assignment,) = assignments(registrar, [sent], desk.now)
        found = examine(assignment, examiners.mine().examine, desk.now)
        assert conclude(registrar, [found]) == {sent: "in"}
        assert conclude(registrar, [found]) == {}
        with desk.registry.write() as session:  # As when a key came to count that it waited for.
            row_of(session, sent).state = "landed"
        assert conclude(registrar, [found]) == {}
        assert desk.state(sent) == "landed"
        (again,) = assignments(registrar, [sent], desk.now)
        assert conclude(registrar, [replace(found, decided_before=again.decided_before)]) == {sent: "in"}
    assert desk.kinds(sent).count("decided") == 2


def test_who_was_enrolled_since_the_register_was_read_is_taken_inside(desk: Desk) -> None:
    with desk.registrar() as registrar:
        with registrar.registry.read() as session:
            version = register.version(session)
            assert register.of(session).enrolled() == []
        sent = desk.land(desk.provider("oak"), b"a file")
        claim_waiting(registrar, version=version)
    assert desk.state(sent) == "landed"


def test_a_file_of_the_first_hour_of_a_summer_day_is_judged_on_that_day(desk: Desk) -> None:
    sent = desk.land(desk.provider("oak"), b"a file")
    night = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    with desk.registrar() as registrar:
        claim_waiting(registrar)
        (assignment,) = assignments(registrar, [sent], night - timedelta(hours=1))
    asked: list[Job] = []

    def look(job: Job) -> FileLost:
        asked.append(job)
        return FileLost(reference=job.reference)

    examine(assignment, look, night)
    assert asked[0].now == night
    assert asked[0].now.date() == date(2026, 7, 2)
