"""Which files are due for a system of the authority, and what became of batches, asked of a registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session

from gateway.errors import GatewayError, NotFoundError
from gateway.model import Released
from gateway.policy.small_schemas import HandOn
from gateway.registry import hand_ons, markers, transfers
from gateway.registry.database import Registry
from gateway.registry.tables import DeliveryRow, HandOnBatchRow
from gateway.registry.tables.row import rows
from tests.registry.test_deliveries import NOW, put, registry

__all__ = ["registry"]
CENSUS = Released(flow="f", teams=("sen",), reasons=(), data_type="school-census")
AT = NOW + timedelta(minutes=1)
"""When the files were delivered."""
TICK = timedelta(seconds=1)
PAYROLL = HandOn.model_validate({
    "id": "payroll", "team": "sen", "data_types": ["school-census"], "since": date(2026, 9, 1),
    "at": "at-once",
    "file": [{"name": "{reference}.csv", "column": [{"name": "UPN", "from": "upn"}]}],
})  # fmt: skip


def due(registry: Registry, hand_on: HandOn = PAYROLL) -> list[str]:
    with registry.read() as session:
        return list(hand_ons.due(session, hand_on, AT, AT + TICK))


def owe(session: Session, *references: str, hand_on: HandOn = PAYROLL) -> HandOnBatchRow:
    """The next batch of that hand-on, with these files and what is to be recalled."""
    taken_back = hand_ons.taken_back(session, hand_on.id)
    return hand_ons.owe(session, hand_on, references, taken_back, NOW)


def withdraw(session: Session, reference: str) -> None:
    sequence = transfers.get(session, reference).sequence
    session.delete(rows(session, DeliveryRow, transfer=sequence, team="sen")[0])
    session.flush()


def test_a_team_hands_on_what_it_gets_a_view_of_and_of_the_named_types_alone(registry: Registry) -> None:
    fits, other_team = put(registry, 1, CENSUS), put(registry, 2, replace(CENSUS, teams=("other",)))
    whole, counts, marked = (put(registry, number, CENSUS) for number in (3, 4, 5))
    unopened, undecided = put(registry, 6, CENSUS, opened=False), put(registry, 7, None)
    with registry.write() as session:
        for number, field in ((3, "whole"), (4, "counts")):
            setattr(rows(session, DeliveryRow, transfer=number)[0], field, True)
        about = {"people": ["anna"], "transfers": [5], "by": "dora", "why": "x", "at": NOW}
        markers.place(session, "named", [b"1" * 16], **about)  # type: ignore[arg-type]
    assert due(registry) == [fits, marked]
    with registry.read() as session:
        every = [fits, other_team, whole, counts, marked, unopened, undecided]
        assert hand_ons.may_have(session, PAYROLL, every) == {fits, marked}
        assert hand_ons.may_have(session, PAYROLL, [marked]) == {marked}
    assert due(registry, PAYROLL.model_copy(update={"data_types": ("attendance",)})) == []


def test_due_is_what_was_delivered_within_the_span_its_beginning_and_not_its_end(registry: Registry) -> None:
    reference = put(registry, 1, CENSUS)
    with registry.read() as session:
        assert list(hand_ons.due(session, PAYROLL, AT, AT + TICK)) == [reference]
        assert list(hand_ons.due(session, PAYROLL, AT - TICK, AT)) == []
        assert list(hand_ons.due(session, PAYROLL, AT + TICK, AT + 2 * TICK)) == []


def test_due_are_at_most_so_many_of_a_batch_in_the_order_of_landing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = [put(registry, number, CENSUS) for number in (3, 2, 1)]
    monkeypatch.setattr(hand_ons, "AT_ONCE", 2)
    assert due(registry) == references[:2]


def test_a_file_is_due_once_to_each_system_and_again_once_it_was_recalled(registry: Registry) -> None:
    reference = put(registry, 1, CENSUS)
    other = PAYROLL.model_copy(update={"id": "casework"})
    with registry.write() as session:
        owe(session, reference)
    assert (due(registry), due(registry, other)) == ([], [reference])
    with registry.write() as session:
        assert hand_ons.taken_back(session, "payroll") == []
        withdraw(session, reference)
        (file,) = hand_ons.taken_back(session, "payroll")
        assert (file.reference, hand_ons.taken_back(session, "casework")) == (reference, [])
        recalling = owe(session)
        assert hand_ons.taken_back(session, "payroll") == []
        assert file.recalled_in == recalling.id
        delivery = DeliveryRow(transfer=1, team="sen", delivered_at=AT)
        session.add(delivery)
    assert due(registry) == [reference]


def test_a_batch_is_numbered_within_its_hand_on_and_says_where_it_goes(registry: Registry) -> None:
    first, second = put(registry, 1, CENSUS), put(registry, 2, CENSUS)
    host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"
    sftp = {"host": "sis.example", "port": 2022, "user": "gateway", "host_key": host_key}
    pushed = HandOn.model_validate(PAYROLL.model_dump(by_alias=True) | {"id": "casework", "sftp": sftp})
    assert pushed.sftp is not None
    with registry.write() as session:
        made = [owe(session, first, second), owe(session), owe(session, second, hand_on=pushed)]
        assert hand_ons.actor_of("casework") == "hand-on casework"
        told = [(hand_ons.name_of(one), one.target, one.team, one.owed_at) for one in made]
        assert told == [
            ("payroll-000001", "a folder of the home", "sen", NOW),
            ("payroll-000002", "a folder of the home", "sen", NOW),
            ("casework-000001", f"gateway@sis.example:2022 {pushed.sftp.fingerprint}", "sen", NOW),
        ]
        assert [one.reference for one in hand_ons.files(session, made[0])] == [first, second]
        assert hand_ons.files(session, made[1]) == []
        assert hand_ons.find(session, "payroll", 2) == made[1]
        assert hand_ons.find(session, "casework", 1) == made[2]
        assert hand_ons.batches(session) == made
        with pytest.raises(NotFoundError, match="there is no batch 3 of payroll"):
            hand_ons.find(session, "payroll", 3)


@pytest.mark.parametrize(
    ("sent", "target", "made_at"),
    [(NOW, "u@h:22", NOW), (None, "u@h:22", None), (NOW, hand_ons.IN_FOLDER, None)],
)
def test_a_recall_makes_the_earlier_batch_anew_unless_that_is_at_the_system_alone(
    registry: Registry, sent: datetime | None, target: str, made_at: datetime | None
) -> None:
    reference = put(registry, 1, CENSUS)
    with registry.write() as session:
        earlier = owe(session, reference)
        earlier.made_at, earlier.sent_at, earlier.target = NOW, sent, target
        withdraw(session, reference)
        owe(session)
        assert earlier.made_at == made_at


def test_a_batch_tells_of_what_it_recalls_that_was_handed_on(registry: Registry) -> None:
    handed, never = put(registry, 1, CENSUS), put(registry, 2, CENSUS)
    with registry.write() as session:
        hand_ons.files(session, owe(session, handed, never))[0].handed_at = NOW
        withdraw(session, handed)
        withdraw(session, never)
        recalling = owe(session)
        assert hand_ons.recalls(session, recalling) == [(handed, "payroll-000001")]


def test_what_is_sent_again_is_as_never_made(registry: Registry) -> None:
    reference = put(registry, 1, CENSUS)
    with registry.write() as session:
        batch = owe(session, reference)
        batch.made_at = batch.sent_at = batch.due_at = NOW
        hand_ons.files(session, batch)[0].handed_at = NOW
        hand_ons.acknowledge(batch, by="mary", at=NOW)
        hand_ons.owe_again(session, batch)
        session.flush()
        assert (batch.made_at, batch.sent_at, batch.due_at) == (None, None, None)
        assert (batch.acknowledged_at, batch.acknowledged_by) == (None, None)
        assert [file.handed_at for file in hand_ons.files(session, batch)] == [None]


def test_a_mark_makes_anew_what_no_system_has_got(registry: Registry) -> None:
    reference, other = put(registry, 1, CENSUS), put(registry, 2, CENSUS)
    with registry.write() as session:
        made = []
        for target, sent, acknowledged in (
            ("u@h:22", None, None), ("u@h:22", NOW, None), (hand_ons.IN_FOLDER, NOW, None),
            (hand_ons.IN_FOLDER, NOW, NOW), (hand_ons.IN_FOLDER, None, None),
        ):  # fmt: skip
            batch = owe(session, reference)
            batch.target, batch.made_at, batch.due_at = target, NOW, NOW
            batch.sent_at, batch.acknowledged_at = sent, acknowledged
            made.append(batch)
        of_another = owe(session, other)
        of_another.made_at = NOW
        hand_ons.make_anew(session, [1])
        assert of_another.made_at == NOW
        assert [one.made_at for one in made] == [None, NOW, None, NOW, None]
        assert [one.sent_at for one in made] == [None, NOW, None, NOW, None]
        assert [one.due_at for one in made] == [None, NOW, None, NOW, None]


def test_only_a_batch_that_was_sent_can_be_acknowledged(registry: Registry) -> None:
    with registry.write() as session:
        batch = owe(session)
        with pytest.raises(GatewayError, match="payroll-000001 was not sent yet"):
            hand_ons.acknowledge(batch, by="mary", at=NOW)
        assert hand_ons.batches(session, open_only=True) == [batch]
        batch.sent_at = NOW
        hand_ons.acknowledge(batch, by="mary", at=NOW + TICK)
        assert (batch.acknowledged_by, batch.acknowledged_at) == ("mary", NOW + TICK)
        assert (hand_ons.batches(session, open_only=True), hand_ons.batches(session)) == ([], [batch])


def test_people_are_told_of_batches_that_are_late_or_in_trouble_until_they_are_acknowledged(
    registry: Registry,
) -> None:
    with registry.write() as session:
        late, in_time, in_trouble, over = (owe(session) for _ in range(4))
        late.due_at = over.due_at = NOW
        in_time.due_at = NOW + TICK
        in_trouble.trouble = "the server is not reached"
        over.acknowledged_at = NOW
        session.flush()
        assert hand_ons.unacknowledged(session, NOW + TICK) == [late, in_trouble]
