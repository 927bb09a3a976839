"""A receipt of what was decided again since is genuine, and the console says which is in force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.registry import receipts, staff
from tests.clock import THIS_YEAR
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import console_api_of
from tests.content import core_data
from tests.workshop import Desk


@pytest.fixture
def desk(tmp_path: Path):
    made = Desk(tmp_path)
    yield made
    made.close()


def texts(desk: Desk, reference: str) -> tuple[str, str]:
    """The receipt in force of a file, in both forms."""
    with desk.registry.read() as session:
        latest = receipts.latest(session, reference)
    return latest.text, latest.json_text


def test_an_old_receipt_is_told_from_the_one_in_force(desk: Desk, tmp_path: Path) -> None:
    reference = desk.send(desk.provider("oak", years=THIS_YEAR), core_data(3))
    desk.process()
    old = texts(desk, reference)
    with console_api_of(desk, lambda: desk.now) as console:
        with desk.registry.write() as session:
            staff.add_staff(session, "kim", (), desk.now)
        console.grant("kim", "auditor")
        session = console.enrolled("kim", SoftKey())

        def said(text: str) -> dict:
            told = console.said("receipt", session=session, text=text)
            assert told["genuine"] is True, told
            return told["newer"]

        assert [said(text) for text in old] == [None, None]
        desk.gateway("transfers", "withdraw", reference, "--why", "sent to the wrong authority")
        new = texts(desk, reference)
        assert [said(text)["state"] for text in old] == ["held", "held"]
        assert all(said(text)["at"] for text in old)
        assert [said(text) for text in new] == [None, None]
    file, key = tmp_path / "old.json", tmp_path / "gateway.asc"
    file.write_text(old[1])
    key.write_text(desk.certificate)
    at = json.loads(json.loads(old[1])["leaf"])["at"]
    told = " ".join(desk.gateway("receipts", "verify", str(file), "--gateway-key", str(key)).split())
    assert f"its state in this receipt is accepted, as of {at}; ask for a newer one" in told
