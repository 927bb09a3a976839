"""Every page in every state, looked at by axe in four ways: nobody is kept out by how they see or read.

The pages are served in this process; a browser is each person's in turn. What costs is to open a page: once
open, it is looked at in all ways.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from gateway.acts.fields import every_act
from gateway.console.site import FOLDER
from gateway.samples import make, school
from tests.classify.made import as_csv, core_rows
from tests.console.acts import ELSEWHERE, route_of, routes
from tests.console.conftest import KEEPS_PICTURES, PICTURES, RULES
from tests.console.served import OTHER, TEAM, Served
from tests.console.visitor import Visitor
from tests.content import core_data
from tests.mailboxes.mailroom import PROVIDER
from tests.web.browsers import BY_KEYBOARD, CHANNEL, CHROMIUM

pytestmark = [pytest.mark.long, pytest.mark.needs("chromium"), pytest.mark.timeout(800)]
WAYS: dict[str, dict[str, Any]] = {
    "light": {"size": (1280, 1024)},
    "dark": {"size": (1280, 1024), "color_scheme": "dark"},
    "forced colours": {"size": (1280, 1024), "forced_colors": "active"},
    "narrow, or at 400 %": {"size": (320, 256), "scale": 4},
}
"""At 400 %, a window of 1280 by 1024 has room for 320 by 256, and is laid out as any of that width."""
_COLOURS = ["color-contrast", "link-in-text-block"]
_ROOM = ["scrollable-region-focusable", "target-size"]
BY_THE_WAY = {
    "dark": {"runOnly": {"type": "rule", "values": _COLOURS}},
    "forced colours": {"runOnly": {"type": "rule", "values": [*_COLOURS, *_ROOM]}},
    "narrow, or at 400 %": {"runOnly": {"type": "rule", "values": [*_COLOURS, *_ROOM]}},
}
"""The rules by which a page can be right in one way and wrong in another: all else is the same text."""
_LOOK = """rules => axe.run(document, rules).then(found => [
    ...found.violations.map(rule => rule.id + ": " + rule.nodes[0].html.slice(0, 200)),
    ...(document.documentElement.scrollWidth > innerWidth
        ? ["wider than the window: " + document.documentElement.scrollWidth] : [])])"""
_SUMMARY = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
    const found = [], one = document.querySelector(".error-summary[role]"), told = link => link.outerHTML;
    if (one && !one.contains(document.activeElement)) found.push("the error summary has no focus");
    for (const link of one ? one.querySelectorAll("a") : []) {
        const field = document.getElementById(link.hash.slice(1));
        if (!field || field.tabIndex < 0) found.push("leads to no field: " + told(link));
        else if (!field.getAttribute("aria-describedby")) found.push("not at its field: " + told(link));
    }
    done(found);
})))"""
"""What is wrong with the summary of errors of a page that has just been opened."""
_UNFOLD = """() => document.querySelectorAll("details").forEach(one => {
    one.removeAttribute("name");
    one.open = true;
})"""
"""What is folded is looked at, too: axe passes over it."""
_SEND = """([path, fields]) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = path;
    for (const [name, value] of fields) {
        const field = document.createElement("textarea");
        field.name = name;
        field.value = value;
        form.append(field);
    }
    document.body.append(form);
    form.submit();
}"""


@dataclass
class Eyes:
    """Who looks at pages, and what was seen: the routes, and the acts."""

    served: Served
    browser: Browser
    pages: dict[Visitor, Page] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def of(self, visitor: Visitor) -> Page:
        """The browser of somebody."""
        if visitor not in self.pages:
            context = self.browser.new_context()
            jar = visitor.client.cookies.jar
            context.add_cookies([
                {"name": each.name, "value": each.value or "", "url": self.served.origin} for each in jar
            ])  # fmt: skip
            self.pages[visitor] = context.new_page()
        return self.pages[visitor]

    def open(self, visitor: Visitor, path: str) -> list[str]:
        """Look at a page."""
        page = self.of(visitor)
        page.goto(f"{self.served.origin}{path}", wait_until="commit")
        return self.look(page)

    def send(self, visitor: Visitor, path: str, **fields: object) -> list[str]:
        """Look at what is answered to a form, from a page of whoever sends it."""
        page = self.of(visitor)
        page.goto(f"{self.served.origin}{fields.pop('from_', '/me')}", wait_until="domcontentloaded")
        token = page.locator("input[name=token]").first.get_attribute("value")
        self._send(page, path, {"token": token, **fields})
        return self.look(page)

    def sign(self, visitor: Visitor) -> list[str]:
        """Look at what is answered to the form of the page, once the passkey has signed."""
        page = self.of(visitor)
        options = page.locator("[data-options]").get_attribute("data-options") or ""
        button = page.locator("form", has=page.locator("[data-options]"))
        fields = button.evaluate("form => [...new FormData(form)]")
        made = visitor.key.made if "pubKeyCredParams" in options else visitor.key.signed
        given = {name: value for name, value in fields if name != "credential"}
        path = button.get_attribute("action") or ""
        self._send(page, path, {**given, "credential": made(options, self.served.origin)})
        return self.look(page)

    def _send(self, page: Page, path: str, fields: dict[str, object]) -> None:
        with page.expect_navigation(wait_until="domcontentloaded"):
            page.evaluate(_SEND, [path, [[name, str(value)] for name, value in fields.items()]])
        self.seen |= {route_of(f"{self.served.origin}{path}", "POST")}

    def look(self, page: Page) -> list[str]:
        """What is wrong on a page that is open, in each way; pictures of it are kept if asked for."""
        page.wait_for_load_state("domcontentloaded")
        route = route_of(page.url, "GET")
        self.seen |= {route, page.url.removeprefix(self.served.origin).partition("?")[0]}
        name = (
            re.sub(r"[^a-z]+", "-", page.url.partition("?")[0].removeprefix(self.served.origin)) or "-today"
        )
        found = page.evaluate(_SUMMARY)
        page.evaluate(Axe().axe_script)
        devtools = page.context.new_cdp_session(page)
        for way, told in WAYS.items():
            width, height = told["size"]
            page.emulate_media(
                color_scheme=told.get("color_scheme", "light"),
                forced_colors=told.get("forced_colors", "none"),
            )
            devtools.send(
                "Emulation.setDeviceMetricsOverride",
                {
                    "width": width,
                    "height": height,
                    "deviceScaleFactor": told.get("scale", 1),
                    "mobile": False,
                },
            )
            if KEEPS_PICTURES and way not in {
                "dark",
                "forced colours",
            }:  # Playwright's own way to take one sets the size back.
                taken = devtools.send("Page.captureScreenshot")
                PICTURES.mkdir(parents=True, exist_ok=True)
                (PICTURES / f"console{name}-{width}.png").write_bytes(base64.b64decode(taken["data"]))
            if way == "light":
                page.evaluate(_UNFOLD)
            if "colour" not in way and way != "dark":
                page.keyboard.press("Tab")
                found += [f"{way}: {wrong}" for wrong in page.evaluate(BY_KEYBOARD)]
            rules = BY_THE_WAY.get(way, RULES)
            found += [
                f"{way}: {wrong}" for wrong in page.evaluate(_LOOK, {**rules, "resultTypes": ["violations"]})
            ]
        devtools.detach()
        return found


@pytest.fixture(scope="module")
def eyes(served: Served) -> Iterator[Eyes]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*CHANNEL])
        yield Eyes(served, browser)
        browser.close()


def acts_of(visitor: Visitor) -> list[str]:
    """The pages of the tasks that somebody has."""
    assert visitor.get("/work") == 200
    return re.findall(r'<a href="(/work/[^"?]+)"', visitor.page.partition("<main")[2])


def wrong(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: faults for name, faults in found.items() if faults}


@pytest.mark.parametrize("name", ["mary", "dora", "jane"])
def test_the_page_of_every_task_can_be_used_by_everybody(eyes: Eyes, name: str) -> None:
    """Each task once: a list that is empty or not, or a form."""
    visitor = getattr(eyes.served, name)
    paths = [path for path in acts_of(visitor) if path not in eyes.seen]
    assert wrong({path: eyes.open(visitor, path) for path in paths}) == {}


def test_pages_with_something_on_them_can_be_used_by_everybody(eyes: Eyes) -> None:
    served, room = eyes.served, eyes.served.room
    held, came = room.hold(b"looked at"), room.deliver(b"came", TEAM)
    rng = random.Random(3)
    pupils = room.accept(make("student-core", "csv-core", rng=rng, school=school(rng, 1), pupils=2))
    box = f"/mailboxes/{TEAM}"
    of_jane = (
        "/", box, f"{box}?new=yes", f"{box}?removed=yes", f"{box}?provider=nobody", f"{box}/{came}",
        f"{box}/{pupils}", "/work/held/list", "/work/held/list?where=waits_for=a+date", f"/held/{held}",
        "/schools", "/schools?late=yes", f"/schools/{PROVIDER}", "/agreement", "/agreement/policies",
        "/evidence", "/watch", "/me", "/work", f"/work/transfers/show?reference={came}",
        "/work/report/review", "/work/transfers/list?sort=-provider", f"{box}?provider={PROVIDER}",
        "/work/held/list?group=why", "/work/held/list?group=data_type&all=yes&where=waits_for%3Da+person",
    )  # fmt: skip
    kept = {"of": "held list", "filter": "group=why", "name": "By why"}
    served.jane.get("/me")
    assert served.jane.post("/work/filters/save", **kept, back="/work/held/list") == 200
    found = {path: eyes.open(served.jane, path) for path in of_jane}
    of_mary = ("/", "/work", f"/schools/{PROVIDER}", "/agreement/policies/edit?file=limits.toml")
    found |= {f"mary {path}": eyes.open(served.mary, path) for path in of_mary}
    found |= {f"dora {path}": eyes.open(served.dora, path) for path in ("/", "/work")}
    found |= {
        f"sam {path}": eyes.open(served.sam, path)
        for path in ("/", "/me", "/agreement", "/mailboxes/early-years")
    }
    assert wrong(found) == {}


def test_forms_with_errors_and_what_follows_them_can_be_used_by_everybody(eyes: Eyes) -> None:
    served = eyes.served
    held, gone = served.room.hold(b"decided on"), served.room.deliver(b"recalled", TEAM)
    mary, jane = served.mary, served.jane
    school_of = {"id": "No Good", "name": "A school", "kind": "school"}
    listed = "id,name,kind,dfe_number\nlime,Lime School,school,9994399\n"
    refusing = {"reference": held, "why": "It is wrong."}
    noting = {"ask": "form", "reference": held, "back": f"/held/{held}"}
    dealing = {"do": "deal", "reference": served.room.deliver(b"dealt with", TEAM)}
    edited = {"file": "limits.toml"}
    limits = served.room.home.policies.joinpath("limits.toml").read_text() + "\n# looked at\n"
    old = {"token": "0" * 64, "reference": held, "text": "x"}
    found = {
        "a field that is wrong": eyes.send(mary, "/work/providers/add", **school_of),
        "a file that is not there": eyes.send(jane, "/work/held/refuse", reference="261124-x-AAAAA", why="x"),
        "a form of a page": eyes.send(jane, "/work/held/note", **noting),
        "a list that is tried": eyes.send(mary, "/work/providers/import", table=listed, dry_run="yes"),
        "to be confirmed": eyes.send(jane, "/work/held/refuse", **refusing),
        "done": eyes.sign(jane),
        "done once more": eyes.send(jane, "/work/held/refuse", **refusing),
        "a recall to be confirmed": eyes.send(jane, f"/recall/{gone}", why="It is another's."),
        "a recall that is done": eyes.sign(jane),
        "a recall of nothing": eyes.send(jane, "/recall/261124-x-AAAAA", why="x"),
        "no receipt": eyes.send(jane, "/evidence/receipt", text="what is this"),
        "files dealt with": eyes.send(jane, f"/mailboxes/{TEAM}", **dealing),
        "what was sought": eyes.send(jane, "/work/transfers/list", search="nobody"),
        "policies that are wrong": eyes.send(mary, "/agreement/policies/edit", **edited, content="x"),
        "policies that differ": eyes.send(mary, "/agreement/policies/edit", **edited, content=limits),
        "policies of no day": eyes.send(mary, "/agreement/policies/propose", **edited, on="x"),
        "policies that nobody proposed": eyes.send(jane, "/agreement/policies", do="approve"),
        "a form of another session": eyes.send(jane, "/work/held/note", **old),
        "other sessions that ended": eyes.send(served.dora, "/logout", others="yes"),
    }  # fmt: skip
    assert wrong(found) == {}


def test_what_waits_for_a_second_person_or_a_call_can_be_used_by_everybody(
    eyes: Eyes, tmp_path: Path
) -> None:
    served = eyes.served
    room, jane, mary = served.room, served.jane, served.mary
    room.staff("lou", TEAM)
    served.console.grant("lou", "triage")
    lou = served.enters("lou")
    held, gone = room.hold(core_data(7)), room.deliver(b"taken back", TEAM)
    asked, again = room.deliver(b"not for us", OTHER), [room.hold(b"sent again") for _ in range(3)]
    head, *rows = core_rows(12)
    unknown = room.hold_as_read(
        as_csv([[*head, "How Taken Here"], *([*row, "WLK"] for row in rows)]).encode()
    )
    jane.get("/me")
    fields = {"as_": "student-core", "why": "The school rang.", "override": "yes"}
    assert jane.act("/work/held/release", reference=held, **fields) == 200
    assert jane.act(f"/recall/{gone}", why="It is another's.") == 200
    served.sam.get("/me")
    assert served.sam.act(f"/recall/{asked}", why="Not for us.") == 200
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    mary.get("/me")
    assert mary.act("/work/keys/add", id=PROVIDER, file=key) == 200
    office = {"contact": "school office", "email": "office@a.invalid", "telephone": "01823 000000"}
    assert mary.act("/work/providers/set", id=PROVIDER, **office) == 200
    assert mary.act("/work/staff/set", name="lou", team=OTHER, why="moved") == 200
    served.propose(tmp_path / "other", by="mary")
    found = {
        "tasks of the day": eyes.open(lou, "/"),
        "a release of one's own": eyes.open(jane, f"/held/{held}"),
        "a release of somebody else": eyes.open(lou, f"/held/{held}"),
        "a file that was taken back": eyes.open(lou, f"/held/{gone}"),
        "a file that came three times": eyes.open(lou, f"/held/{again[0]}"),
        "a heading that nobody knows": eyes.open(jane, f"/held/{unknown}"),
        "a school that is to be rung": eyes.open(mary, f"/schools/{PROVIDER}"),
        "policies that wait": eyes.open(mary, "/agreement/policies"),
        "a person": eyes.send(mary, "/work/staff/show", name="lou"),
        "a form about a person": eyes.send(mary, "/work/roles/grant", ask="form", name="jane", back="/"),
        "a form of several files": eyes.send(jane, "/work/held/return-many", ask="form", reference=held),
    }
    assert wrong(found) == {}


def test_pages_in_welsh_can_be_used_by_everybody(eyes: Eyes) -> None:
    """Words are longer in it."""
    served = eyes.served
    held, came = served.room.hold(b"looked at in Welsh"), served.room.deliver(b"came in Welsh", TEAM)
    of_jane = (
        "/", f"/mailboxes/{TEAM}", f"/mailboxes/{TEAM}/{came}", "/work/held/list", f"/held/{held}",
        "/schools", f"/schools/{PROVIDER}", "/agreement", "/evidence", "/work/transfers/list", "/watch",
        "/me", "/work",
    )  # fmt: skip
    of_mary = ("/work/providers/add", "/work/providers/import", "/work/staff/add", "/work/staff/list")
    for visitor in (served.jane, served.mary):
        eyes.of(visitor).context.add_cookies([{"name": "language", "value": "cy", "url": served.origin}])
    found = {path: eyes.open(served.jane, path) for path in of_jane}
    found |= {path: eyes.open(served.mary, path) for path in of_mary}
    assert eyes.of(served.mary).locator("html").get_attribute("lang") == "cy"
    for visitor in (served.jane, served.mary):
        eyes.of(visitor).context.clear_cookies(name="language")
    assert wrong(found) == {}


def test_whoever_is_not_in_yet_can_use_the_pages(eyes: Eyes) -> None:
    served = eyes.served
    served.room.staff("anna", TEAM)
    anna, code = served.arrives(), served.console.invite("anna")
    found = {
        "log in": eyes.open(anna, "/login"),
        "a passkey of nobody": eyes.send(anna, "/login", from_="/login", credential="{}"),
        "a session that ended": eyes.send(anna, "/work/held/note", from_="/login", text="A thought"),
        "no such page": eyes.open(anna, "/nothing"),
        "invitation": eyes.open(anna, "/invitation"),
        "a wrong code": eyes.send(anna, "/invitation", from_="/invitation", code="wrong"),
        "a new passkey": eyes.send(anna, "/invitation", from_="/invitation", code=code),
        "the first page": eyes.sign(anna),
        "a new passkey that nobody confirmed": eyes.open(anna, "/me"),
        "logged out": eyes.send(anna, "/logout"),
    }  # fmt: skip
    assert wrong(found) == {}


def test_a_page_is_laid_out_by_the_width_of_its_window_alone_and_the_dark_changes_colours_alone() -> None:
    """So narrow windows need one look, and the dark one at the colours."""
    style = (FOLDER / "static" / "console.css").read_text("utf-8")
    assert set(re.findall(r"@\w+", style)) == {"@media", "@supports"}
    asked = "".join(re.findall(r"@media[^{]*\{", style))
    assert set(re.findall(r"\(([\w-]+)", asked)) == {"width", "prefers-color-scheme", "forced-colors"}
    (dark,) = re.findall(r"prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}\s*\}", style, re.DOTALL)
    lines = [one.strip() for one in dark.strip().splitlines()]
    assert [one for one in lines if not re.fullmatch(r"--[\w-]+: #[0-9a-f]{6};", one)] == []


def test_what_is_wrong_for_whoever_has_a_keyboard_alone_is_seen(eyes: Eyes) -> None:
    page = eyes.of(eyes.served.jane)
    page.goto("about:blank")
    page.set_viewport_size({"width": 320, "height": 256})
    page.set_content(
        "<style>:focus { outline: none } .box { width: 50px; white-space: nowrap }</style>"
        "<a href='/'>first</a><a href='/' tabindex='1'>second</a>"
        "<div class='box' style='overflow: hidden'>long and longer</div>"
        "<div class='box' style='overflow-x: auto'>long and longer</div>"
        "<div class='box' style='overflow-x: auto' tabindex='0'>long and longer</div>"
        "<button style='position: absolute; left: 300px; width: 90px'>third</button>"
        "<div style='position: fixed; bottom: 0; left: 0; width: 100%; height: 90%; z-index: 1'></div>"
        "<button style='position: fixed; bottom: 1px'>fourth</button>"
    )
    page.keyboard.press("Tab")
    seen = {said.partition(":")[0] for said in page.evaluate(BY_KEYBOARD)}
    assert seen == {
        "first is no skip link", "has an order of its own", "shows no focus", "is cut off", "is covered",
        "text is cut off", "scrolls, but not by keyboard", "has no label",
    }  # fmt: skip


def test_a_list_begins_on_the_first_screen_of_a_phone(eyes: Eyes) -> None:
    """Menu and filters are folded there, and nowhere else."""
    eyes.served.room.hold(b"on a telephone")
    page = eyes.of(eyes.served.jane)
    schools = page.get_by_role("link", name="Schools", exact=True)
    search = page.get_by_label("Search for these words")
    for width, most in ((1366, 520), (390, 600)):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{eyes.served.origin}/work/held/list")
        row = page.locator("tbody tr").first.bounding_box()
        assert row is not None
        assert row["y"] < most
        assert schools.is_visible() == search.is_visible() == (width == 1366)
    for folded, unfolded in (("Menu", schools), ("Search and filter", search)):
        page.locator("summary", has_text=folded).press("Enter")
        assert unfolded.is_visible()


def test_the_page_of_a_school_is_no_longer_than_three_screens_of_a_phone(eyes: Eyes) -> None:
    """First what is wrong and due, then files; all else is folded, with how many there are."""
    eyes.served.room.hold(b"of a school")
    page = eyes.of(eyes.served.mary)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{eyes.served.origin}/schools/{PROVIDER}")
    length = page.evaluate("document.documentElement.scrollHeight")
    calls = sum(box["height"] for one in page.locator(".box").all() if (box := one.bounding_box()))
    assert length - calls <= 2000, (length, calls)
    first = page.get_by_role("heading", name="What is wrong, and what is due").bounding_box()
    assert first is not None
    assert first["y"] < 400
    for folded in ("Keys: ", "What it sends, and when: ", "Contacts: ", "What it was told: "):
        page.locator("summary", has_text=folded).press("Enter")
    assert page.locator("#due td[data-label=Today]").first.is_visible()


def test_the_heads_of_a_list_stay_in_sight_where_there_is_room_for_all_columns(eyes: Eyes) -> None:
    for number in range(20):
        eyes.served.room.deliver(f"in sight {number}".encode(), TEAM)
    page = eyes.of(eyes.served.jane)
    head = page.locator("thead th").nth(1)
    for path in (f"/mailboxes/{TEAM}", "/work/transfers/list"):
        for width, stays in ((1366, True), (1130, True), (700, False)):
            page.set_viewport_size({"width": width, "height": 600})
            page.goto(f"{eyes.served.origin}{path}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
            page.evaluate("document.querySelectorAll('tbody tr')[14].scrollIntoView()")
            box = head.bounding_box()
            assert ((box or {"y": -1})["y"] == 0) == stays, (path, width, box)
        page.emulate_media(media="print")
        assert head.evaluate("one => getComputedStyle(one).position") == "static"
        page.emulate_media(media="screen")


def test_times_are_no_stops_and_exact_where_that_is_wanted(eyes: Eyes) -> None:
    page = eyes.of(eyes.served.jane)
    page.goto(f"{eyes.served.origin}/work/transfers/list")
    assert page.locator("td time").count() > page.locator("time[tabindex]").count() == 0
    shown = "one => getComputedStyle(one, '::after').content"
    assert page.locator("td time").first.evaluate(shown) == "none"
    page.get_by_label("Show exact times, in UTC").check()
    assert re.fullmatch(r'" \(" "2\S+Z" "\)"|" \(2\S+Z\)"', page.locator("td time").first.evaluate(shown))


def test_every_page_of_the_table_and_every_task_was_looked_at(eyes: Eyes) -> None:
    """What a browser only passes through is none; nor what a program alone asks."""
    tasks = {
        f"/work/{name.rpartition(' ')[0].replace(' ', '.')}/{name.rpartition(' ')[2]}" for name in in_pages()
    }
    wanted = {one.path for one in (*routes("GET"), *routes("POST"))} - ELSEWHERE
    missed = sorted((wanted | tasks) - eyes.seen)
    assert not missed, missed


def in_pages() -> list[str]:
    return [name for name, act in every_act().items() if act.in_console and not act.streams]
