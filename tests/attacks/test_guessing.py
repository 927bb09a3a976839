"""Whoever holds the log, or what lies outside, learns nothing of what a file held, of its name not for long.

The log is for ever, and others are given its leaves. A class list of five pupils is soon guessed; what is
guessed must not be found right by it, even by somebody who guesses all else that a receipt states.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.intake.box import HandedOver, Recent, sweep_journals
from gateway.log.leaf import canonical, commitment
from gateway.model import Upload
from gateway.processor.retention import run_hourly
from gateway.registry import log
from gateway.verify.verify_files import verify_receipt_files
from gateway.zones.spool import hand_over, reserve_reference
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.whole import collect, jane
from tests.workshop import Desk

CHILD = "Alice Notareal SEN report.xml.pgp"


def leaves(desk: Desk) -> str:
    with desk.registry.read() as session:
        return "\n".join(leaf.decode() for leaf in log.leaves(session))


def test_a_guessed_content_cannot_be_tried_against_the_log(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    content = core_data(1)
    reference = desk.send(oak, content, CHILD)
    desk.process()
    collect(desk, jane(desk), "central-data-team", reference)
    digest = hashlib.sha256(content).hexdigest()
    assert digest not in leaves(desk)
    decided = next(event for event in desk.events(reference) if event.kind == "decided")
    fields = json.loads(decided.leaf)["fields"]
    assert decided.salt is not None
    assert fields["content_commitment"] == commitment(
        digest, decided.salt
    )  # Whoever has the salt can prove it.
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def test_nor_can_all_that_a_receipt_states(desk: Desk) -> None:
    """All but its salt is told to the guesser; the leaf holds a digest of it all."""
    oak = desk.provider("oak", years=THIS_YEAR)
    reference = desk.send(oak, core_data(2), CHILD)
    desk.process()
    for path in desk.receipts("oak", f"*.{reference}.json"):
        envelope = json.loads(path.read_text())
        receipt, recorded = envelope["receipt"], json.loads(envelope["leaf"])["fields"]
        assert recorded["receipt"] == hashlib.sha256(canonical(receipt)).hexdigest()
        guess = {name: part for name, part in receipt.items() if name != "salt"}
        assert recorded["receipt"] != hashlib.sha256(canonical(guess)).hexdigest()
        assert len(bytes.fromhex(receipt["salt"])) == 16
    texts = [path.read_text() for path in desk.receipts("oak", f"*.{reference}.*") if path.suffix != ".json"]
    salts = {line for text in texts for line in text.splitlines() if line.startswith("    Salt")}
    assert len(salts) == len(texts) > 0


def test_what_came_in_the_clear_is_not_told_by_its_digest_either(desk: Desk) -> None:
    desk.provider("oak", years=THIS_YEAR)
    content = b"UPN,Forename\nA999200000001,Alice\n"
    reference = withheld(desk, content)
    desk.process()
    assert desk.state(reference) == "refused"
    assert hashlib.sha256(content).hexdigest() not in leaves(desk)
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def test_a_name_is_outside_no_longer_than_a_receipt_is_of_use(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    reference = desk.send(oak, core_data(3), CHILD)
    desk.process()
    kept = desk.receipts("oak", f"*.{reference}.*")
    elsewhere = desk.root / "kept"
    elsewhere.mkdir()
    for path in kept:
        (elsewhere / path.name).write_bytes(path.read_bytes())
    desk.pass_time(days=59)
    swept(desk)
    assert named(desk)
    desk.pass_time(days=2)
    later = desk.send(oak, core_data(4), "later.xml.pgp")
    desk.process()
    swept(desk)
    assert named(desk) == []
    assert desk.receipts("oak", f"*.{later}.txt"), "another one's is there"
    desk.process()  # A new start publishes again what may be missing, and not this.
    assert named(desk) == []
    assert CHILD in desk.gateway("receipts", "show", reference)
    assert all(one.good for one in verify_receipt_files(list(elsewhere.iterdir()), desk.certificate.encode()))
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def test_intake_remembers_a_name_for_a_day(tmp_path: Path) -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    journal = tmp_path / "oak.jsonl"
    recent = Recent(journal, timedelta(days=1))
    for hours, name in ((30, CHILD), (2, "later.pgp")):
        at = now - timedelta(hours=hours)
        entry = HandedOver(reference="261125-oak-AAAAA", folder="in", name=name, size=1, landed_at=at)
        recent.remember(entry)
        recent.write(entry)
    assert recent.expire(now)
    recent.rewrite(now)
    assert recent.find("in", CHILD) is None
    assert [entry.name for entry in recent.within("in")] == ["later.pgp"]
    assert CHILD not in journal.read_text()
    sweep_journals(tmp_path, now, timedelta(days=1), {"oak"})
    assert journal.exists()
    sweep_journals(tmp_path, datetime.now(UTC) + timedelta(days=2), timedelta(days=1), set())
    assert not journal.exists(), "of a provider that does not come back nobody else would"


def withheld(desk: Desk, content: bytes) -> str:
    spool = desk.home.spool
    reference = reserve_reference(spool, "oak", desk.now)
    empty = spool.root / "empty"
    empty.touch()
    upload = Upload(
        reference=reference, provider="oak", name=CHILD, folder="in", size=len(content),
        sha256=hashlib.sha256(content).hexdigest(), started_at=desk.now, landed_at=desk.now,
        ssh_key="SHA256:" + "A" * 43, withheld=True,
    )  # fmt: skip
    hand_over(spool, upload, empty)
    return reference


def named(desk: Desk) -> list[Path]:
    """Everything outside that bears the name, or holds it."""
    found = [path for path in desk.home.published.root.rglob("*") if path.is_file()]
    return [path for path in found if "Alice" in path.name or b"Alice" in path.read_bytes()]


def swept(desk: Desk) -> None:
    with desk.registrar() as registrar:
        run_hourly(registrar)
