"""How much is looked through for a listing or a count, in steps of the database: alike on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session

from gateway.access import Sight
from gateway.model import Provider
from gateway.registry import providers, transfer_lists
from gateway.registry.database import Registry
from gateway.registry.tables import ReasonRow, TransferRow
from gateway.registry.transfer_lists import TransfersWanted

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
HELD = 3_000
SENSITIVE = (7, 2_900)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Three thousand files are held, two of them as sensitive."""
    folder: Path = tmp_path_factory.mktemp("held")
    made = Registry(f"sqlite:///{folder}/registry.db")
    made.migrate()
    with made.write() as session:
        providers.add_provider(session, Provider(id="oak", name="Oak", kind="school"), NOW)
        for number in range(1, HELD + 1):
            session.add(
                TransferRow(
                    sequence=number, reference=f"261124-oak-{number:05}", provider="oak", name="x",
                    folder="in", size=1, sha256="1" * 64, started_at=NOW, landed_at=NOW, ssh_key="k",
                    client="c", state="held",
                )
            )  # fmt: skip
        session.flush()
        for number in range(1, HELD + 1):
            last = "policy:sensitive" if number in SENSITIVE else "policy:unlisted"
            for ordinal, code in enumerate(("classify:unknown", "policy:no-team", last)):
                row = {"transfer": number, "ordinal": ordinal, "code": code, "clause": "A"}
                session.add(ReasonRow(**row, sentence="s", next_step="n"))
    yield made
    made.close()


def steps(session: Session, work: Callable[[Session], object]) -> int:
    """How many tens of steps SQLite takes for some work."""
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += 1
        return 0

    database = session.connection().connection.dbapi_connection
    assert database is not None
    database.set_progress_handler(step, 10)
    try:
        work(session)
    finally:
        database.set_progress_handler(None, 10)
    return taken


@pytest.mark.parametrize(
    ("ordinary", "few", "fit"), [(True, True, HELD), (True, False, HELD - 2), (False, True, 2)]
)
def test_what_is_counted_is_what_fits_up_to_a_limit(
    registry: Registry, ordinary: bool, few: bool, fit: int
) -> None:
    sight = Sight(person="jane", ordinary=ordinary, few=few, marked=False)
    wanted = TransfersWanted(state="held", sight=sight)
    with registry.read() as session:
        assert transfer_lists.count(session, wanted) == fit
        assert transfer_lists.count(session, wanted, 100) == min(fit, 100)
        assert transfer_lists.count(session, wanted, HELD) == fit


def test_no_more_is_looked_through_than_is_counted(registry: Registry) -> None:
    wanted = TransfersWanted(state="held", sight=Sight(person="jane", few=False, marked=False))
    with registry.read() as session:
        whole = steps(session, lambda session: transfer_lists.count(session, wanted))
        some = steps(session, lambda session: transfer_lists.count(session, wanted, HELD // 30))
    assert some < whole / 10, (some, whole)


def test_of_held_files_that_are_not_sensitive_the_reasons_are_not_read(registry: Registry) -> None:
    """Neither by who sees these alone, nor by who sees all but these."""
    with registry.read() as session:
        for sensitive in (True, False):
            sight = Sight(ordinary=not sensitive, few=sensitive)
            wanted = TransfersWanted(state="held", sight=sight)
            listed = steps(session, lambda session: transfer_lists.latest(session, wanted, 50))  # noqa: B023
            assert listed < HELD * 2, (sensitive, listed)
            found = transfer_lists.latest(session, wanted, HELD)
            assert {each.sequence for each in found} == (
                set(SENSITIVE) if sensitive else set(range(1, HELD + 1)) - set(SENSITIVE)
            )
