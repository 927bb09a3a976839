"""What the processor lays out for the courier, which starts together with it."""

from __future__ import annotations

from pathlib import Path

from gateway.processor.handing_on import trouble_in
from tests.workshop import Desk


def test_the_couriers_folder_is_there_as_soon_as_the_courier_has_a_key(desk: Desk) -> None:
    desk.process()
    assert not desk.home.hand_on.exists()
    with desk.home.settings.open("a") as settings:
        settings.write('\n[hand_on]\nkey_file = "/nowhere/key"\n')
    desk.process()
    assert desk.home.hand_on.is_dir()


def test_a_report_of_the_courier_that_cannot_be_read_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "done").write_bytes(b"")  # Whoever writes into it is not trusted.
    assert trouble_in(tmp_path, {}, "the server is not reached") is None
