"""A whole gateway at work, with files that real SFTP clients sent, and a real browser before its console."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.clock import Clock
from tests.console.acts import Seen, route_of
from tests.console.office import Office
from tests.console.pages import console_of
from tests.console.served import Served
from tests.console.through_the_api import console_api_of
from tests.content import census, core_data
from tests.mailboxes.mailroom import Mailroom
from tests.site import Party, Running, Site
from tests.web.browsers import Driven, driven

PICTURES = Path(os.environ.get("GATEWAY_TEST_PICTURES", Path(__file__).parents[2] / "build/pictures"))
KEEPS_PICTURES = "GATEWAY_TEST_PICTURES" in os.environ
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SCRIPT_NAME = "<img src=x onerror=document.title='owned'>.pgp"


_FOUND = """rules => axe.run(document, rules).then(found => found.violations.map(
    rule => [rule.id, rule.nodes[0].html]))"""


def violations(page: Page) -> list[tuple[str, str]]:
    """What axe finds wrong on a page: the rule, and where. It is put into a page once."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return [(rule, place) for rule, place in page.evaluate(_FOUND, {**RULES, "resultTypes": ["violations"]})]


@dataclass
class Person:
    """Somebody of the staff at a browser of their own, whose passkey is a virtual authenticator."""

    name: str
    context: BrowserContext
    page: Page
    seen: Seen
    problems: list[str] = field(default_factory=list)

    def link(self, words: str) -> None:
        self.page.get_by_role("link", name=words, exact=True).first.click()
        self.page.wait_for_load_state()

    def button(self, words: str) -> None:
        self.page.get_by_role("button", name=words).first.click()
        self.page.wait_for_load_state()

    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def faults(self, width: int) -> list[tuple[str, str]]:
        """What axe finds wrong on the page, and whether it is wider than the window."""
        if KEEPS_PICTURES:
            route = route_of(self.page.url, "GET")
            name = re.sub(r"[^a-z]+", "-", route).strip("-") or "today"
            self.page.screenshot(path=PICTURES / f"{name}-{width}.png")
        found = violations(self.page)
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        return [*found, ("wider than the window", str(wide))] if wide > width else found

    def faults_at_each_width(self) -> list[tuple[str, str]]:
        """The same in a narrow window and in a wide one, which stays."""
        found = []
        for width in (320, 1280):
            self.page.set_viewport_size({"width": width, "height": 720})
            found += self.faults(width)
        return found

    def cookies(self) -> dict[str, str]:
        return {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}


@dataclass
class House:
    """The gateway, its services, and a browser."""

    site: Site
    oak: Party
    services: Running
    driven: Driven
    people: dict[str, Person] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)

    @property
    def origin(self) -> str:
        return self.services.console

    def enters(self, name: str) -> Person:
        """A person with a browser of their own, who follows their one-time link and makes a passkey."""
        if name not in self.people:
            person = self.opens_browser(name)
            person.page.goto(self.site.gateway("staff", "invite", name).strip())
            person.button("Continue")
            person.button("Make a passkey")
            person.page.wait_for_url(f"{self.origin}/")
            self.site.confirm(name, "--staff")
            person.page.goto(f"{self.origin}/")
            self.people[name] = person
        return self.people[name]

    def opens_browser(self, name: str) -> Person:
        context = self.driven.browser.new_context(accept_downloads=True)
        context.set_default_timeout(60_000)
        page = context.new_page()
        person = Person(name, context, page, self.seen)
        page.on("console", lambda told: person.problems.append(f"{told.type}: {told.text} {page.url}"))
        page.on("response", self.seen.note)
        page.on("request", lambda asked: self._check_is_ours(person, asked.url))
        self.driven.give_passkey(page)
        return person

    def _check_is_ours(self, person: Person, url: str) -> None:
        if not url.startswith((self.origin, "data:", "blob:")):
            person.problems.append(f"a request to elsewhere: {url}")

    def sent(self, name: str, content: bytes, *, party: Party | None = None) -> str:
        """A file that a school uploads by SFTP; its reference, once it is decided."""
        known = {one["reference"] for one in self.site.transfers()}
        sender = party or self.oak
        sender.put(self.services.intake, name, sender.seal(content, self.site.certificate))
        listed = self.site.await_decided(len(known) + 1)
        return next(one["reference"] for one in listed if one["reference"] not in known)


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The pages in this process, without a browser: one for all tests that ask them."""
    room = Mailroom(tmp_path_factory.mktemp("served"))
    with room.home.settings.open("a", encoding="utf-8") as settings:
        settings.write('\n[letters]\nrelay = "127.0.0.1"\nport = 9\ntls = "none"\n')
    with console_api_of(room) as console, console_of(console) as origin:
        served = Served(room, console, origin)
        yield served
        for visitor in served.visitors:
            visitor.client.close()


@pytest.fixture(autouse=True)
def _mary_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test of the pages, mary is the only administrator again, whoever became one in it."""
    yield
    served = request.getfixturevalue("served") if "served" in request.fixturenames else None
    if isinstance(served, Served):
        served.leave_mary_alone()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One room for all tests of a file, asked through its console API by whoever has the console."""
    room, clock = Mailroom(tmp_path_factory.mktemp("office")), Clock()
    with console_api_of(room, clock) as console:
        yield Office(room, console, clock)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house, in Chromium."""
    with house_in(tmp_path_factory.mktemp("house"), "chromium") as made:
        yield made


@contextmanager
def house_in(folder: Path, browser: str) -> Iterator[House]:
    """Jane triages, Sam is of another team, Kim triages too; three files wait."""
    site = Site(folder)
    with (site.home / "gateway.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[letters]\nrelay = "127.0.0.1"\nport = 9\ntls = "none"\n')
    oak = site.provider("oak")
    for name, team in (("jane", "central-data-team"), ("kim", "central-data-team"), ("sam", "early-years")):
        site.staff(name, team)
    for name in ("jane", "kim"):
        site.gateway("roles", "grant", name, "triage", "--why", "test")
    with site.running() as services, sync_playwright() as playwright, driven(playwright, browser) as browsing:
        made = House(site, oak, services, browsing)
        made.sent("core.xml.pgp", core_data(1))
        made.sent("census.xml.pgp", census(2))
        made.sent(SCRIPT_NAME, b"nobody knows what this is\n" * 5)
        yield made
