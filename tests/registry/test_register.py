"""What a process keeps of the register is what the database holds, whoever changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session

from gateway.errors import NotFoundError
from gateway.model import Provider, RatificationsThatCount
from gateway.registry import agreements, keys, log, markers, providers, register
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.registry.tables import HarmlessRow, RatificationRow
from tests.record.made import NOW

URL = "sqlite:///{}/registry.db"
MARK = b"m" * 16
COUNTING = RatificationsThatCount(("2026-27",))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(URL.format(tmp_path))
    made.migrate()
    with made.write() as session:
        providers.add_provider(session, Provider(id="oak", name="Oak", kind="school"), NOW)
    yield made
    made.close()


def suspend(session: Session) -> None:
    providers.provider_row(session, "oak").suspended = True


def add_key(session: Session) -> None:
    keys.add_key(session, "provider", "oak", "ssh", fingerprint="f", material="m", at=NOW, by="admin")


def ratify(session: Session) -> None:
    row = RatificationRow(
        provider="oak", academic_year="2026-27", signatory="A", ratified_on=date(2026, 9, 1),
        recorded_at=NOW, recorded_by="admin", text_sha256="0" * 64,
    )  # fmt: skip
    agreements.ratify(session, row, instead=False)


def list_column(session: Session) -> None:
    providers.list_column(
        session, HarmlessRow(name="peg", header="Peg", provider="", listed_at=NOW, listed_by="a", why="x")
    )


def mark(session: Session) -> None:
    markers.place(session, "restricted", [MARK], people=(), transfers=(), by="dp", why="x", at=NOW)


ACTS: dict[str, tuple[Callable[[Session], None], Callable[[register.SendersRegister], object]]] = {
    "provider": (suspend, lambda known: known.provider("oak").suspended),
    "key": (add_key, lambda known: [key.fingerprint for key in known.keys.get(("provider", "oak"), ())]),
    "holder": (add_key, lambda known: ("ssh", "f") in known.holders),
    "ratification": (ratify, lambda known: known.provider("oak", COUNTING).ratified),
    "harmless": (list_column, lambda known: known.enrolled()[0].harmless),
    "marker": (mark, lambda known: list(known.markers.values())),
}


@pytest.mark.parametrize("what", ACTS)
def test_what_another_process_changed_is_seen(registry: Registry, tmp_path: Path, what: str) -> None:
    act, ask = ACTS[what]
    with registry.read() as session:
        before = ask(register.of(session))
    other = Registry(URL.format(tmp_path))
    with other.write() as session:
        act(session)
        within = ask(register.of(session))
    other.close()
    with registry.read() as session:
        after = ask(register.of(session))
    assert before != after == within


@pytest.mark.parametrize("what", ACTS)
def test_what_a_transaction_changed_and_took_back_is_not_kept(registry: Registry, what: str) -> None:
    act, ask = ACTS[what]
    with registry.read() as session:
        before = ask(register.of(session))
    with suppress(LookupError), registry.write() as session:
        act(session)
        assert ask(register.of(session)) != before
        raise LookupError
    with registry.read() as session:
        assert ask(register.of(session)) == before


def test_what_nobody_changed_costs_one_statement(registry: Registry) -> None:
    with registry.write() as session:
        add_key(session)
    made: list[str] = []

    def hear(_connection: object, _cursor: object, said: str, *_: object) -> None:
        made.append(said)

    event.listen(Engine, "before_cursor_execute", hear)
    for known in (False, True):
        made.clear()
        with registry.read() as session:
            for _, ask in ACTS.values():
                ask(register.of(session))
        assert (len(made) == 2) == known, made  # BEGIN and the version.
    event.remove(Engine, "before_cursor_execute", hear)


def test_the_use_of_a_key_is_no_change(registry: Registry) -> None:
    with registry.write() as session:
        add_key(session)
    with registry.read() as session:
        version = register.version(session)
    with registry.write() as session:
        keys.note_each(session, "provider", [("oak", "f", NOW)])
        log.append(session, [Entry(kind="recorded", subject="registry")], NOW)
    with registry.read() as session:
        assert register.version(session) == version


def test_policies_that_are_to_decide_are_a_change(registry: Registry) -> None:
    with registry.read() as session:
        version = register.version(session)
    with registry.write() as session:
        fields = {"sha256": "0" * 64}
        log.append(session, [Entry(kind="policy-loaded", subject="policy", fields=fields)], NOW)
    with registry.read() as session:
        assert register.version(session) != version


def test_a_provider_that_is_not_enrolled_is_told(registry: Registry) -> None:
    with registry.read() as session, pytest.raises(NotFoundError):
        register.of(session).provider("elm")


def test_a_trial_reads_what_it_wrote_and_nothing_of_it_stays(registry: Registry) -> None:
    with registry.on_trial() as tried:
        with tried.write() as session:
            suspend(session)
        with tried.read() as session:
            assert register.of(session).provider("oak", COUNTING).suspended
    with registry.write() as session:
        add_key(session)  # The register has the number now that it had in the trial.
    with registry.read() as session:
        assert not register.of(session).provider("oak", COUNTING).suspended
        assert [key.fingerprint for key in keys.list_keys(session, "provider", "oak")] == ["f"]


@pytest.mark.parametrize("given", ["", " ", "e"])
def test_the_only_key_of_an_owner_is_not_found_by_nothing(registry: Registry, given: str) -> None:
    with registry.write() as session:
        add_key(session)
        assert keys.find_key(session, "provider", "oak", "F").fingerprint == "f"
        with pytest.raises(NotFoundError, match="no single key"):
            keys.find_key(session, "provider", "oak", given)


def test_a_provider_that_was_closed_by_mistake_can_be_removed(registry: Registry) -> None:
    with registry.write() as session:
        providers.close(session, "oak", NOW.date(), NOW)
    with registry.write() as session:
        providers.remove(session, "oak")
    with registry.read() as session:
        assert providers.list_providers(session) == []
