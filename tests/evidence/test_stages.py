"""Receipts: one once a file is decided, and one before where that is not at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from gateway.errors import Fault
from gateway.processor.claim import claim_waiting
from gateway.registry import log
from gateway.verify.verify_files import verify_receipt_files
from gateway.zones.spool import record_at_end, split_landed
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.workshop import Desk

YEARS = THIS_YEAR


def claim(desk: Desk) -> None:
    """What the processor does before it looks into any file."""
    with desk.registrar() as registrar:
        claim_waiting(registrar)
        with contextlib.suppress(Fault):
            registrar.publish()


def verified(desk: Desk, *paths: Path) -> list[str]:
    """What the first line says of each file, checked as a school would."""
    found = verify_receipt_files(paths, desk.certificate.encode())
    assert all(one.good and one.anchored for one in found), found
    return [one.lines[0] for one in found]


def test_a_receipt_says_that_a_file_landed_before_anybody_looks_into_it(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    sent = desk.send(oak, core_data(), "core.xml.pgp")
    claim(desk)
    assert [path.name for path in desk.receipts("oak", "*")] == [f"core.xml.pgp.{sent}.landed"]
    (landed,) = desk.receipts("oak", "*.landed")
    assert "Your file has ARRIVED." in landed.read_text("utf-8")
    assert verified(desk, landed) == ["genuine"]
    assert desk.gateway("receipts", "show", sent) == landed.read_text("utf-8")
    assert json.loads(desk.gateway("receipts", "show", sent, "--json"))["receipt"]["stage"] == "landed"

    desk.process()
    before = landed.read_text("utf-8")
    text, made = (desk.receipts("oak", f"*.{ending}")[0] for ending in ("txt", "json"))
    assert verified(desk, landed, text, made) == ["genuine"] * 3
    assert landed.read_text("utf-8") == before
    assert "Your file was ACCEPTED." in desk.gateway("receipts", "show", sent)
    assert len(desk.receipts("oak", "*")) == 3


def test_the_head_that_the_first_receipt_leads_to_is_of_the_transaction_that_landed_it(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    references = [desk.send(oak, core_data(seed), f"{seed}.xml.pgp") for seed in (1, 2, 3)]
    claim(desk)
    heads = {json.loads(desk.gateway("receipts", "show", one, "--json"))["checkpoint"] for one in references}
    with desk.registry.read() as session:
        after = log.size(session)
    assert [head.split("\n")[1] for head in heads] == [str(after)]


def test_what_was_not_written_down_gets_no_receipt_that_it_is_stored(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    sent = desk.land(oak, b"", "plain.xml")
    there = desk.home.spool.upload(sent)
    with there.open("rb") as file:
        _, record = split_landed(file.fileno())
    record = record.replace(b'"withheld":false', b'"withheld":true')
    record = record.replace(b'"sha256":""', b'"sha256":"%s"' % hashlib.sha256(b"").hexdigest().encode())
    there.write_bytes(record_at_end(record))
    claim(desk)
    assert desk.state(sent) == "landed"
    assert desk.receipts("oak", "*") == []
    desk.process()
    assert [path.suffix for path in desk.receipts("oak", "*")] == [".json", ".txt"]
    assert "everything fits" in desk.gateway("log", "verify")


def test_a_receipt_that_could_not_be_brought_out_follows(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, core_data(), "core.xml.pgp")
    folder = desk.home.published.provider("oak")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "receipts").write_text("in the way")
    claim(desk)
    (folder / "receipts").unlink()
    desk.process()
    assert sorted(path.suffix for path in desk.receipts("oak", "*")) == [".json", ".landed", ".txt"]


def test_a_landed_receipt_of_another_file_is_not_taken_for_this_one(desk: Desk, tmp_path: Path) -> None:
    oak = desk.provider("oak", years=YEARS)
    sealed = [oak.seal(core_data(seed), desk.certificate) for seed in (1, 2)]
    for number, data in enumerate(sealed):
        desk.land(oak, data, f"{number}.pgp")
        (tmp_path / f"{number}.pgp").write_bytes(data)
    claim(desk)
    receipt = desk.receipts("oak", "0.pgp.*.landed")
    for number, good in ((0, True), (1, False)):
        (found,) = verify_receipt_files(
            receipt, desk.certificate.encode(), original=tmp_path / f"{number}.pgp"
        )
        assert found.good is good


def test_receipts_that_a_power_cut_took_are_written_again_and_no_others(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, core_data(1), "core.xml.pgp")
    claim(desk)  # A file that is not decided at once has a receipt that it landed, too.
    desk.process()
    text, made, landed = (desk.receipts("oak", f"*.{ending}")[0] for ending in ("txt", "json", "landed"))
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in (text, made, landed)}
    text.write_bytes(b"")
    made.unlink()
    desk.process()
    assert [path.read_bytes() for path in before] == [content for content, _ in before.values()]
    assert landed.stat().st_ino == before[landed][1]


def test_a_clock_that_was_wrong_for_a_moment_hides_none_of_them(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, core_data(1), "first.xml.pgp")
    desk.process()
    desk.send(oak, core_data(2), "second.xml.pgp")
    desk.pass_time(hours=-3)
    desk.process()
    desk.pass_time(hours=3)
    desk.send(oak, core_data(3), "third.xml.pgp")
    desk.process()
    (made,) = desk.receipts("oak", "first*.json")
    content = made.read_bytes()
    made.unlink()
    desk.process()
    assert made.read_bytes() == content
