"""A letter in real mail readers: NeoMutt with and without OpenPGP, its HTML in Chromium as in a webmail.

Each is kept as a picture in build/pictures; docs/pictures has those of the guide.
"""

from __future__ import annotations

import html
import os
import subprocess
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

from gateway.policy.catalogue import load_catalogue
from gateway.policy.small_schemas import filled
from gateway.publish.letters_out import entity
from gateway.publish.standing import news
from tests.courier.mime import opened
from tests.courier.test_forms import on
from tests.openpgp.gnupg import Gnupg
from tests.policies import POLICIES
from tests.waiting import eventually
from tests.web.browsers import CHANNEL, CHROMIUM
from tests.workshop import Desk

pytestmark = [pytest.mark.long, pytest.mark.needs("neomutt", "tmux", "chromium", "gpg")]
PICTURES = Path(os.environ.get("GATEWAY_TEST_PICTURES", Path(__file__).parents[2] / "build/pictures"))
WITH_PGP = """\
unset crypt_use_gpgme
set pgp_verify_command = "gpg --status-fd=2 --no-verbose --quiet --batch --verify %s %f"
set pgp_good_sign = "^gpgv?: Good signature from"
set crypt_verify_sig = yes
"""
WITHOUT = "unset crypt_use_gpgme\nset crypt_verify_sig = no\n"
EITHER = """\
ignore *
unignore from to subject date
set help = no
set pager_index_lines = 0
set wait_key = no
set quit = yes
"""


class Terminal:
    """NeoMutt on a terminal of its own, showing the one letter of a mailbox."""

    def __init__(self, folder: Path, settings: str, gpg: Gnupg) -> None:
        (folder / "neomuttrc").write_text(f'set folder = "{folder}"\n{EITHER}{settings}')
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        show = f"neomutt -n -F {folder}/neomuttrc -f {folder}/mbox -e 'push <display-message>'"
        environment = {
            "HOME": str(folder), "PATH": os.environ["PATH"], "GNUPGHOME": str(gpg.home),
            "TERM": "xterm-256color", "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        size = ("-x", "96", "-y", "40")
        subprocess.run([*self._tmux, "new-session", "-d", *size, show], env=environment, check=True)

    def shown(self) -> str:
        """What it shows, with the signs that colour it."""
        done = subprocess.run([*self._tmux, "capture-pane", "-p", "-e"], capture_output=True, check=False)
        return done.stdout.decode()

    def end(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False)


def plain(shown: str) -> str:
    return Text.from_ansi(shown).plain


def pictured(name: str, page: str, width: int) -> None:
    """Keep a picture of a page of HTML, as high as it is."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=[*CHANNEL])
        tab = browser.new_page(viewport={"width": width, "height": 320})
        tab.set_content(page)
        wide = tab.evaluate("document.documentElement.scrollWidth")
        tab.screenshot(path=PICTURES / name, full_page=True)
        browser.close()
    assert wide <= width


@pytest.fixture(scope="module")
def refused(oak: list[tuple[EmailMessage, bytes]]) -> bytes:
    """The letter about a file that waited and was refused, as the relay had it."""
    return next(raw for one, raw in oak if "Not taken" in str(one["Subject"]) and one["References"])


@pytest.mark.parametrize(("settings", "picture"), [(WITH_PGP, "pgp"), (WITHOUT, "text")])
def test_neomutt_shows_the_letter_and_whether_its_signature_is_good(
    desk: Desk, refused: bytes, tmp_path: Path, settings: str, picture: str
) -> None:
    (tmp_path / "mbox").write_bytes(b"From gateway Thu Jan  1 00:00:00 2026\n" + refused + b"\n")
    with Gnupg() as gpg:
        gpg.run("--import", given=desk.certificate.encode())
        terminal = Terminal(tmp_path, settings, gpg)
        try:
            eventually(lambda: "Questions: the central data team" in plain(terminal.shown()))
            shown = terminal.shown()
        finally:
            terminal.end()
    assert "was refused. No team has it." in " ".join(plain(shown).split())
    assert ("Good signature from" in plain(shown)) == (picture == "pgp")
    console = Console(record=True, width=96, file=StringIO())
    console.print(Text.from_ansi(shown.rstrip()))
    pictured(f"letter-{picture}.png", console.export_html(inline_styles=True), 960)


def test_a_webmail_shows_the_letter_at_any_width(desk: Desk, refused: bytes) -> None:
    letter = message_from_bytes(refused, policy=policy.default)
    _, page = opened(letter, desk.certificate.encode())
    assert html.escape(str(letter["Subject"]), quote=False) in page
    for width in (320, 620):
        pictured("letter-html.png", page, width)


def test_a_webmail_shows_the_letter_of_a_week_at_any_width() -> None:
    rule = load_catalogue(POLICIES).letters.rules("weekly")[0]
    told = {
        "name": "Oak Primary School",
        "organisation": "Anyshire County Council",
        "day": "28 September 2026",
    }
    told |= {"news": news(on(date(2026, 9, 28)), "en", 28), "desk": "central data team"}
    subject, text = filled(rule.subject, told), filled(rule.text, told)
    part = message_from_bytes(entity(subject, text, told["organisation"], "en"), policy=policy.default)
    page = part.get_body(("html",)).get_content()
    assert "<li>School Census: due in 9 days, on 7 October 2026" in page
    for width in (320, 620):
        pictured("letter-week.png", page, width)
