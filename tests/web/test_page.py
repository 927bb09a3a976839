"""The page in a real browser with a virtual passkey, before a whole gateway at work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright

from desktop.web_page import STATIC, with_digests
from tests.console.conftest import CHANNEL, CHROMIUM, RULES
from tests.content import core_data
from tests.intake.running import sealed
from tests.ports import free_port
from tests.site import Party, Running, Site
from tests.waiting import until

HANDED = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True, "hasPrf": True,
}  # fmt: skip
PART = 1024 * 1024


@dataclass
class School:
    """A secretary's browser, and everything that it asked for or complained of."""

    site: Site
    oak: Party
    services: Running
    browser: Browser
    origin: str
    problems: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)

    def opens(self) -> Page:
        page = self.browser.new_context(accept_downloads=True).new_page()
        page.set_default_timeout(60_000)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error('csp', e.violatedDirective))"
        )
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda one: self.asked.append((one.method, one.url, one.post_data_buffer or b"")))
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": HANDED})
        page.goto(self.origin)
        return page

    def _heard(self, told) -> None:
        """Chromium tells of each refusal, and would like a weaker algorithm, RS256, to be offered as well."""
        if not re.search(r"status of (401|403|404|503)|default algorithm identifiers", told.text):
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

    def enrols(self, page: Page, folder: Path) -> str:
        """A passkey is made on the page, and confirmed by the authority; its fingerprint."""
        page.locator("#school").fill("oak")
        page.get_by_role("button", name="Make a passkey").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Save this file").click()
        assert download.value.suggested_filename == "oak.pub"
        download.value.save_as(folder / "oak.pub")
        self.site.gateway("keys", "add", "oak", str(folder / "oak.pub"))
        fingerprint = page.locator("#fingerprint").inner_text()
        self.site.gateway("keys", "confirm", "oak", fingerprint)
        return fingerprint

    def logs_in(self, page: Page) -> None:
        """As soon as the passkey is published."""
        until(lambda: leads_to(page, "Log in with your passkey", "#inside"), "the passkey to be published")


def leads_to(page: Page, button: str, place: str) -> bool:
    """Whether a button shows a part of the page, and no problem."""
    page.get_by_role("button", name=button).click()
    page.locator(f"{place}:not([hidden]), #problem:not([hidden])").first.wait_for()
    return page.locator(place).is_visible()


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    site, port = Site(tmp_path_factory.mktemp("school")), free_port()
    oak, origin = site.provider("oak"), f"http://localhost:{port}"
    with (site.home / "gateway.toml").open("a") as settings:
        settings.write(f'\n[web]\nport = {port}\norigin = "{origin}"\n')
    with site.running() as services, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHANNEL))
        yield School(site, oak, services, browser, origin)
        browser.close()


def test_from_a_new_passkey_to_a_receipt(school: School, tmp_path: Path) -> None:
    page = school.opens()
    assert school.faults(page) == []
    fingerprint = school.enrols(page, tmp_path)
    school.logs_in(page)
    message = school.oak.seal(core_data(1), school.site.certificate)
    page.get_by_label("A file that is encrypted").set_input_files(
        {"name": "core <b>.xml.gpg", "mimeType": "application/octet-stream", "buffer": message}
    )
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("The file has arrived.").wait_for()
    (decided,) = school.site.await_decided(1)
    assert decided["state"] == "accepted"
    until(lambda: leads_to(page, "Show the receipt of core <b>.xml.gpg", "#receipt"), "the receipt")
    assert decided["reference"] in page.locator("#receipt").inner_text()
    assert school.faults(page) == []
    (key,) = [one for one in school.site.json("keys", "list", "oak") if one["fingerprint"] == fingerprint]
    assert key["state"] == "active"
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in with your passkey").wait_for()
    assert school.problems == []
    assert all(url.startswith(school.origin) for _, url, _ in school.asked)
    assert not any("core" in url for _, url, _ in school.asked)


def test_an_upload_that_is_cut_off_again_and_again_arrives_whole(school: School, tmp_path: Path) -> None:
    page = school.opens()
    school.enrols(page, tmp_path)
    school.logs_in(page)
    lost = {"before": 0, "after": 0}

    def cut_off(route: Route) -> None:
        """Every third part does not arrive; of every third the answer does not."""
        turn = sum(lost.values()) + len(parts)
        if turn % 3 == 0:
            lost["before"] += 1
            route.abort()
        elif turn % 3 == 1:
            lost["after"] += 1
            route.fetch()
            route.abort()
        else:
            parts.append(1)
            route.continue_()

    parts: list[int] = []
    page.clock.install()  # The page waits longer after each failure.
    page.route("**/api/uploads/*", lambda route: cut_off(route) if _patches(route) else route.continue_())
    name = tmp_path / "large.gpg"
    name.write_bytes(sealed(5 * PART))
    page.get_by_label("A file that is encrypted").set_input_files(name)
    page.get_by_role("button", name="Send", exact=True).click()
    arrived = page.get_by_text("The file has arrived.")
    until(lambda: page.clock.run_for(5_000) or arrived.is_visible(), "the upload")
    assert min(lost.values()) >= 1
    assert [one for one in school.problems if "ERR_FAILED" not in one] == []


def _patches(route: Route) -> bool:
    return route.request.method == "PATCH"


def test_the_page_names_the_digest_of_all_that_it_loads() -> None:
    """`python desktop/web_page.py` writes them."""
    page = (STATIC / "index.html").read_text("utf-8")
    assert with_digests(page) == page
    loaded = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"([^>]*)>', page)
    assert all(path.startswith("/static/") for path, _ in loaded)
    assert all("integrity=" in more for path, more in loaded if not path.endswith(".svg"))
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script>", page)
