"""The kit on a pseudo-terminal, typed at as a person would."""

from __future__ import annotations

import os
import pty
import random
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.cli.send_keys import Display
from gateway.send.kit import Kit
from gateway.send.passphrases import Passphrases
from gateway.send.sending import KitAtWork
from gateway.send.sent import ON_ITS_WAY
from tests import warm
from tests.content import core_data
from tests.send.cable import cable
from tests.send.office import PASSPHRASE, Office
from tests.send.test_sending import elsewhere
from tests.site import Running, Site

pytestmark = pytest.mark.long

_PATIENCE = 60.0
_KILLS = int(os.environ.get("GATEWAY_TEST_KILLS", "4"))
_SEALED_BYTES, _QUESTIONS_BYTES = 1_900_000, 12_000
HIDES_CURSOR, SHOWS_CURSOR = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def services(site: Site) -> Iterator[Running]:
    with site.running() as running:
        yield running


@pytest.fixture(scope="module")
def oak(site: Site, services: Running) -> Office:
    return Office(site, "oak", services.intake, site.root / "oak", own=True)


@pytest.fixture(scope="module")
def elm(site: Site, services: Running) -> Office:
    """Without a passphrase: nobody is asked."""
    return Office(site, "elm", services.intake, site.root / "elm")


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, office: Office, *arguments: str, is_warm: bool = False) -> None:
        environment = {**os.environ, **office.environment, "TERM": "xterm-256color"}
        del environment["GATEWAY_KIT_PASSPHRASE_FILE"]
        ours, theirs = pty.openpty()
        self._ours, self.shown, self._typed = ours, "", 0
        self.process = (warm.Popen if is_warm else subprocess.Popen)(
            [sys.executable, "-m", "gateway", "send", *arguments],
            env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def until(self, *words: str) -> str:
        """What was shown until some of these words stand at its end, shown since something was typed."""
        return self.watched(lambda: plainly(self.shown[self._typed :]).endswith(words))

    def watched(self, ends: Callable[[], bool]) -> str:
        """What was shown until something is so. A terminal that nobody reads would stop who draws on it."""
        deadline = time.monotonic() + _PATIENCE
        while not ends():
            assert time.monotonic() < deadline, self.shown
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self._ours, 65_536).decode(errors="replace")
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
                self.shown += piece.decode(errors="replace")
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


def test_a_key_is_revoked_only_where_somebody_says_so(oak: Office) -> None:
    revoke = ("revoke", "--reason", "compromised")
    at = Terminal(oak, *revoke)
    at.until("The passphrase of your OpenPGP key: ")
    at.type(PASSPHRASE)
    assert "It cannot be taken back." in at.until("[y/N]: ")
    at.type("")
    assert (at.rest().count("revoked"), at.process.returncode) == (0, 1)
    result = oak.send(*revoke)  # Nobody is there.
    assert (result.exit_code, "say it with --yes" in result.stderr) == (1, True)
    keys = oak.site.json("keys", "list", oak.name)
    assert {key["state"] for key in keys} == {"active"}


def test_three_wrong_passphrases_end_it(oak: Office) -> None:
    at = Terminal(oak, str(oak.file("core.xml", core_data(seed=33))))
    at.until("The passphrase of your OpenPGP key: ")
    for _ in range(2):
        at.type("wrong")
        at.until("That does not open it. Once more: ")
    at.type("wrong")
    shown = at.rest()
    assert (at.process.returncode, "none of the three opens" in shown) == (1, True), shown


@pytest.mark.timeout(600)
def test_an_upload_that_is_killed_anywhere_goes_on_where_it_was(elm: Office, services: Running) -> None:
    """From its first line on, each run shows what is there already. `make nightly` kills at 20 places."""
    seed = random.randrange(2**31)
    print(f"seed {seed}")
    rng = random.Random(seed)
    file = elm.file("scan.bin", rng.randbytes(_SEALED_BYTES).hex().encode())
    offsets = [int((place + rng.uniform(0.3, 0.7)) * _SEALED_BYTES / (_KILLS + 1)) for place in range(_KILLS)]
    there = 0
    for offset in (*offsets, None):
        with cable(services.intake) as laid:
            elsewhere(elm, laid.place)
            laid.stall_after = None if offset is None else _QUESTIONS_BYTES + offset - there
            at = Terminal(elm, str(file), "--anyway", "--why", "a trial", is_warm=True)
            if offset is not None:
                at.watched(laid.stalled.is_set)
                at.process.kill()
            shown = plainly(at.rest())
        elsewhere(elm, services.intake)
        resumed = re.search(r"sending scan\.bin \S+ +([0-9.]+)/[0-9.]+ MB", shown)
        assert resumed is not None, shown
        assert abs(float(resumed[1]) * 1_000_000 - there) < 60_000, (resumed[1], there)
        if offset is not None:
            before, there = there, _there(elm)
            assert before < there < _SEALED_BYTES
    assert "reference " in shown, shown
    assert len(elm.transfers()) == 1


def _there(office: Office) -> int:
    """How many bytes of the one file on its way the gateway has."""
    sender = KitAtWork(Kit(office.kit), Passphrases(office.name, None, None), Display())
    with sender.files() as files, sender.session() as sftp:
        (sent,) = files.in_state(*ON_ITS_WAY)
        size: int = sftp.stat(f"/in/{sent.remote}.filepart").st_size
    return size
