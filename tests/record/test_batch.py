"""What holds for the whole of one transaction: replays within the batch, uses of keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import Session

from gateway.model import Held, Opened, Provider, Refused, Released, Signature, Upload
from gateway.record.rulings import Batch
from gateway.registry import keys, providers, transfers
from gateway.registry.database import Registry
from gateway.registry.transfers import act_of, signed_before
from tests.policies import why
from tests.policy.tables import classified
from tests.record.made import CERTIFICATE, NOW, SIGNING_KEY, day, opened, upload

ACCEPTED = Released(flow="student-core", teams=("sen",), reasons=(why("person:released"),))
HELD = Held(reasons=(why("classify:unknown"),))
REFUSED = Refused(reasons=(why("open:damaged"),))
OTHER_SIGNATURES = {
    "by another key": Signature(certificate=CERTIFICATE, signing_key="e" * 40, created_at=day(-1)),
    "at another time": Signature(certificate=CERTIFICATE, signing_key=SIGNING_KEY, created_at=day(-2)),
}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    registry = Registry(f"sqlite:///{tmp_path / 'registry.db'}")
    registry.migrate()
    with registry.write() as session:
        for name in ("oak", "elm"):
            providers.add_provider(session, Provider(id=name, name=name, kind="school"), NOW)
        yield session
    registry.close()


def on_record(session: Session, file: Upload, decision: Released | Held | Refused) -> None:
    transfers.land(session, file)
    transfers.record_content(session, file.reference, opened(), classified("student-core"), rules="")
    transfers.record_decisions(session, [(file.reference, decision)], NOW)


@pytest.mark.parametrize(("decision", "replays"), [(ACCEPTED, True), (HELD, True), (REFUSED, False)])
def test_a_file_replays_what_was_not_refused(
    session: Session, decision: Released | Held | Refused, replays: bool
) -> None:
    first, again = upload("261124-oak-00001"), upload("261124-oak-00002")
    on_record(session, first, decision)
    batch = Batch(session)
    batch.before = signed_before(batch.session, [(again, opened())])
    assert batch.earlier(again, opened()) == (first.reference if replays else None)


def test_a_file_does_not_replay_itself(session: Session) -> None:
    """It may be decided a second time, such as when a key was approved."""
    held = upload()
    on_record(session, held, HELD)
    batch = Batch(session)
    batch.before = signed_before(batch.session, [(held, opened())])
    assert batch.earlier(held, opened()) is None


def test_the_first_of_several_is_the_one_that_counts(session: Session) -> None:
    first, second, third = (upload(f"261124-oak-0000{number}") for number in (3, 2, 1))
    on_record(session, first, HELD)
    on_record(session, second, HELD)
    batch = Batch(session)
    batch.before = signed_before(batch.session, [(third, opened()), (first, opened())])
    assert batch.earlier(third, opened()) == first.reference
    assert batch.earlier(first, opened()) == second.reference


@pytest.mark.parametrize(
    "other",
    [
        opened(sha256="e" * 64),
        *(replace(opened(), signature=signature) for signature in OTHER_SIGNATURES.values()),
    ],
)
def test_another_act_of_signing_is_no_replay(session: Session, other: Opened) -> None:
    on_record(session, upload("261124-oak-00001"), ACCEPTED)
    again = upload("261124-oak-00002")
    batch = Batch(session)
    batch.before = signed_before(batch.session, [(again, other)])
    batch.taken.setdefault(act_of(upload("261124-oak-00003"), opened()), upload("261124-oak-00003").reference)
    assert batch.earlier(again, other) is None


def test_another_provider_replays_nothing(session: Session) -> None:
    on_record(session, upload("261124-oak-00001"), ACCEPTED)
    strange = upload("261124-elm-00002", provider="elm")
    batch = Batch(session)
    batch.before = signed_before(batch.session, [(strange, opened())])
    assert batch.earlier(strange, opened()) is None


def test_two_copies_in_one_batch_are_one_file_and_its_replay(session: Session) -> None:
    first, second, third = (upload(f"261124-oak-0000{number}") for number in (1, 2, 3))
    batch = Batch(session)
    batch.before = signed_before(batch.session, [(one, opened()) for one in (first, second, third)])
    assert batch.earlier(first, opened()) is None
    batch.taken.setdefault(act_of(first, opened()), first.reference)
    assert batch.earlier(second, opened()) == first.reference
    batch.taken.setdefault(act_of(second, opened()), second.reference)
    assert batch.earlier(third, opened()) == first.reference


def test_uses_are_counted_and_written_once(session: Session) -> None:
    keys.add_key(
        session, "provider", "oak", "openpgp", fingerprint=CERTIFICATE, material="x", at=NOW, by="admin"
    )
    batch = Batch(session)
    for hour in (-2, -3, -1):
        batch.uses.append(("oak", CERTIFICATE, day(hour)))
    assert _uses(session) == (0, None)
    keys.note_each(session, "provider", batch.uses)
    assert _uses(session) == (3, day(-1))
    keys.note_each(session, "provider", [("oak", CERTIFICATE, day(-2))])  # Of a file that waited.
    assert _uses(session) == (4, day(-1))


def _uses(session: Session) -> tuple[int, object]:
    (found,) = keys.list_keys(session, "provider", "oak")
    return found.uses, found.last_used_at
