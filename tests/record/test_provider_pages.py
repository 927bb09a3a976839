"""What a provider reads of itself: its page, signed, and its deadlines."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser

import icalendar
import pytest
import vobject
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from gateway.openpgp.sealer import verify_detached
from tests.content import core_data
from tests.workshop import Desk, fresh


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.close()


class Strict(HTMLParser):
    """Notes the tags, and that each is closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_provider_reads_what_is_due_what_came_and_what_waits(desk: Desk) -> None:
    oak = desk.provider("oak", years=("2025-26", "2026-27"), dfe_number="9991001")
    taken = desk.send(oak, fresh(), name="Pupil Jane Doe.xml.pgp")
    waits = desk.send(oak, b"Dear all, no data here.\n", name="letter about Jane Doe.txt.pgp")
    desk.process()
    folder = desk.home.published.pages("oak")
    html = (folder / "status.html").read_text()
    parsed = Strict()
    parsed.feed(html)
    assert parsed.open == []
    assert parsed.seen.isdisjoint({"script", "img", "link", "iframe", "object", "form"})
    assert "src=" not in html
    text = " ".join(parsed.text.split())
    for told in ("The oak", "School Census", taken, waits, "OpenPGP key: active", "Ratified: 2025-26"):
        assert told in text, (told, text)
    assert "Jane" not in html
    signature = (folder / "status.html.asc").read_bytes()
    assert verify_detached(html.encode(), signature, [desk.certificate.encode()])


def test_a_day_that_passed_before_a_provider_was_enrolled_is_not_told_as_one_to_come(desk: Desk) -> None:
    html = (desk.home.published.pages("oak") / "status.html").read_text()
    days = dict(re.findall(r'data-flow="([^"]+)" data-state="not-due" data-due="([^"]*)"', html))
    assert "school-census" in days
    assert {kind: day for kind, day in days.items() if day and day < f"{desk.now:%Y-%m-%d}"} == {}


@pytest.mark.needs("chromium")
def test_the_page_can_be_read_by_everybody_on_a_telephone(desk: Desk) -> None:
    """By the rules of WCAG 2.2 AA as far as axe can tell, and without scrolling sideways at 320 pixels."""
    path = desk.home.published.pages("oak") / "status.html"
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 320, "height": 640})
        page.goto(path.as_uri())
        rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
        found = Axe().run(page, options=rules).response["violations"]
        wide = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
    assert wide <= 320


def test_deadlines_open_in_a_calendar(desk: Desk) -> None:
    raw = (desk.home.published.pages("oak") / "calendar.ics").read_bytes()
    calendar = icalendar.Calendar.from_ical(raw)
    events = calendar.walk("VEVENT")
    assert {str(event["summary"]).partition(" ")[0] for event in events} >= {"School", "Phonics"}
    uids = [str(event["uid"]) for event in events]
    assert len(set(uids)) == len(uids)
    assert all(event.decoded("dtstart") >= desk.now.date() for event in events)
    told = {(str(event["uid"]), str(event["summary"]), event.decoded("dtstart")) for event in events}
    other = vobject.readOne(raw.decode("utf-8")).vevent_list  # A reader that shares nothing with the writer.
    assert {(one.uid.value, one.summary.value, one.dtstart.value) for one in other} == told


def test_pages_are_made_anew_for_whom_something_changed_and_on_a_new_day(desk: Desk) -> None:
    ash = desk.provider("ash")
    desk.process()
    pages = {name: desk.home.published.pages(name) / "status.html" for name in ("ash", "oak")}
    before = {name: page.read_text() for name, page in pages.items()}
    reference = desk.send(ash, core_data(seed=91))
    desk.process()
    assert reference in pages["ash"].read_text()
    assert reference not in before["ash"]
    desk.pass_time(days=1)
    desk.process()
    assert pages["oak"].read_text() != before["oak"]


def test_a_calendar_is_made_anew_only_where_its_days_are_others(desk: Desk) -> None:
    path = desk.home.published.pages("oak") / "calendar.ics"
    before = path.read_bytes()
    desk.pass_time(days=1)
    desk.process()
    assert path.read_bytes() == before  # With the moment at which it was made.
    path.write_bytes(before.replace(b"X-GATEWAY-MADE-OF", b"X-WHATEVER"))  # As an earlier release made it.
    desk.pass_time(days=1)
    desk.process()
    again = path.read_bytes()
    stamps = [set(re.findall(rb"DTSTAMP:\S+", made)) for made in (before, again)]
    assert stamps[0].isdisjoint(stamps[1])
    desk.pass_time(days=120)  # The first of its days is over.
    desk.process()
    days = [set(re.findall(rb"DTSTART\S+", made)) for made in (again, path.read_bytes())]
    assert days[0] - days[1]


def test_a_name_in_a_page_is_text_and_nothing_else(desk: Desk) -> None:
    settings = desk.home.settings
    text = settings.read_text()
    organisation = re.search(r'organisation = "(.*)"', text)
    assert organisation is not None
    settings.write_text(text.replace(organisation[1], "<b>Anyshire</b> & Sons"))
    desk.process()
    html = (desk.home.published.pages("oak") / "status.html").read_text()
    assert "&lt;b&gt;Anyshire&lt;/b&gt; &amp; Sons" in html
    assert "<b>" not in html
