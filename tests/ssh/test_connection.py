"""What a client says outside of its sessions."""

from __future__ import annotations

import paramiko
import pytest

from tests.intake.running import Running


@pytest.mark.parametrize("kind", [81, 82])
def test_an_answer_that_nobody_asked_for_is_passed_over(intake: Running, kind: int) -> None:
    """phpseclib gives one to the list of host keys, and could not get in."""
    answer = paramiko.Message()
    answer.add_byte(bytes([kind]))
    with intake.transport() as transport:
        transport._send_user_message(answer)
        client = transport.open_sftp_client()
        assert client is not None
        assert "in" in client.listdir("/")
