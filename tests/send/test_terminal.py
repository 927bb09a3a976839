"""The kit on a pseudo-terminal, typed at as a person would."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.content import core_data
from tests.send.office import PASSPHRASE, Office
from tests.site import Site

_PATIENCE = 60.0
HIDES_CURSOR, SHOWS_CURSOR = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture(scope="module")
def oak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.running() as services:
        yield Office(site, "oak", services.intake, site.root / "oak", own=True)


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, office: Office, *arguments: str) -> None:
        environment = {**os.environ, **office.environment, "TERM": "xterm-256color"}
        del environment["GATEWAY_KIT_PASSPHRASE_FILE"]
        ours, theirs = pty.openpty()
        self._ours, self.shown, self._typed = ours, "", 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "send", *arguments],
            env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def until(self, *words: str) -> str:
        """What was shown until some of these words stand at its end, shown since something was typed."""
        deadline = time.monotonic() + _PATIENCE
        while not plainly(self.shown[self._typed :]).endswith(words):
            assert time.monotonic() < deadline, self.shown
            if select.select([self._ours], [], [], 1)[0]:
                try:
                    self.shown += os.read(self._ours, 65_536).decode()
                except OSError:
                    raise AssertionError(f"it has ended: {self.shown}") from None
        return self.shown

    def type(self, line: str) -> None:
        self._typed = len(self.shown)
        os.write(self._ours, f"{line}\n".encode())

    def rest(self) -> str:
        """What was shown in all, once it has ended."""
        try:
            while piece := os.read(self._ours, 65_536):
                self.shown += piece.decode()
        except OSError:  # So a terminal ends on Linux.
            pass
        self.process.wait(_PATIENCE)
        return self.shown


def plainly(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


def draws(shown: str) -> bool:
    """Is something drawn still: a hidden cursor?"""
    return shown.rfind(HIDES_CURSOR) > shown.rfind(SHOWS_CURSOR)


def test_nothing_asks_while_something_is_drawn(oak: Office) -> None:
    """Without a key ring: the passphrase is asked for once, for both keys, on a line that can be seen."""
    at = Terminal(oak, str(oak.file("core.xml", core_data(seed=31))))
    shown = at.until("The passphrase of your OpenPGP key: ")
    assert not draws(shown)
    at.type("not this one")
    shown = at.until("That does not open it. Once more: ")
    assert not draws(shown)
    at.type(PASSPHRASE)
    shown = at.rest()
    assert (at.process.returncode, "ACCEPTED" in shown) == (0, True), shown
    assert PASSPHRASE not in shown
    assert shown.count("The passphrase of") == 1
    assert not draws(shown)
    assert "sending core.xml" in plainly(shown), "the way is shown"


def test_a_watch_asks_before_it_watches(oak: Office) -> None:
    folder = oak.root / "out"
    folder.mkdir()
    (folder / "core.xml").write_bytes(core_data(seed=32))
    at = Terminal(oak, "watch", str(folder), "--once", "--still", "0")
    assert not draws(at.until("The passphrase of your OpenPGP key: "))
    at.type(PASSPHRASE)
    shown = at.rest()
    assert at.process.returncode == 0, shown
    assert (folder / "sent" / "core.xml").exists()


def test_three_wrong_passphrases_end_it(oak: Office) -> None:
    at = Terminal(oak, str(oak.file("core.xml", core_data(seed=33))))
    at.until("The passphrase of your OpenPGP key: ")
    for _ in range(2):
        at.type("wrong")
        at.until("That does not open it. Once more: ")
    at.type("wrong")
    shown = at.rest()
    assert (at.process.returncode, "none of the three opens" in shown) == (1, True), shown
