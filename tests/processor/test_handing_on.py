"""What the processor lays out for the courier, which starts together with it."""

from __future__ import annotations

from tests.workshop import Desk


def test_the_couriers_folder_is_there_as_soon_as_the_courier_has_a_key(desk: Desk) -> None:
    desk.process()
    assert not desk.home.hand_on.exists()
    with desk.home.settings.open("a") as settings:
        settings.write('\n[hand_on]\nkey_file = "/nowhere/key"\n')
    desk.process()
    assert desk.home.hand_on.is_dir()
