"""One command at a time works with a kit, and what is no kit or passphrase is told as such."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.send.passphrases import in_file
from gateway.send.sent import KitBusy, alone
from tests.commands import invoke


@pytest.mark.parametrize("command", ["receipts", "renew", "rotate", "ratify"])
def test_a_folder_without_a_kit_is_told_in_one_line(command: str, tmp_path: Path) -> None:
    done = invoke(None, "send", command, "--kit", str(tmp_path / "nowhere"))
    assert done.exit_code == 1
    assert "nothing is set up in" in done.stderr


def test_a_kit_is_busy_only_while_another_command_holds_it(tmp_path: Path) -> None:
    with alone(tmp_path, seconds=0), pytest.raises(KitBusy), alone(tmp_path, seconds=0):
        pytest.fail("two commands at once")
    with pytest.raises(GatewayError, match="unable to open") as refused, alone(tmp_path / "no", seconds=0):
        pytest.fail("there is no such folder")
    assert not isinstance(refused.value, KitBusy)


def test_a_passphrase_saved_by_notepad_is_the_one_that_was_typed(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(b"\xef\xbb\xbfone two three\r\nfour five\r\n")
    assert in_file(file) == {"openpgp": "one two three", "ssh": "four five"}


def test_a_passphrase_in_another_encoding_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes("caf\xe9 au lait".encode("latin-1"))
    with pytest.raises(GatewayError, match="UTF-8"):
        in_file(file)
