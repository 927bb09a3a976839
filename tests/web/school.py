"""A secretary's browser with a virtual passkey, before a whole gateway; all that leaves it is recorded."""

from __future__ import annotations

import re
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from gateway.home import Home
from tests.console.conftest import violations
from tests.ports import free_port
from tests.site import Party, Running, Site
from tests.waiting import until
from tests.web.browsers import BY_KEYBOARD, Driven, driven

PROVED = "which you compared, signed this receipt, and it is about the file that you sent here."


class Recorder(socketserver.ThreadingTCPServer):
    """Passes connections on to the page's service, keeps what the browser said, and can cut it off."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, port: int, behind: int) -> None:
        self.behind, self.said, self.keeps = behind, bytearray(), True
        self.passed, self.cuts, self._refused, self._mute = 0, [], 0, False
        super().__init__(("127.0.0.1", port), Passing)

    def cut_off(self, at: list[int]) -> None:
        """Cut off once so many bytes have passed: in turn an answer, and a request with the next two."""
        self.cuts = at

    def passes(self, data: bytes) -> bool:
        """Whether the connection that asked this goes on."""
        self.passed += len(data)
        if self.keeps:
            self.said += data
        if not self.cuts or self.passed < self.cuts[0]:
            return True
        self.cuts = self.cuts[1:]
        self._mute = len(self.cuts) % 2 == 0
        self._refused = 0 if self._mute else 2
        return self._mute

    def answers(self) -> bool:
        """Whether what was answered arrives."""
        mute, self._mute = self._mute, False
        return not mute

    def admits(self) -> bool:
        """Whether a new connection is taken."""
        self._refused -= 1
        return self._refused < 0


class Passing(socketserver.BaseRequestHandler):
    server: Recorder

    def handle(self) -> None:
        if not self.server.admits():
            return
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.server.behind)) as other:
            ways = {self.request: other, other: self.request}
            while True:
                for one in select.select(list(ways), [], [])[0]:
                    data = one.recv(65536)
                    goes_on = self.server.passes(data) if one is self.request else self.server.answers()
                    if not data or not goes_on:
                        return
                    ways[one].sendall(data)


@dataclass
class School:
    """The browser, and everything that it complained of. `recorder.said`: every byte that left it."""

    site: Site
    oak: Party
    services: Running
    browser: Driven
    origin: str
    recorder: Recorder
    problems: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    """What the policies of the page forbade, and requests to elsewhere, in all pages: there is none."""

    def opens(self, *, secret: bool = True, kept: bool = False) -> Page:
        """The page, in a browser of its own. `secret`: whether the passkey can lock a key (PRF).

        `kept`: a worker keeps the page for when there is no network; a test that answers itself has none.
        """
        self.problems.clear()
        page = self.browser.page(secret=secret, kept=kept)
        page.set_default_timeout(120_000)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error('csp', e.violatedDirective))"
        )
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda one: self._asked(one.url))
        page.goto(self.origin)
        return page

    def _asked(self, url: str) -> None:
        if not url.startswith((self.origin, f"blob:{self.origin}")):
            self.strays.append(url)

    def _heard(self, told) -> None:
        """Chromium tells of each refusal, and would like a weaker algorithm, RS256, to be offered as well."""
        if told.text.startswith("csp "):
            self.strays.append(told.text)
        elif not re.search(
            r"status of (401|403|404|503)|default algorithm identifiers|by Playwright", told.text
        ):
            self.problems.append(told.text)

    def faults(self, page: Page) -> list[tuple[str, str]]:
        found = []
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 720})
            found += violations(page)
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                found.append(("wider than the window", str(wide)))
            page.keyboard.press("Tab")
            if "Firefox" not in page.evaluate("navigator.userAgent"):  # Its window stands behind others.
                found += [("by keyboard", wrong) for wrong in page.evaluate(BY_KEYBOARD)]
        return found

    def invites(self, folder: Path) -> tuple[Path, str]:
        """The invitation, and the six words that are read out with it."""
        asked = self.site.result("providers", "invite", "oak", "--address", "gateway.example")
        assert asked.exit_code == 0, asked.stderr
        (folder / "oak.invitation").write_text(asked.stdout)
        return folder / "oak.invitation", asked.stderr.splitlines()[1].strip()

    def opens_invitation(self, page: Page, folder: Path) -> None:
        """An invitation is chosen; words and e-mail address are typed."""
        invitation, words = self.invites(folder)
        page.get_by_label("Your invitation").set_input_files(invitation)
        page.get_by_label("The six words").fill(words)
        page.get_by_label("The e-mail address").fill("office@oak.example")

    def hands_over(self, page: Page, folder: Path) -> str:
        """What the page saves is enrolled, and confirmed by what is read out, which is returned."""
        file = self.browser.saves(page, "Save this file", folder)
        self.site.gateway("keys", "add", "oak", str(file))
        aloud = page.locator("#fingerprint").inner_text()
        self.site.gateway("keys", "confirm", "oak", *aloud.split())
        line = file.read_text("utf-8").split()[1]
        published = Home(self.site.home).published.provider("oak") / "authorized_keys"
        until(lambda: line in published.read_text("utf-8"), "the passkey to be published")
        return aloud

    def enrols(self, page: Page, folder: Path) -> str:
        """A passkey alone is made, and confirmed by the authority; its fingerprint."""
        page.get_by_text("need a passkey only").click()
        page.locator("#school").fill("oak")
        page.get_by_role("button", name="Make a passkey").click()
        return self.hands_over(page, folder)

    def logs_in(self, page: Page) -> None:
        """As soon as the passkey is published."""
        until(lambda: leads_to(page, "Log in with your passkey", "#inside"), "the passkey to be published")


def enrolled(school: School, folder: Path, *, secret: bool = True, kept: bool = False) -> Page:
    """A browser with keys that are in force, logged in."""
    page = school.opens(secret=secret, kept=kept)
    school.opens_invitation(page, folder)
    presses(page, "Make my keys")
    if not secret:
        page.get_by_text("Your passkey is made. Choose a passphrase").wait_for()
        page.get_by_label("A passphrase for your key").fill("rope gravel onion tulip")
        page.get_by_label("The same once more").fill("rope gravel onion tulip")
        presses(page, "Make my keys")
    page.get_by_role("heading", name="Your keys are made").wait_for()
    school.hands_over(page, folder)
    school.logs_in(page)
    return page


def chooses(page: Page, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.get_by_label("The file", exact=True).set_input_files(file)


def answers(page: Page, address: str, text: str) -> None:
    """From now on, a captured web door answers with this text."""
    page.route(address, lambda route: route.fulfill(body=text))


def presses(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def leads_to(page: Page, button: str, place: str) -> bool:
    """Whether a button shows a part of the page, and no problem."""
    page.get_by_role("button", name=button).click()
    page.locator(f"{place}:not([hidden]), #problem:not([hidden])").first.wait_for()
    return page.locator(place).is_visible()


@contextmanager
def school_at(
    root: Path, name: str = "chromium", *, ratified: bool = True, profile: Path | None = None
) -> Iterator[School]:
    """The school oak, its agreement ratified or not yet, with this browser before a gateway at work.

    `profile`: where the browser keeps what pages keep (see `driven`).
    """
    site, port, behind = Site(root), free_port(), free_port()
    oak, origin = site.provider("oak", ratified=ratified), f"http://localhost:{port}"
    with (site.home / "gateway.toml").open("a") as settings:
        settings.write(f'\n[web]\nport = {behind}\norigin = "{origin}"\n')
    with site.running() as services, Recorder(port, behind) as recorder, sync_playwright() as playwright:
        thread = threading.Thread(target=recorder.serve_forever)
        thread.start()
        try:
            with driven(playwright, name, profile) as browser:
                school = School(site, oak, services, browser, origin, recorder)
                yield school
                assert school.strays == []
        finally:
            recorder.shutdown()
            thread.join(60)
