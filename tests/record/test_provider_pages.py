"""What a provider reads of itself: its page, signed, and its deadlines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import icalendar
import pytest
import vobject
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from sqlmodel import select

from gateway.openpgp.sealer import verify_detached
from gateway.policy.dates import academic_year_from, first_year
from gateway.processor.rounds import Pages
from gateway.publish.provider_page import publish_log_proofs
from gateway.registry.tables import ProviderRow, TransferRow
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.web.browsers import CHANNEL, CHROMIUM
from tests.workshop import Desk, fresh

LAST_YEAR = academic_year_from(first_year(*THIS_YEAR) - 1)


@pytest.fixture(scope="module")
def oaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A gateway with a school, of which two files came. It must not be changed."""
    made = Desk(tmp_path_factory.mktemp("desk"))
    oak = made.provider("oak", years=(LAST_YEAR, *THIS_YEAR), dfe_number="9991001")
    made.send(oak, fresh(), name="Pupil Jane Doe.xml.pgp")
    made.send(oak, b"Dear all, no data here.\n", name="letter about Jane Doe.txt.pgp")
    made.process()
    yield made
    made.close()


@pytest.fixture
def copied(oaks: Desk, tmp_path: Path) -> Iterator[Desk]:
    """The same, to be changed."""
    made = oaks.copied(tmp_path)
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


def test_a_provider_reads_what_is_due_what_came_and_what_waits(oaks: Desk) -> None:
    with oaks.registry.read() as session:
        first, second = session.exec(select(TransferRow.reference)).all()
    folder = oaks.home.published.pages("oak")
    html = (folder / "status.html").read_text()
    parsed = Strict()
    parsed.feed(html)
    assert parsed.open == []
    assert parsed.seen.isdisjoint({"script", "img", "link", "iframe", "object", "form"})
    assert "src=" not in html
    text = " ".join(parsed.text.split())
    ratified = f"Ratified: {LAST_YEAR}, {THIS_YEAR[0]}."
    for told in ("The oak", "School Census", first, second, "OpenPGP key: active", ratified):
        assert told in text, (told, text)
    assert re.search(r"due in \d+ weeks, on \d+ \w+ 20", text)
    # Each is named as its receipt has it; two that come at once are decided in either order.
    listed = re.findall(r"(\S+) (Pupil Jane Doe.xml.pgp|letter about Jane Doe.txt.pgp): ", text)
    assert {reference for reference, _ in listed} == {first, second}
    assert len(listed) == 2
    signature = (folder / "status.html.asc").read_bytes()
    assert verify_detached(html.encode(), signature, [oaks.certificate.encode()])


def test_a_day_that_passed_before_a_provider_was_enrolled_is_not_told_as_one_to_come(oaks: Desk) -> None:
    html = (oaks.home.published.pages("oak") / "status.html").read_text()
    days = dict(re.findall(r'data-flow="([^"]+)" data-state="not-due" data-due="([^"]*)"', html))
    assert "school-census" in days
    assert {kind: day for kind, day in days.items() if day and day < f"{oaks.now:%Y-%m-%d}"} == {}


@pytest.mark.needs("chromium")
def test_the_page_can_be_read_by_everybody_on_a_telephone(oaks: Desk) -> None:
    """By the rules of WCAG 2.2 AA as far as axe can tell, and without scrolling sideways at 320 pixels."""
    path = oaks.home.published.pages("oak") / "status.html"
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=[*CHANNEL])
        page = browser.new_page(viewport={"width": 320, "height": 640})
        page.goto(path.as_uri())
        rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
        found = Axe().run(page, options=rules).response["violations"]
        wide = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
    assert wide <= 320


def test_deadlines_open_in_a_calendar(oaks: Desk) -> None:
    raw = (oaks.home.published.pages("oak") / "calendar.ics").read_bytes()
    calendar = icalendar.Calendar.from_ical(raw)
    events = calendar.walk("VEVENT")
    assert {str(event["summary"]).partition(" ")[0] for event in events} >= {"School", "Phonics"}
    uids = [str(event["uid"]) for event in events]
    assert len(set(uids)) == len(uids)
    assert all(event.decoded("dtstart") >= oaks.now.date() for event in events)
    told = {(str(event["uid"]), str(event["summary"]), event.decoded("dtstart")) for event in events}
    other = vobject.readOne(raw.decode("utf-8")).vevent_list  # A reader that shares nothing with the writer.
    assert {(one.uid.value, one.summary.value, one.dtstart.value) for one in other} == told


def test_one_service_makes_pages_anew_on_a_new_day_and_for_whom_something_changed(copied: Desk) -> None:
    pages = Pages()
    status = copied.home.published.pages("oak") / "status.html"
    with copied.registrar() as registrar:
        for changes, made in ((None, True), (None, False), ("day", True), (None, False), ("oak", True)):
            if changes == "day":
                copied.pass_time(days=1)
            elif changes == "oak":
                with copied.registry.write() as session:
                    session.get_one(ProviderRow, "oak").name = "Oak School"
            status.unlink()
            pages.tend(registrar, at_once=True)
            assert status.exists() is made, changes
            status.touch()


def test_pages_are_made_anew_for_whom_something_changed_and_on_a_new_day(copied: Desk) -> None:
    ash = copied.provider("ash")
    copied.process()
    pages = {name: copied.home.published.pages(name) / "status.html" for name in ("ash", "oak")}
    before = {name: page.read_text() for name, page in pages.items()}
    reference = copied.send(ash, core_data(seed=91))
    copied.process()
    assert reference in pages["ash"].read_text()
    assert reference not in before["ash"]
    copied.pass_time(days=1)
    copied.process()
    assert pages["oak"].read_text() != before["oak"]


def test_who_is_no_party_to_the_agreement_is_told_so(copied: Desk) -> None:
    copied.provider("fft", "fft")
    copied.process()
    said = (copied.home.published.pages("fft") / "status.html").read_text()
    assert "You need not ratify it." in said
    assert "Ratified: ." not in said


def test_a_page_tells_at_once_what_the_authority_puts_on_record(copied: Desk) -> None:
    pages, elm = Pages(), copied.home.published.pages("elm") / "status.html"
    copied.provider("elm", dfe_number="9991002")
    with copied.registrar() as registrar:
        pages.tend(registrar, at_once=True)
        told = [elm.read_text()]
        for act in (
            ("agreement", "ratify", "elm", "--signatory", "The Head"),
            ("flows", "expect", "elm", "phonics", "no", "--why", "a junior school"),
        ):
            copied.gateway(*act)
            pages.tend(registrar, at_once=True)
            told.append(elm.read_text())
    assert "Not ratified for" in told[0]
    assert "Not ratified for" not in told[1]
    assert told[1] != told[2]


def test_a_calendar_is_made_anew_only_where_its_days_are_others(term: Desk) -> None:
    """In term time, where none of its days is over at once and none comes in sight."""
    term.gateway("providers", "add", "oak", "--name", "Oak", "--kind", "school", "--dfe-number", "9991001")
    term.process()
    path = term.home.published.pages("oak") / "calendar.ics"
    before = path.read_bytes()
    term.pass_time(days=1)
    term.process()
    assert path.read_bytes() == before  # With the moment at which it was made.
    path.write_bytes(before.replace(b"X-GATEWAY-MADE-OF", b"X-WHATEVER"))  # As an earlier release made it.
    term.pass_time(days=1)
    term.process()
    again = path.read_bytes()
    stamps = [set(re.findall(rb"DTSTAMP:\S+", made)) for made in (before, again)]
    assert stamps[0].isdisjoint(stamps[1])
    term.pass_time(days=120)  # The first of its days is over.
    term.process()
    assert b" is late (" in path.read_bytes()
    assert b" is late (" not in again


def test_a_name_in_a_page_is_text_and_nothing_else(copied: Desk) -> None:
    settings = copied.home.settings
    text = settings.read_text()
    organisation = re.search(r'organisation = "(.*)"', text)
    assert organisation is not None
    settings.write_text(text.replace(organisation[1], "<b>Anyshire</b> & Sons"))
    copied.process()
    html = (copied.home.published.pages("oak") / "status.html").read_text()
    assert "&lt;b&gt;Anyshire&lt;/b&gt; &amp; Sons" in html
    assert "<b>" not in html


@pytest.mark.parametrize("torn", [b"", b"\0" * 200, b'{"size": 1'])
def test_proofs_that_a_power_cut_tore_are_made_again(copied: Desk, torn: bytes) -> None:
    published = copied.home.published
    publish_log_proofs(copied.registry, published, ["oak"])
    path = published.pages("oak") / "log.json"
    before = path.read_text()
    path.write_bytes(torn)
    publish_log_proofs(copied.registry, published, None)
    assert path.read_text() == before


@pytest.mark.parametrize("name", ["calendar.ics", "policies.asc", "headings.asc"])
def test_what_a_power_cut_tore_is_not_taken_for_what_was_published(copied: Desk, name: str) -> None:
    published = copied.home.published
    folder = published.pages("oak") if name == "calendar.ics" else published.common / "agreement"
    copied.process()
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) - 20])
    with copied.registrar() as registrar:
        Pages().tend(registrar, at_once=True)
    assert (folder / name).read_bytes()[-12:] == whole[-12:]
