"""Browsers with virtual passkeys: Debian's Chromium by DevTools, its Firefox by WebDriver."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.ports import free_port

NAMES = {"chromium": "chromium", "firefox": "firefox-esr"}
"""The programs of the browsers, by their names here."""
BROWSERS = [
    pytest.param("chromium", marks=pytest.mark.needs(NAMES["chromium"])),
    pytest.param("firefox", marks=[pytest.mark.needs(NAMES["firefox"]), pytest.mark.long]),
]
FIREFOX = "/usr/bin/firefox-esr"
CHROMIUM = next(filter(os.path.exists, ("/usr/bin/chromium-headless-shell",)), "/usr/bin/chromium")
"""The same engine without windows and menus where that is installed: it takes half of the processor time."""
CHANNEL = ("--no-sandbox", "--disable-gpu", "--force-color-profile=srgb")
BY_KEYBOARD = """() => {
    const found = [], shown = one => one.checkVisibility({visibilityProperty: true, opacityProperty: true});
    const told = one => one.outerHTML.replace(/\\s+/g, " ").slice(0, 160);
    const stops = [...document.querySelectorAll(
        "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")]
        .filter(one => one.tabIndex >= 0 && !one.disabled && shown(one));
    if (stops[0]?.getAttribute("href") !== "#main") found.push("first is no skip link: " + told(stops[0]));
    for (const one of stops) {
        if (one.tabIndex > 0) found.push("has an order of its own: " + told(one));
        one.focus({focusVisible: true});
        if (document.activeElement !== one) { found.push("takes no focus: " + told(one)); continue; }
        const style = getComputedStyle(one);
        const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
        if (!ring && style.boxShadow === "none") found.push("shows no focus: " + told(one));
        const box = one.getBoundingClientRect();
        if (box.left < -1 || box.right > innerWidth + 1) {
            const inside = one.closest("[tabindex='0']");
            if (!inside || inside === one) found.push("is cut off: " + told(one));
        }
        if (box.bottom < 0 || box.top > innerHeight) found.push("is out of sight: " + told(one));
        const [at] = one.getClientRects();
        const over = document.elementFromPoint(at.left + Math.min(at.width, 9) / 2, at.top + at.height / 2);
        if (over && !one.contains(over) && !over.contains(one)) found.push("is covered: " + told(one));
    }
    for (const one of document.querySelectorAll("body *")) {
        if (!shown(one) || one.closest("svg, select, .hidden, .skip, input, textarea")) continue;
        const way = getComputedStyle(one).overflowX;
        if (one.scrollWidth <= one.clientWidth + 1 || way === "visible") continue;
        if (["hidden", "clip"].includes(way)) found.push("text is cut off: " + told(one));
        else if (one.tabIndex !== 0) found.push("scrolls, but not by keyboard: " + told(one));
        else if (!one.matches("[aria-label], [aria-labelledby]")) found.push("has no label: " + told(one));
    }
    document.activeElement.blur();
    return [...new Set(found)];
}"""
"""Goes through a page as the key Tab does: what takes no focus, does not show it, or is cut off."""
HANDED = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True,
}  # fmt: skip
# Passkeys of software instead of those that are plugged in.
_SOFT = {
    "security.webauth.webauthn_enable_softtoken": True,
    "security.webauth.webauthn_enable_usbtoken": False,
}


_KEEPING = """
const make = URL.createObjectURL.bind(URL);
window.saved = new Map();
URL.createObjectURL = (content) => {
    const address = make(content);
    window.saved.set(address, content);
    return address;
};"""
"""What links of the page save: WebDriver does not tell of it in Firefox yet."""
_SECRET = """
const ask = navigator.credentials?.get.bind(navigator.credentials);
if (ask) {
    navigator.credentials.get = async ({ publicKey: { extensions, ...plain } }) => {
        const given = await ask({ publicKey: { ...plain, extensions } });
        const found = await ask({ publicKey: plain });
        found.getClientExtensionResults = () => given.getClientExtensionResults();
        return found;
    };
}"""
"""Firefox's passkey of software leaves out the mark of what it signs with its secret (ED; WebAuthn, 6.1), so
that the signature is of no use: the secret is asked for apart."""
_WITHOUT_SECRET = """
for (const act of navigator.credentials ? ["create", "get"] : []) {
    const before = navigator.credentials[act].bind(navigator.credentials);
    navigator.credentials[act] = ({ publicKey: { extensions, ...plain } }) => before({ publicKey: plain });
}"""
"""That passkey always has a secret (PRF): here, it is not asked for it."""


class Marionette:
    """Commands of WebDriver that BiDi does not have yet, to a Firefox at work (its protocol of version 3)."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), 60)
        self._answers = self._line.makefile("rb")
        self._heard()
        self._asked = 0

    def ask(self, command: str, **told: object) -> object:
        self._asked += 1
        message = json.dumps([0, self._asked, command, told]).encode()
        self._line.sendall(b"%d:%b" % (len(message), message))
        _, _, error, result = self._heard()
        assert error is None, error
        return result.get("value")

    def _heard(self):
        length = b""
        while (digit := self._answers.read(1)) != b":":
            assert digit, "Firefox has gone"
            length += digit
        return json.loads(self._answers.read(int(length)))

    def close(self) -> None:
        self._answers.close()
        self._line.close()


@dataclass
class Driven:
    """A browser that opens pages, each with a store and a passkey of its own."""

    name: str
    browser: Browser | None
    marionette: Marionette | None = None
    context: BrowserContext | None = None
    """The one store of all pages, where the browser keeps a profile on disk."""
    _passkeys: list[object] = field(default_factory=list)

    def page(self, *, secret: bool, kept: bool) -> Page:
        """An empty page. `secret`: the passkey can lock a key (PRF). `kept`: a worker keeps the page."""
        workers = "allow" if kept else "block"
        context = self.context or self.browser.new_context(accept_downloads=True, service_workers=workers)
        page = context.new_page()
        # In Firefox, one for the whole browser: that of the page before goes.
        while self.marionette is not None and self._passkeys:
            gone = self._passkeys.pop()
            self.marionette.ask("WebAuthn:RemoveVirtualAuthenticator", authenticatorId=gone)
        self.give_passkey(page, secret=secret)
        if self.marionette is not None:
            page.add_init_script(_KEEPING + (_SECRET if secret else _WITHOUT_SECRET))
        return page

    def give_passkey(self, page: Page, *, secret: bool = False) -> None:
        """Let a page have a passkey of software; in Firefox, pages share the one that is there."""
        if self.marionette is None:
            devtools = page.context.new_cdp_session(page)
            devtools.send("WebAuthn.enable")
            passkey = {**HANDED, "automaticPresenceSimulation": True, "hasPrf": secret}
            devtools.send("WebAuthn.addVirtualAuthenticator", {"options": passkey})
        elif not self._passkeys:
            added = self.marionette.ask("WebAuthn:AddVirtualAuthenticator", **HANDED, isUserConsenting=True)
            self._passkeys.append(added)

    def saves(self, page: Page, words: str, folder: Path) -> Path:
        """The file that a link with these words saves, in a folder."""
        link = page.get_by_role("link", name=words)
        if self.marionette is None:
            with page.expect_download() as download:
                link.click()
            file = folder / download.value.suggested_filename
            download.value.save_as(file)
            return file
        name, text = link.evaluate("async (one) => [one.download, await window.saved.get(one.href).text()]")
        (folder / name).write_text(text, "utf-8")
        return folder / name


@contextmanager
def driven(playwright: Playwright, name: str, profile: Path | None = None) -> Iterator[Driven]:
    """The browser of this name until the block ends; `firefox-private` has private windows only.

    `profile`: Chromium's folder for what pages keep; without it, they keep it in memory.
    """
    if name == "chromium" and profile is not None:
        with playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=list(CHANNEL), service_workers="block"
        ) as context:
            yield Driven(name, context.browser, context=context)
        return
    if name == "chromium":
        with playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHANNEL)) as browser:
            yield Driven(name, browser)
        return
    port = free_port()
    with playwright.firefox.launch(
        channel="moz-firefox", executable_path=FIREFOX, args=["-marionette"],
        firefox_user_prefs={
            "marionette.port": port, "browser.privatebrowsing.autostart": name == "firefox-private", **_SOFT,
        },
    ) as browser:  # fmt: skip
        marionette = Marionette(port)
        try:
            yield Driven(name, browser, marionette)
        finally:
            # Asked by Playwright alone, this Firefox stays for half a minute and is killed then.
            marionette.ask("Marionette:Quit", flags=["eForceQuit"])
            marionette.close()
