"""How much is looked through for a listing or a count, in steps of the database: alike on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from gateway.access import EVERYTHING, Sight
from gateway.model import Provider
from gateway.registry import keys, providers, transfer_lists
from gateway.registry.database import Registry
from gateway.registry.tables import EventRow, ProviderRow, ReasonRow, TransferRow
from gateway.registry.transfer_lists import TransfersWanted

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
HELD = 3_000
SENSITIVE = (7, 2_900)
SENT_AGAIN = (5, 900, 2_990)
OF_TWO = ("oak", "oak", "oak", "elm", "elm", "elm", "elm")


def row(number: int, provider: str = "oak", **more: str) -> TransferRow:
    """A held file, but for these fields."""
    fields = {"folder": "in", "sha256": "1" * 64, "ssh_key": "k", "client": "c", "state": "held"} | more
    return TransferRow(
        sequence=number, reference=f"261124-{provider}-{number:05}", provider=provider, name="x", size=1,
        started_at=NOW, landed_at=NOW, **fields,
    )  # fmt: skip


def reason(number: int, ordinal: int, code: str) -> ReasonRow:
    told = {"clause": "A", "sentence": "s", "next_step": "n"}
    return ReasonRow(transfer=number, ordinal=ordinal, code=code, **told)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Three thousand files are held, two of them as sensitive."""
    folder: Path = tmp_path_factory.mktemp("held")
    made = Registry(f"sqlite:///{folder}/registry.db")
    made.migrate()
    with made.write() as session:
        providers.add_provider(session, Provider(id="oak", name="Oak", kind="school"), NOW)
        for number in range(1, HELD + 1):
            session.add(row(number, content_sha256="same" if number in SENT_AGAIN else f"{number}"))
        session.flush()
        for number in range(1, HELD + 1):
            last = "policy:sensitive" if number in SENSITIVE else "policy:unlisted"
            for ordinal, code in enumerate(("classify:unknown", "policy:no-team", last)):
                session.add(reason(number, ordinal, code))
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


def test_what_was_sent_again_is_found_without_looking_through_all_that_is_held(registry: Registry) -> None:
    with registry.read() as session:
        page = transfer_lists.latest(session, TransfersWanted(state="held", sight=EVERYTHING), 50)
        found: dict[str, list[str]] = {}
        taken = steps(session, lambda session: found.update(transfer_lists.sent_again(session, page)))
    assert found == {"261124-oak-02990": [f"261124-oak-{number:05}" for number in SENT_AGAIN]}
    assert taken < HELD / 10


def test_a_file_that_few_may_know_of_is_no_twin_to_others(tmp_path: Path) -> None:
    with closing(Registry(f"sqlite:///{tmp_path}/registry.db")) as made:
        made.migrate()
        with made.write() as session:
            providers.add_provider(session, Provider(id="oak", name="Oak", kind="school"), NOW)
            session.add_all(row(number, content_sha256="same") for number in (1, 2, 3))
            session.flush()
            session.add(reason(2, 0, "policy:sensitive"))
        sight = Sight(few=False)
        with made.within(lambda _: sight).read() as session:
            page = transfer_lists.latest(session, TransfersWanted(state="held", sight=sight), 50)
            found = transfer_lists.sent_again(session, page)
    others = ["261124-oak-00001", "261124-oak-00003"]
    assert found == dict.fromkeys(others, others)


def test_what_came_lately_is_found_without_looking_through_what_came_before(registry: Registry) -> None:
    with registry.read() as session:
        every = transfer_lists.lately_in_short(session, NOW)["oak"]
        taken = steps(
            session, lambda session: transfer_lists.lately_in_short(session, NOW + timedelta(days=1))
        )
    assert [one.reference for one in every] == [f"261124-oak-{number:05}" for number in range(HELD, 0, -1)]
    assert taken < HELD / 100


def test_what_landed_is_counted_by_day_and_state_between_the_first_midnight_and_the_last(
    registry: Registry,
) -> None:
    second = timedelta(seconds=1)
    with registry.read() as session:
        found = [
            transfer_lists.landed_by_state(session, [first + number * second for number in range(3)])
            for first in (NOW - 2 * second, NOW - second, NOW, NOW + second)
        ]
    assert found == [[{}, {}], [{}, {"held": HELD}], [{"held": HELD}, {}], [{}, {}]]


def test_the_latest_held_files_of_each_provider_or_of_one_are_told_with_their_reasons(
    tmp_path: Path,
) -> None:
    with closing(Registry(f"sqlite:///{tmp_path}/registry.db")) as registry:
        registry.migrate()
        with registry.write() as session:
            for name in ("oak", "elm"):
                providers.add_provider(session, Provider(id=name, name=name, kind="school"), NOW)
            session.add_all(row(number, provider=name) for number, name in enumerate(OF_TWO, 1))
            session.add(row(8, state="accepted"))
            session.flush()
            session.add_all(reason(number, 0, "policy:unlisted") for number in range(1, 9))
            session.add(reason(7, 1, "policy:no-team"))
        with registry.read() as session:
            of_all = transfer_lists.held_in_short(session, 2)
            of_each = {name: transfer_lists.held_in_short(session, 2, name)[name] for name in ("oak", "elm")}
            assert transfer_lists.held_in_short(session, 2, "nobody") == {}
    assert of_all == of_each
    assert {name: [one.reference[-1] for one in some] for name, some in of_all.items()} == {
        "oak": ["2", "3"], "elm": ["6", "7"],
    }  # fmt: skip
    assert [why.code for why in of_all["elm"][1].reasons] == ["policy:unlisted", "policy:no-team"]


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


def test_a_sorted_list_goes_on_where_its_page_ended(registry: Registry) -> None:
    with registry.read() as session:
        for sort, way in (("reference", 1), ("-reference", -1), ("landed_at", 1), ("days", -1)):
            wanted, after, found = TransfersWanted(state="held", sort=sort, sight=EVERYTHING), None, []
            for _ in range(3):
                page = transfer_lists.page(session, wanted, after, 7)
                after = page[-1].sequence
                found += [one.sequence for one in page]
            assert found == list(range(1, HELD + 1))[::way][:21], sort


def test_a_later_page_is_found_without_the_pages_before(registry: Registry) -> None:
    wanted = TransfersWanted(state="held", sort="reference", sight=EVERYTHING)
    with registry.read() as session:
        first, last = (
            steps(session, lambda of, at=after: transfer_lists.page(of, wanted, at, 7))
            for after in (7, HELD - 9)
        )
    assert last <= 2 * first


def test_for_whom_files_wait_and_whose_they_are_is_known_to_the_database(registry: Registry) -> None:
    steps_taken = [
        (1, "release-proposed", None), (2, "release-proposed", None), (2, "release-declined", None),
        (3, "assigned", "kim"), (3, "assigned", "jane"), (4, "assigned", "kim"),
    ]  # fmt: skip
    with registry.on_trial() as tried, tried.write() as session:
        for number, (which, kind, note) in enumerate(steps_taken, 1_000):
            subject = f"261124-oak-{which:05}"
            session.add(EventRow(number=number, at=NOW, kind=kind, subject=subject, leaf=b"{}", note=note))
        session.add(
            ReasonRow(transfer=5, ordinal=9, code="person:withdrawn", clause="A", sentence="s", next_step="n")
        )
        for which, waits in ((6, "key"), (7, "date"), (8, "approval")):
            session.get_one(TransferRow, which).waits_for = waits
        session.flush()

        def found(name: str, value: str) -> list[int]:
            wanted = TransfersWanted(equal=[(name, value)], sort="reference", sight=EVERYTHING)
            return [one.sequence for one in transfer_lists.page(session, wanted, None, 9)]

        assert found("waits_for", "a second person") == [1, 5]
        assert found("waits_for", "the school") == [6]
        assert found("waits_for", "a date") == [7]
        assert found("waits_for", "an administrator") == [8]
        assert found("waits_for", "a person")[:4] == [2, 3, 4, 9]
        assert (found("owner", "jane"), found("owner", "kim")) == ([3], [4])
        assert found("provider_name", "Elm") == []
        assert found("provider_name", "Oak")[0] == 1


def test_a_grouped_list_goes_on_group_by_group_where_its_page_ended(registry: Registry) -> None:
    with registry.on_trial() as tried, tried.write() as session:
        providers.add_provider(session, Provider(id="elm", name="Elm", kind="school"), NOW)
        for number in range(1, 40, 2):
            session.get_one(TransferRow, number).provider = "elm"
            session.get_one(TransferRow, number).name = f"{number % 4}"
        session.flush()
        elm, oak = [*range(39, 0, -2)], [one for one in range(HELD, 0, -1) if one > 40 or one % 2 == 0]
        by_name = sorted(elm, key=lambda one: (one % 4, one))
        for sort, expected in ((None, [*elm, *oak]), ("name", [*by_name, *sorted(oak)])):
            wanted = TransfersWanted(state="held", group="provider_name", sort=sort, sight=EVERYTHING)
            found: list[int] = []
            while len(found) < 49:
                page = transfer_lists.page(session, wanted, found[-1] if found else None, 7)
                found += [one.sequence for one in page]
            assert found == expected[:49], sort
        assert transfer_lists.by_group(session, wanted) == {"Elm": 20, "Oak": HELD - 20}


def test_a_search_folds_letters_of_every_language(registry: Registry) -> None:
    with registry.on_trial() as tried, tried.write() as session:
        session.get_one(ProviderRow, "oak").name = "Ysgol Ŵyn"
        session.get_one(TransferRow, 1).name = "Élodie.csv"
        session.flush()
        for words, found in (
            ("ŵyn", HELD), ("ŴYN ysgol", HELD), ("élodie", 1), ("ÉLODIE.CSV", 1), ("elodie", 0),
        ):  # fmt: skip
            wanted = TransfersWanted(search=words, sight=EVERYTHING)
            assert transfer_lists.count(session, wanted) == found, words


def test_what_became_of_files_and_why_is_told_apart_by_the_database(registry: Registry) -> None:
    with registry.on_trial() as tried, tried.write() as session:
        for number, state, code in (
            (1, "refused", "person:returned"),
            (2, "refused", "a"),
            (3, "landed", "a"),
        ):
            session.get_one(TransferRow, number).state = state
            session.add(
                ReasonRow(transfer=number, ordinal=9, code=code, clause="A", sentence="s", next_step="n")
            )
        session.flush()
        for outcome, number in (("sent back with advice", 1), ("refused", 2), ("not decided yet", 3)):
            found = transfer_lists.page(
                session, TransfersWanted(equal=[("outcome", outcome)], sight=EVERYTHING), None, 9
            )
            assert [one.sequence for one in found] == [number], outcome
        found = transfer_lists.page(session, TransfersWanted(equal=[("why", "a")], sight=EVERYTHING), None, 9)
        assert [one.sequence for one in found] == [3, 2]


def test_keys_that_end_are_counted_up_to_a_number(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = NOW + timedelta(days=1)
    with registry.write() as session:
        for name in ("a" * 40, "b" * 40, "c" * 40):
            keys.add_key(
                session, "provider", "oak", "openpgp", fingerprint=name, material=name, at=NOW, by="ann",
                expires_at=soon,
            )  # fmt: skip
    with registry.read() as session:
        assert transfer_lists.keys_ending(session, NOW, soon + timedelta(days=1)) == 3
        assert transfer_lists.keys_ending(session, soon, soon + timedelta(days=1)) == 0
        monkeypatch.setattr(transfer_lists, "MOST", 2)
        assert transfer_lists.keys_ending(session, NOW, soon + timedelta(days=1)) == 2
