"""Somebody at the pages without a browser. It needs nothing of the tests' own packages."""

from __future__ import annotations

import html
import re

import httpx

from tests.console.soft_key import SoftKey

UNSHOWN = frozenset({"back", "file", "ssh_key", "openpgp_key"})
"""What a page that confirms an act does not repeat: where the form came from, and files."""


class Visitor:
    """Somebody who uses the pages without a browser: follows forms, and signs with a passkey of software."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.key = SoftKey()
        self.client = httpx.Client(
            base_url=origin, headers={"origin": origin}, follow_redirects=True, timeout=60
        )
        self.page = ""

    def get(self, path: str) -> int:
        response = self.client.get(path)
        self.page = response.text
        return response.status_code

    def post(self, path: str, **fields: object) -> int:
        """Send a form of the page that was got last, with its token."""
        response = self.client.post(path, data={"token": self.hidden("token"), **fields})
        self.page = response.text
        return response.status_code

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        return html.unescape(found[1]) if found else ""

    @property
    def options(self) -> str:
        """What the passkey is asked on the page."""
        found = re.search(r'data-options="([^"]*)"', self.page)
        assert found, self.page
        return html.unescape(found[1])

    @property
    def text(self) -> str:
        """The page without its markup."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.page)).split())

    def enter(self, code: str) -> None:
        """Take an invitation, and be logged in by it."""
        self.get("/invitation")
        assert self.post("/invitation", code=code) == 200, self.text
        made = self.key.made(self.options, self.origin)
        assert self.post("/invitation/passkey", code=code, credential=made) == 200, self.text

    def act(self, path: str, **fields: object) -> int:
        """Do something of weight, and confirm it."""
        assert self.post(path, **fields) == 200, self.text
        assert "Confirm with your passkey" in self.text
        shown = self.text
        for name in fields.keys() - UNSHOWN if path.startswith("/work/") else ():
            assert all(" ".join(line.split()) in shown for line in str(fields[name]).splitlines()), (
                name,
                shown,
            )
        return self.post(path, **fields, credential=self.key.signed(self.options, self.origin))
