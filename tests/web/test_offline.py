"""The page in Welsh, and without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import lxml.html
import pytest
from playwright.sync_api import Page
from web_page import STATIC, WELSH

from gateway.web.page import digest
from tests.content import core_data
from tests.waiting import until
from tests.web.school import School, school_at
from tests.web.test_sealing import chooses, enrolled, presses

pytestmark = pytest.mark.long

KEPT = "caches.keys().then((names) => names.join())"
LYING = "async () => Array.fromAsync((await navigator.storage.getDirectory()).keys())"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with school_at(tmp_path_factory.mktemp("school")) as school:
        yield school


def english(page: Page) -> set[str]:
    """The texts that the page shows in English, of those that it has in Welsh."""
    texts = page.evaluate(
        "() => [...document.querySelectorAll('body *')].filter((one) => one.checkVisibility())"
        ".flatMap((one) => [...one.childNodes]).filter((one) => one.nodeType === 3)"
        ".map((one) => one.data.trim().replace(/\\s+/g, ' '))"
    )
    return set(texts) & set(page.evaluate("Object.keys(WELSH).filter((one) => WELSH[one] !== one)"))


def test_every_word_of_the_page_is_in_welsh_too() -> None:
    """Those of the page itself; a sentence that a script makes is looked up in the same table."""
    table = WELSH.read_text("utf-8")
    page = lxml.html.fromstring((STATIC / "index.html").read_text("utf-8"))
    told = {
        " ".join(text.split())
        for one in page.iter(
            "title", "h1", "h2", "h3", "p", "label", "button", "option", "summary", "caption", "th"
        )
        if not one.xpath("ancestor-or-self::*[@translate='no']") and len(one) == 0
        for text in [one.text or ""]
        if text.strip()
    }
    assert len(told) > 60
    assert {text for text in told if f'"{text}" = ' not in table} == set()


def test_the_page_speaks_welsh_and_goes_back(school: School, tmp_path: Path) -> None:
    page = school.opens()
    first = page.locator("body").inner_text()
    page.get_by_role("button", name="Cymraeg").click()
    assert page.get_by_role("button", name="Mewngofnodi â'ch goriad").is_visible()
    assert page.title() == "Anfon ffeil at yr awdurdod lleol"
    assert english(page) == set()
    assert school.faults(page) == []
    page.reload()
    assert page.locator("html").get_attribute("lang") == "cy"
    invitation, words = school.invites(tmp_path)
    page.get_by_label("Eich gwahoddiad").set_input_files(invitation)
    page.get_by_label("Y chwe gair").fill(f"{words} more")
    page.get_by_label("Cyfeiriad e-bost").fill("office@oak.example")
    presses(page, "Gwneud fy allweddi")
    page.get_by_text("Darllenir chwe gair, a 7 sydd yma.").wait_for()
    assert english(page) == set()
    page.reload()
    page.get_by_role("button", name="English").click()
    assert page.locator("body").inner_text() == first
    assert school.problems == []


def test_a_file_is_sealed_without_a_network_and_sent_later(school: School, tmp_path: Path) -> None:
    page = enrolled(school, tmp_path, kept=True)
    page.locator("html[data-page=kept]").wait_for()
    assert page.evaluate(KEPT) == digest()
    page.context.set_offline(True)
    page.reload()
    page.get_by_text("About this page").click()
    page.locator("#digest", has_text=digest()).wait_for()
    page.evaluate("() => { localStorage.login = 'whose session it is'; }")
    presses(page, "Log in with your passkey")
    page.get_by_text("There is no connection.").wait_for()
    assert page.evaluate("localStorage.login") == "whose session it is"
    chooses(page, "later.xml", core_data(1))
    presses(page, "Send")
    page.get_by_text("The file is sealed, and waits in this browser.").wait_for()
    assert len(page.evaluate(LYING)) == 1
    assert school.faults(page) == []
    page.context.set_offline(False)
    page.reload()
    presses(page, "Log in with your passkey")
    page.get_by_text("later.xml has arrived.").wait_for()
    (decided,) = school.site.await_decided(1)
    assert (decided["state"], decided["name"].split(".")[0]) == ("accepted", "later")
    until(lambda: page.evaluate(LYING) == [], "what was sealed to be forgotten")


def test_a_version_of_another_digest_than_the_stated_is_not_kept(school: School) -> None:
    page = school.opens(kept=True)
    page.locator("html[data-page=kept]").wait_for()
    page.context.route("**/digest", lambda route: route.fulfill(body="0" * 64))
    page.reload()
    page.locator("html[data-page^='not kept']").wait_for()
    assert page.evaluate(KEPT) == digest()


def test_the_pages_script_is_as_short_as_was_asked() -> None:
    """Libraries of others, and what is made from tables, do not count."""
    others = {"openpgp.min.js", "sha256.min.js", "scrypt.js", "qrcode.js", "words.js", "welsh.js"}
    own = [path for path in STATIC.glob("*.js") if path.name not in others]
    assert sum(len(path.read_text("utf-8").splitlines()) for path in own) <= 2_000
    python = [STATIC.parents[1] / "intake" / name for name in ("web.py", "web_sessions.py")]
    python += STATIC.parent.glob("*.py")
    assert sum(len(path.read_text("utf-8").splitlines()) for path in python) <= 2_500
    assert not re.search(r"innerHTML|eval\(", "".join(path.read_text("utf-8") for path in own))
