"""A reference that intake drew twice: both uploads are decided, under a reference each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.home import Spool
from gateway.processing.references import sort_out
from gateway.registry import receipts
from gateway.registry.tables import ReceiptRow
from tests.end_to_end.content import core_data
from tests.policy_cli.desk import Desk


def names(desk: Desk) -> dict[str, tuple[str, str]]:
    listed = json.loads(desk.gateway("transfers", "list", "--json"))
    return {one["name"]: (one["reference"], one["state"]) for one in listed}


def drawn_twice(desk: Desk) -> str:
    """One upload on record, and another that waits under the same reference; that."""
    oak = desk.provider("oak", years=("2026-27",))
    reference = desk.send(oak, core_data(1), "first.xml.pgp")
    desk.process()
    desk.pass_time(seconds=1)
    desk.land(oak, oak.seal(core_data(2), desk.certificate), "second.xml.pgp", reference=reference)
    return reference


def test_an_upload_under_the_reference_of_another_is_not_lost(desk: Desk) -> None:
    reference = drawn_twice(desk)
    stored = desk.home.sealed(reference).read_bytes()
    desk.process()
    found = names(desk)
    assert found["first.xml.pgp"] == (reference, "accepted")
    other, state = found["second.xml.pgp"]
    assert state == "accepted"
    assert other != reference
    assert other[:-5] == reference[:-5]
    assert desk.home.sealed(reference).read_bytes() == stored
    assert desk.home.sealed(other).read_bytes() != stored
    assert list(desk.home.spool.landed.iterdir()) == []
    assert "everything fits" in desk.gateway("log", "verify")


def test_an_upload_under_the_reference_of_a_notice_is_not_lost(desk: Desk) -> None:
    oak = desk.provider("oak", years=("2026-27",))
    with desk.registry.write() as session:
        reference = receipts.fresh_reference(session, "oak", desk.now)
        session.add(
            ReceiptRow(
                reference=reference, provider="oak", name="notice", text="", json_text="", created_at=desk.now
            )
        )
    desk.land(oak, oak.seal(core_data(2), desk.certificate), "second.xml.pgp", reference=reference)
    desk.process()
    other, state = names(desk)["second.xml.pgp"]
    assert (state, other == reference) == ("accepted", False)


def crashed_before_the_content_moved(desk: Desk, reference: str, other: str) -> None:
    record = desk.home.spool.record(reference).read_text()
    desk.home.spool.record(other).write_text(record.replace(reference, other))
    desk.home.spool.sealed(other).touch()


def crashed_after_the_content_moved(desk: Desk, reference: str, other: str) -> None:
    crashed_before_the_content_moved(desk, reference, other)
    desk.home.spool.sealed(reference).rename(desk.home.spool.sealed(other))


@pytest.mark.parametrize("crash", [crashed_before_the_content_moved, crashed_after_the_content_moved])
def test_a_crash_while_it_is_renamed_neither_loses_nor_doubles_it(
    desk: Desk, tmp_path: Path, crash: Callable[[Desk, str, str], None]
) -> None:
    reference = drawn_twice(desk)
    elsewhere = Spool(tmp_path / "spool")
    shutil.copytree(desk.home.spool.landed, elsewhere.landed)
    with desk.registry.read() as session:
        (other,) = sort_out(session, elsewhere, [reference]).fresh
    crash(desk, reference, other)
    desk.process()
    assert {name: who for name, (who, _) in names(desk).items()} == {
        "first.xml.pgp": reference,
        "second.xml.pgp": other,
    }
    assert list(desk.home.spool.landed.iterdir()) == []


def test_an_upload_that_is_on_record_already_is_not_taken_for_another(desk: Desk) -> None:
    oak = desk.provider("oak", years=("2026-27",))
    reference = desk.send(oak, core_data(1), "first.xml.pgp")
    shutil.copytree(desk.home.spool.landed, desk.root / "landed")
    desk.process()
    shutil.copytree(desk.root / "landed", desk.home.spool.landed, dirs_exist_ok=True)
    desk.process()
    assert names(desk) == {"first.xml.pgp": (reference, "accepted")}
    assert list(desk.home.spool.landed.iterdir()) == []
