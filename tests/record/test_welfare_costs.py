"""Who is on no roll is asked of the database a fixed number of times, however many they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from gateway.access import Sight
from gateway.acts.pupils import leavers
from gateway.model import Provider, RollEntry, Upload
from gateway.registry import markers, providers, rolls, transfers
from gateway.registry.database import Registry

SIGHT = Sight(few=False, marked=False)
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def of(number: int) -> bytes:
    return number.to_bytes(16, "big")


@pytest.fixture
def filled(tmp_path: Path) -> Registry:
    """A school whose last file said of three hundred pupils that they left; two of them are marked."""
    made = Registry(f"sqlite:///{tmp_path}/registry.db")
    made.migrate()
    upload = Upload(
        reference="261124-oak-00001", provider="oak", name="x", folder="in", size=9, sha256="1" * 64,
        started_at=NOW, landed_at=NOW, ssh_key="k",
    )  # fmt: skip
    with made.write() as session:
        providers.add_provider(session, Provider(id="oak", name="oak", kind="school"), NOW)
        transfers.land(session, upload)
        transfer = transfers.get(session, upload.reference).sequence
        left = [RollEntry(pupil=of(n), on_roll=False, record=n) for n in range(1, 301)]
        rolls.enter(session, [rolls.Roll(provider="oak", at=NOW, transfer=transfer, entries=left)])
        for kind, number in (("named", 7), ("restricted", 8)):
            markers.place(
                session, kind, [of(number)], people=["jane"], transfers=[transfer], by="sam", why="x", at=NOW
            )
    return made


def asked(registry: Registry, since: datetime, name: str) -> tuple[tuple[int, bool], list[str]]:
    """How many leavers since are shown to somebody, and whether some are kept back; what was asked for it."""
    seen: list[str] = []
    with registry.read() as session:
        connection = session.connection()
        note = lambda *given: seen.append(given[2])  # noqa: E731
        event.listen(connection, "before_cursor_execute", note)
        found, hidden, _ = leavers(
            session, since, moved=False, by=name, sight=SIGHT, teams=("education-welfare",)
        )
        event.remove(connection, "before_cursor_execute", note)
    return (len(found), hidden), seen


def test_three_hundred_leavers_take_no_more_questions_than_none(filled: Registry) -> None:
    nobody, few = asked(filled, NOW + timedelta(days=1), "sam")
    everybody, many = asked(filled, NOW, "sam")
    assert (nobody, everybody) == ((0, True), (298, True))
    assert len(many) <= len(few) + 1  # The references of the files, which nobody has none of.
    assert len(few) < 10
    named, _ = asked(filled, NOW, "jane")
    assert named == (299, True)
    filled.close()
