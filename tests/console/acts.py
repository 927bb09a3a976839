"""Which file of tests does which act of the console in a browser.

An act is the address of a form and what its button says (`do`). It counts as done once its form was sent and
taken: one that asks for the passkey, once it was sent with what the passkey signed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Response
from starlette.routing import Match, Route

from gateway.console import api, server
from gateway.home.settings import SECURITY

Act = tuple[str, str]
_SCHOOL, _HELD, _MAILBOX = "/schools/{provider}", "/held/{reference}", "/mailboxes/{team}"
ACTS: dict[str, frozenset[Act]] = {
    "test_console.py": frozenset({
        ("/invitation", ""), ("/invitation/passkey", ""), (_MAILBOX, "download"), (_MAILBOX, "deal"),
        (_MAILBOX, "restore"), ("/recall/{reference}", ""), ("/work/held/return", ""),
        ("/work/held/release", ""), ("/work/held/confirm", ""), ("/work/held/refuse", ""),
        ("/work/held/decline", ""), ("/work/held/assign", ""), ("/work/held/note", ""),
        ("/work/headings/say", ""),
        ("/work/{noun}/{verb}", ""), ("/evidence/receipt", ""), ("/work/keys/add", ""),
        ("/work/keys/confirm", ""),
    }),
    "test_first_day.py": frozenset({("/me", "")}),
    "test_afternoon.py": frozenset({
        ("/work/letters/chase", ""), ("/work/filters/save", ""), ("/work/filters/remove", ""),
    }),
    "test_acts.py": frozenset({
        ("/login", ""), ("/logout", ""), ("/work/transfers/redeliver", ""), ("/work/transfers/confirm", ""),
        ("/work/transfers/decline", ""),
        ("/work/agreement/ratify", ""), ("/work/transfers/list", ""),
        ("/agreement/policies", "approve"), ("/agreement/policies", "withdraw"),
        ("/agreement/policies/edit", ""), ("/agreement/policies/propose", ""),
        ("/work/{noun}/{verb}", ""), ("/work/providers/set", ""), ("/work/providers/convert", ""),
        ("/work/providers/close", ""), ("/work/providers/reopen", ""), ("/work/keys/retire", ""),
        ("/work/keys/revoke", ""),
    }),
}  # fmt: skip
ELSEWHERE = frozenset({"/login/openid/back", "/login/openid/done", "/language/{language}", "/held", SECURITY})
"""No page, or where a browser passes through: from an OpenID provider (test_openid.py), to held
files, to the page that it was on (test_welsh.py)."""
LIGHT = frozenset(
    {
        "/work/held/assign",
        "/work/held/note",
        "/work/filters/save",
        "/work/filters/remove",
        "/invitation",
        "/logout",
        "/me",
        _MAILBOX,
        "/evidence/receipt",
        "/work/transfers/list",
        "/agreement/policies/edit",
    }
)
"""What no passkey is asked for."""
_TAKEN = (200, 303)
_TEMPLATES = Path(server.__file__).with_name("templates")


@dataclass
class Seen:
    """What browsers did."""

    acts: set[Act] = field(default_factory=set)

    def note(self, response: Response) -> None:
        """Note what a browser had done, if it was taken."""
        request = response.request
        if request.method != "POST" or response.status not in _TAKEN:
            return
        given = parse_qs((request.post_data_buffer or b"").decode(errors="replace"))
        path = route_of(request.url, "POST")
        if {path, urlsplit(request.url).path} & LIGHT or "credential" in given:
            self.acts |= {(path, given.get("do", [""])[0]), (urlsplit(request.url).path, "")}


def route_of(url: str, method: str) -> str:
    """The address of a page or form as the application has it."""
    scope = {"type": "http", "path": urlsplit(url).path, "method": method}
    return next(
        (one.path for one in routes(method) if one.matches(scope)[0] is Match.FULL), urlsplit(url).path
    )


def routes(method: str) -> list[Route]:
    """Where the application takes such a request of a browser."""
    every = server._ROUTES
    return [
        one
        for one in every
        if isinstance(one, Route) and one not in api.ROUTES and method in (one.methods or ())
    ]


def buttons() -> set[str]:
    """What the buttons of all templates say that is to be done."""
    text = "".join(one.read_text("utf-8") for one in _TEMPLATES.glob("*.html"))
    return {*re.findall(r'name="do" value="([a-z-]+)"', text), *re.findall(r'change\("([a-z-]+)"', text)}


def tasks() -> set[str]:
    """Addresses of acts to which forms of templates lead that are not derived."""
    text = "".join(one.read_text("utf-8") for one in _TEMPLATES.glob("*.html"))
    of_schools = {f"/work/{words}" for words in re.findall(r'task\("([a-z/-]+)"', text)}
    return of_schools | set(re.findall(r'action="(/work/[a-z./-]+)"', text))
