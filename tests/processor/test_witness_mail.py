"""A head goes to a witness by mail: through this machine's own sendmail, over SMTP, into a letter box."""

from __future__ import annotations

import email
import email.policy
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.workshop import Desk

pytestmark = [pytest.mark.long, pytest.mark.needs("msmtp", "unshare"), pytest.mark.root]
AUDITOR = "auditor@example.org"
# The processor an hour from now, when the hour of the head is over. /etc says where the mail goes, so a
# copy of it is put in its place for this process alone.
IN_AN_HOUR = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from gateway.home import Home
from gateway.processor.service import open_processor
with open_processor(Home(Path(sys.argv[1])), lambda: datetime.now(UTC) + timedelta(hours=1)) as processor:
    processor.drain()
"""
WITH_ETC = 'mount --bind "$1" /etc && shift && exec "$@"'


class LetterBox:
    """An SMTP server that keeps what it is given, or refuses it."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.letters: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.letters.append(envelope)
        return self.answer

    @contextmanager
    def open(self) -> Iterator[int]:
        """Listen; the port."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        server = Controller(self, hostname="127.0.0.1", port=port)
        server.start()
        try:
            yield port
        finally:
            server.stop()


def process(desk: Desk, port: int, root: Path) -> str:
    """Let the processor work with a sendmail that delivers to `port`; what it logged."""
    etc = root / "etc"
    if not etc.exists():
        shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
    (etc / "msmtprc").write_text(
        f"account default\nhost 127.0.0.1\nport {port}\nfrom gateway@test.invalid\ntls off\nauth off\n"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", WITH_ETC, "sh", str(etc), sys.executable, "-c", IN_AN_HOUR,
         str(desk.home.root)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def witnessed(desk: Desk) -> Desk:
    """A gateway with a head, and an auditor who is told of it by mail."""
    path = desk.home.settings
    line = f'[log]\nwitness_email = "{AUDITOR}"\n#'
    path.write_text(path.read_text("utf-8").replace("[log]", line, 1), "utf-8")
    desk.gateway("log", "head")
    return desk


def test_the_auditor_gets_the_head_that_is_published(witnessed: Desk, tmp_path: Path) -> None:
    box = LetterBox()
    with box.open() as port:
        process(witnessed, port, tmp_path)
        process(witnessed, port, tmp_path)  # Once is enough.
    (letter,) = box.letters
    assert (letter.mail_from, letter.rcpt_tos) == ("gateway@test.invalid", [AUDITOR])
    message = email.message_from_bytes(letter.original_content or b"", policy=email.policy.default)
    assert (message["To"], message["From"]) == (AUDITOR, "gateway@test.invalid")
    assert "test.invalid/log: head of " in message["Subject"]
    (attached,) = message.iter_attachments()
    head = attached.get_content()
    (kept,) = {path.name for path in witnessed.home.published.log.iterdir()} - {"checkpoint"}
    assert (attached.get_filename(), head) == (
        f"head-{kept}", (witnessed.home.published.log / kept).read_bytes(),
    )  # fmt: skip
    saved = tmp_path / "head"
    saved.write_bytes(head)
    assert "everything fits" in witnessed.gateway("log", "verify", "--checkpoint", str(saved))


def test_a_server_that_refuses_is_asked_again(witnessed: Desk, tmp_path: Path) -> None:
    box = LetterBox("550 no such box")
    with box.open() as port:
        assert "the witness email was not told" in process(witnessed, port, tmp_path)
        box.answer = "250 OK"
        process(witnessed, port, tmp_path)
    assert len(box.letters) == 2
