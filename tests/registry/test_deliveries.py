"""What a mailbox shows, asked of a registry."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import Session

from gateway.access import EVERYTHING, Sight
from gateway.errors import NotFoundError
from gateway.model import Classified, Decision, Held, Opened, Provider, Refused, Released, Signature, Upload
from gateway.registry import deliveries, providers, transfers
from gateway.registry.database import Registry
from gateway.registry.deliveries import DeliveriesWanted
from tests.policies import why

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
RULES = "5" * 64
ACCEPTED = Released(flow="school-census", teams=("sen", "welfare"), reasons=())
HELD = Held(reasons=(why("classify:unknown"),))
TRIAGE, FEW, NOTHING = Sight(few=False), Sight(ordinary=False), Sight(ordinary=False, few=False)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(f"sqlite:///{tmp_path}/registry.db")
    made.migrate()
    with made.write() as session:
        providers.add_provider(session, Provider(id="school-a", name="School A", kind="school"), NOW)
    yield made
    made.close()


def put(registry: Registry, number: int, decision: Decision | None, *, opened: bool = True) -> str:
    """A transfer with that outcome; its reference."""
    reference = f"261124-school-a-{number:05}"
    upload = Upload(
        reference=reference, provider="school-a", name="x", folder="in", size=9, sha256="1" * 64,
        started_at=NOW, landed_at=NOW, ssh_key="k",
    )  # fmt: skip
    signature = Signature(certificate="a" * 40, signing_key="a" * 40, created_at=NOW)
    what = Opened(content=-1, size=number, sha256=f"{number:064}", signature=signature, engine="sop")
    kind = Classified(data_type="school-census", level="certain", evidence=(), format="xml", extension="xml")
    with registry.write() as session:
        transfers.land(session, upload)
        if opened:
            transfers.record_content(session, reference, what, kind, rules=RULES)
        if decision is not None:
            transfers.record_decisions(session, [(reference, decision)], NOW + timedelta(minutes=1))
    return reference


def test_a_delivery_says_all_that_a_mailbox_shows(registry: Registry):
    reference = put(registry, 7, ACCEPTED)
    with registry.read() as session:
        (only,) = deliveries.page(session, "sen", limit=10)
        assert only == deliveries.find_delivered(session, "sen", reference)
    assert only == deliveries.Delivery(
        sequence=1, reference=reference, provider="school-a", flow="school-census", extension="xml",
        content_size=7, content_sha256=f"{7:064}", landed_at=NOW, decided_at=NOW + timedelta(minutes=1),
        team="sen",
            whole=False,
        )  # fmt: skip


def test_each_team_has_its_own_and_no_other(registry: Registry):
    both = put(registry, 1, ACCEPTED)
    one = put(registry, 2, Released(flow="school-census", teams=("sen",), reasons=()))
    with registry.read() as session:
        assert [d.reference for d in deliveries.page(session, "sen", limit=10)] == [one, both]
        assert [d.reference for d in deliveries.page(session, "welfare", limit=10)] == [both]
        assert deliveries.page(session, "other", limit=10) == []
        assert deliveries.find_delivered(session, "welfare", one) is None


def test_pages_follow_one_another(registry: Registry):
    references = [put(registry, number, ACCEPTED) for number in range(5)]
    shown: list[str] = []
    before = None
    with registry.read() as session:
        while page := deliveries.page(session, "sen", before=before, limit=2):
            shown += [delivery.reference for delivery in page]
            before = page[-1].sequence
    assert shown == references[::-1]


def test_what_a_team_dealt_with_is_gone_for_that_team_only(registry: Registry):
    reference = put(registry, 1, ACCEPTED)
    with registry.write() as session:
        delivery = deliveries.find_delivered(session, "sen", reference)
        assert delivery is not None
        deliveries.deal_with(session, delivery, by="anna", at=NOW)
    with registry.read() as session:
        assert deliveries.find_delivered(session, "sen", reference) is None
        assert deliveries.page(session, "sen", limit=10) == []
        assert deliveries.find_delivered(session, "welfare", reference) is not None
    with registry.write() as session, pytest.raises(NotFoundError):
        deliveries.deal_with(session, delivery, by="ben", at=NOW)


def test_held_shows_what_is_held_and_could_be_opened(registry: Registry):
    held = put(registry, 1, HELD)
    put(registry, 2, HELD, opened=False)
    put(registry, 3, ACCEPTED)
    put(registry, 4, Refused(reasons=(why("classify:malformed"),)))
    put(registry, 5, None)
    with registry.read() as session:
        (only,) = deliveries.held(session, TRIAGE, RULES, limit=10)
        assert (only.reference, only.team) == (held, None)
        assert deliveries.find_held(session, held, TRIAGE, RULES) == only
        for number in (2, 3, 4, 5):
            assert deliveries.find_held(session, f"261124-school-a-{number:05}", TRIAGE, RULES) is None
        assert deliveries.held(session, TRIAGE, RULES, before=only.sequence, limit=10) == []


def test_what_is_held_as_sensitive_is_shown_apart(registry: Registry):
    ordinary = put(registry, 1, HELD)
    reasons = (why("policy:sensitive", topics="health"), why("classify:unknown"))
    sensitive = put(registry, 2, Held(reasons=reasons))
    with registry.read() as session:
        shown = {
            asked: [each.reference for each in deliveries.held(session, asked, RULES, limit=10)]
            for asked in (TRIAGE, FEW, EVERYTHING, NOTHING)
        }
        assert shown == {TRIAGE: [ordinary], FEW: [sensitive], EVERYTHING: [sensitive, ordinary], NOTHING: []}
        assert deliveries.find_held(session, sensitive, TRIAGE, RULES) is None
        found = deliveries.find_held(session, sensitive, FEW, RULES)
        assert found is not None
        assert found.sensitive
        assert deliveries.find_held(session, ordinary, FEW, RULES) is None


def test_a_held_file_that_is_released_is_held_no_more(registry: Registry):
    reference = put(registry, 1, HELD)
    with registry.write() as session:
        transfers.record_decisions(session, [(reference, ACCEPTED)], NOW)
    with registry.read() as session:
        assert deliveries.find_held(session, reference, EVERYTHING, RULES) is None
        assert deliveries.find_delivered(session, "sen", reference) is not None


def plan(registry: Registry, work: Callable[[Session], object]) -> str:
    """How SQLite goes about what is asked."""
    asked: list[tuple[str, object]] = []
    with registry.read() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        work(session)
        (question,) = asked
        told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question[0]}", question[1])  # type: ignore[arg-type]
        return "\n".join(str(row[3]) for row in told)


@pytest.mark.parametrize(
    "wanted", [DeliveriesWanted(), DeliveriesWanted(new=True), DeliveriesWanted(provider="school-a")]
)
def test_no_page_of_a_mailbox_is_sorted_from_all_of_it(registry: Registry, wanted: DeliveriesWanted) -> None:
    told = plan(registry, lambda session: deliveries.page(session, "sen", wanted=wanted, before=9, limit=5))
    assert "TEMP B-TREE" not in told
    assert ("transfer_by_provider" in told) == (wanted.provider is not None)


def test_no_page_of_what_was_dealt_with_is_sorted_from_all_of_it(registry: Registry) -> None:
    wanted = DeliveriesWanted(removed_since=NOW)
    told = plan(registry, lambda session: deliveries.page(session, "sen", wanted=wanted, before=9, limit=5))
    assert "TEMP B-TREE" not in told
    assert "SCAN" not in told


def test_a_page_is_of_one_provider_and_of_nobody_else(registry: Registry) -> None:
    with registry.write() as session:
        providers.add_provider(session, Provider(id="school-b", name="School B", kind="school"), NOW)
    references = [put(registry, number, ACCEPTED) for number in range(3)]
    with registry.write() as session:
        (latest, *_) = deliveries.page(session, "sen", limit=1)
        deliveries.deal_with(session, latest, by="jane", at=NOW)
    with registry.read() as session:

        def found(provider: str, before: int | None = None) -> list[str]:
            wanted = DeliveriesWanted(provider=provider)
            some = deliveries.page(session, "sen", wanted=wanted, before=before, limit=9)
            return [one.reference for one in some]

        assert found("school-a") == [references[1], references[0]]
        assert found("school-a", before=2) == [references[0]]
        assert found("school-b") == []

        def dealt_with(since: datetime) -> list[str]:
            wanted = DeliveriesWanted(removed_since=since)
            return [one.reference for one in deliveries.page(session, "sen", wanted=wanted, limit=9)]

        assert dealt_with(NOW) == references[2:]
        assert dealt_with(NOW + timedelta(seconds=1)) == []
