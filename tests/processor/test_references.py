"""References, and files, that come more than once: each upload is decided, under a reference of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys

import pytest

from gateway.homes.demo.parties import Party
from gateway.processor.claim import sort_out
from gateway.registry import receipts
from gateway.registry.tables import ReceiptRow
from gateway.zones.failpoints import VARIABLE, Failpoint
from gateway.zones.spool import read_handed_over, record_at_end, split_landed
from tests import warm
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.sealed import sealed_file
from tests.workshop import Desk


def names(desk: Desk) -> dict[str, tuple[str, str]]:
    listed = json.loads(desk.gateway("transfers", "list", "--json"))
    return {one["name"]: (one["reference"], one["state"]) for one in listed}


def drawn_twice(desk: Desk, oak: Party | None = None) -> str:
    """One upload on record, and another that waits under the same reference; that."""
    oak = oak or desk.provider("oak", years=THIS_YEAR)
    reference = desk.send(oak, core_data(1), "first.xml.pgp")
    desk.process()
    desk.pass_time(seconds=1)
    desk.land(oak, oak.seal(core_data(2), desk.certificate), "second.xml.pgp", reference=reference)
    return reference


def test_an_upload_under_the_reference_of_another_is_not_lost(desk: Desk) -> None:
    reference = drawn_twice(desk)
    stored = sealed_file(desk.home, reference).read_bytes()
    desk.process()
    found = names(desk)
    assert found["first.xml.pgp"] == (reference, "accepted")
    other, state = found["second.xml.pgp"]
    assert state == "accepted"
    assert other != reference
    assert other[:-5] == reference[:-5]
    assert sealed_file(desk.home, reference).read_bytes() == stored
    assert sealed_file(desk.home, other).read_bytes() != stored
    assert list(desk.home.spool.landed.iterdir()) == []
    assert "everything fits" in desk.gateway("log", "verify")


def test_an_upload_under_the_reference_of_a_notice_is_not_lost(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
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


@pytest.mark.long
@pytest.mark.parametrize(
    "failpoint", ["claim.stored", "commit.written", "commit.committed", "land.half-emptied"]
)
def test_a_crash_meanwhile_neither_loses_nor_doubles_it(desk: Desk, failpoint: Failpoint) -> None:
    reference = drawn_twice(desk)
    killed = warm.run(
        [sys.executable, "-m", "gateway", "process", "--once", "--home", str(desk.home.root)],
        env={**os.environ, VARIABLE: failpoint}, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    for _ in range(2):
        desk.process()
    found = names(desk)
    assert {name: state for name, (_, state) in found.items()} == dict.fromkeys(found, "accepted")
    assert len(found) == len(json.loads(desk.gateway("transfers", "list", "--json"))) == 2
    assert found["first.xml.pgp"] == (reference, "accepted")
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def test_what_intake_draws_meanwhile_is_not_taken(desk: Desk) -> None:
    """The reference that the second upload would get is that of a third one, which waits beside it."""
    oak = desk.provider("oak", years=THIS_YEAR)
    reference = drawn_twice(desk, oak)
    with desk.registry.read() as session:
        waiting = {reference: read_handed_over(desk.home.spool, reference)[0]}
        would_get = sort_out(session, waiting)[0][reference]
    desk.land(oak, oak.seal(core_data(3), desk.certificate), "third.xml.pgp", reference=would_get)
    desk.process()
    found = names(desk)
    assert found["third.xml.pgp"] == (would_get, "accepted")
    assert {who for who, _ in found.values()} >= {reference, would_get}
    assert len({who for who, _ in found.values()}) == 3
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def test_a_record_that_is_not_valid_is_set_aside_and_stops_nothing(desk: Desk) -> None:
    reference = drawn_twice(desk)
    there = desk.home.spool.upload(reference)
    whole = there.read_bytes()
    there.write_bytes(record_at_end(b"{}"))
    desk.process()
    (aside,) = desk.home.spool.landed.glob("*.aside")
    assert aside.read_bytes() == record_at_end(b"{}")
    there.write_bytes(whole)
    desk.process()
    assert names(desk)["second.xml.pgp"][1] == "accepted"


def test_an_upload_that_is_on_record_already_is_not_taken_for_another(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    reference = desk.send(oak, core_data(1), "first.xml.pgp")
    shutil.copytree(desk.home.spool.landed, desk.root / "landed")
    desk.process()
    shutil.copytree(desk.root / "landed", desk.home.spool.landed, dirs_exist_ok=True)
    desk.process()
    assert names(desk) == {"first.xml.pgp": (reference, "accepted")}
    assert list(desk.home.spool.landed.iterdir()) == []


def test_copies_of_one_file_all_point_to_the_one_that_counts(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sealed = oak.seal(core_data(1), desk.certificate)
    first = desk.land(oak, sealed, "first.xml.pgp")
    desk.process()
    copies = []
    for number in range(4):
        desk.pass_time(seconds=1)
        copies.append(desk.land(oak, sealed, f"copy {number}.xml.pgp"))
    desk.process()
    for copy in copies:
        (reason,) = desk.transfer(copy).reasons
        assert (reason.code, first in reason.sentence) == ("open:replayed", True)


def test_of_copies_that_come_together_one_counts(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sealed = oak.seal(core_data(1), desk.certificate)
    sent = [desk.land(oak, sealed, f"copy {number}.xml.pgp") for number in range(4)]
    desk.process()
    (counts,) = (one for one in sent if desk.state(one) == "accepted")
    for copy in set(sent) - {counts}:
        (reason,) = desk.transfer(copy).reasons
        assert (reason.code, counts in reason.sentence) == ("open:replayed", True)


def test_what_landed_in_two_files_before_an_upgrade_is_taken_as_well(desk: Desk) -> None:
    oak, spool = desk.provider("oak", years=THIS_YEAR), desk.home.spool
    reference = desk.send(oak, core_data(1), "first.xml.pgp")
    whole = spool.upload(reference)
    with whole.open("rb") as file:
        size, record = split_landed(file.fileno())
    spool.sealed(reference).write_bytes(whole.read_bytes()[:size])
    spool.record(reference).write_bytes(record)
    whole.unlink()
    desk.process()
    assert names(desk) == {"first.xml.pgp": (reference, "accepted")}
    assert list(spool.landed.iterdir()) == []


def test_what_is_only_half_handed_over_is_not_taken(desk: Desk) -> None:
    """As the power is lost before it has its name: nobody was told that it landed."""
    oak, spool = desk.provider("oak", years=THIS_YEAR), desk.home.spool
    reference = desk.send(oak, core_data(1), "first.xml.pgp")
    spool.upload(reference).rename(spool.half(reference))
    desk.process()
    assert names(desk) == {}
    assert spool.half(reference).exists()
