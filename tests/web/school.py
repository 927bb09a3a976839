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

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from gateway.home import Home
from tests.console.conftest import CHANNEL, CHROMIUM, RULES
from tests.ports import free_port
from tests.site import Party, Running, Site
from tests.waiting import until

HANDED = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


class Recorder(socketserver.ThreadingTCPServer):
    """Passes connections on to the page's service, and keeps what the browser said."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, port: int, behind: int) -> None:
        self.behind, self.said = behind, bytearray()
        super().__init__(("127.0.0.1", port), Passing)


class Passing(socketserver.BaseRequestHandler):
    server: Recorder

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.server.behind)) as other:
            ways = {self.request: other, other: self.request}
            while True:
                for one in select.select(list(ways), [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    if one is self.request:
                        self.server.said += data
                    ways[one].sendall(data)


@dataclass
class School:
    """The browser, and everything that it complained of. `recorder.said`: every byte that left it."""

    site: Site
    oak: Party
    services: Running
    browser: Browser
    origin: str
    recorder: Recorder
    problems: list[str] = field(default_factory=list)

    def opens(self, *, secret: bool = True, kept: bool = False) -> Page:
        """The page, in a browser of its own. `secret`: whether the passkey can lock a key (PRF).

        `kept`: a worker keeps the page for when there is no network; a test that answers itself has none.
        """
        self.problems.clear()
        workers = "allow" if kept else "block"
        page = self.browser.new_context(accept_downloads=True, service_workers=workers).new_page()
        page.set_default_timeout(120_000)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error('csp', e.violatedDirective))"
        )
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda one: self._asked(one.url))
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": HANDED | {"hasPrf": secret}})
        page.goto(self.origin)
        return page

    def _asked(self, url: str) -> None:
        if not url.startswith((self.origin, f"blob:{self.origin}")):
            self.problems.append(url)

    def _heard(self, told) -> None:
        """Chromium tells of each refusal, and would like a weaker algorithm, RS256, to be offered as well."""
        if not re.search(
            r"status of (401|403|404|503)|default algorithm identifiers|by Playwright", told.text
        ):
            self.problems.append(told.text)

    def faults(self, page: Page) -> list[tuple[str, str]]:
        found = []
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 720})
            results = Axe().run(page, options=RULES).response
            found += [(rule["id"], rule["nodes"][0]["html"]) for rule in results["violations"]]
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                found.append(("wider than the window", str(wide)))
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
        with page.expect_download() as download:
            page.get_by_role("link", name="Save this file").click()
        file = folder / download.value.suggested_filename
        download.value.save_as(file)
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


def leads_to(page: Page, button: str, place: str) -> bool:
    """Whether a button shows a part of the page, and no problem."""
    page.get_by_role("button", name=button).click()
    page.locator(f"{place}:not([hidden]), #problem:not([hidden])").first.wait_for()
    return page.locator(place).is_visible()


@contextmanager
def school_at(root: Path, *, ratified: bool = True) -> Iterator[School]:
    """The school oak, its agreement ratified or not yet, before a gateway at work."""
    site, port, behind = Site(root), free_port(), free_port()
    oak, origin = site.provider("oak", ratified=ratified), f"http://localhost:{port}"
    with (site.home / "gateway.toml").open("a") as settings:
        settings.write(f'\n[web]\nport = {behind}\norigin = "{origin}"\n')
    with site.running() as services, Recorder(port, behind) as recorder, sync_playwright() as playwright:
        thread = threading.Thread(target=recorder.serve_forever)
        thread.start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHANNEL))
        try:
            yield School(site, oak, services, browser, origin, recorder)
        finally:
            browser.close()
            recorder.shutdown()
            thread.join(60)
