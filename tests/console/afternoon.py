"""An afternoon in the console alone: each task of three roles is done in a browser, its clicks are counted.

A task begins on the first page, whose address everybody knows, and ends where the page says that it is done.
It is done by the keyboard: a link, a button, a box or a folded part is found by its role and its name, given
the focus, which it has to take in the order of tabs, and pressed: one click each. Typing counts for nothing.
`make afternoon` does it in Debian's Firefox as well: `python -m tests.console.afternoon firefox`, with
the roles that are wanted; else with all.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path

from playwright.sync_api import Locator

from gateway.cli.identity import real_account
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.registry import providers
from gateway.registry.database import Registry
from tests.apart import apart
from tests.console.conftest import House, Person, house_in
from tests.content import core_data

MOST = 6
_PAUSE = 40
"""Milliseconds: to ask with each picture that is drawn, as is usual, costs a processor."""
WHY = "Why: for the record"
KEYS = """approve_drops = false
overlap_days = 90
rotate_days = 365
unused_days = 90
warn_days = [60, 30, 14, 7, 1]
"""
"""A file of the policies, by which a key of the gateway is replaced after a year, not two."""
OFFICER = {
    "See what needs you": ["? Needs you"],
    "Find a file by its reference": [
        "Reference, school, file name = {accepted}",
        "! Find a file",
        "? {accepted}",
    ],
    "List the files that were refused": ["> Files", "> Refused", "? Other tasks"],
    "Read why a file was decided as it was": [
        "> Files",
        "> {accepted}",
        "! Explain",
        "? policy:allowed",
    ],
    "Report a file": [
        "> Files",
        "> {accepted}",
        "! Report",
        "! Continue",
        "? Your browser prints",
    ],
    "Take a held file on": ["> Held", "> {held1}", "! Take it on", "? is for jane to decide"],
    "See the held files that are yours": ["> Held", "> Yours", "? {held1}"],
    "Give a held file to a colleague": [
        "> Held",
        "> {held1}",
        "v Leave a note",
        "What to know of the file = Rang them.",
        "The colleague who decides = kim",
        "! Give it to them",
        "? is for kim to decide",
    ],
    "Leave a note on a held file": [
        "> Held",
        "> {held1}",
        "v Leave a note",
        "What to know of the file = Rang them.",
        "! Leave the note",
        "? oted on {held1}",
    ],
    "See a worklist of what waits for a person": ["> Held", "> A person", "? {held1}"],
    "See held files in groups, by why they wait": ["> Held", "! Why", "? No groups"],
    "Save a filter of a list": [
        "> Held",
        "> A person",
        "v Save this filter",
        "What you call it = Mine to do",
        "! Save",
        "? is saved",
    ],
    "Find a saved filter again": ["> Held", "> Mine to do", "? {held1}"],
    "Remove a saved filter": ["> Held", "> Mine to do", "! Remove the filter", "? is removed"],
    "Return a held file with advice": [
        "> Held",
        "> {held1}",
        "v Send it back",
        "Your advice to the sender = Send it as CSV.",
        "! Return with this advice",
        "! Confirm",
        "? is returned",
    ],
    "Return several held files together": [
        "> Held",
        "x Choose {held2}",
        "x Choose {held3}",
        "! Return",
        "What the senders should do = Send them as CSV.",
        "! Continue",
        "! Confirm",
        "? 2 files returned",
    ],
    "Refuse a held file for good": [
        "> Held",
        "> {held4}",
        "v Refuse it for good",
        "#refuse-why = It is nothing.",
        "! Refuse for good",
        "! Confirm",
        "? is refused",
    ],
    "Propose a release that the agreement speaks against": [
        "> Held",
        "> {unratified}",
        "v Release it",
        "x Propose it to a second person",
        "#release-why = The Head rang.",
        "! Release",
        "! Confirm",
        "? second person",
    ],
    "Read a file of the team's mailbox": ["> Central Data Team", "> {accepted}", "? What was found"],
    "Mark a file as dealt with": [
        "> Central Data Team",
        "> {accepted}",
        "! Mark as dealt with",
        "? Marked as dealt with",
    ],
    "Put a file back that was dealt with": [
        "> Central Data Team",
        "> Dealt with",
        "> {accepted}",
        "! Put back",
        "? Put back into the mailbox",
    ],
    "Take a file back from every team": [
        "> Central Data Team",
        "> {wrong}",
        "v This should not have come",
        "Why should it be recalled = Wrong school.",
        "! Take it out of every mailbox",
        "! Confirm",
        "? is out of every mailbox",
    ],
    "See which schools are late": ["> Schools", "x Only where something has not come", "! Show", "? Schools"],
    "See all about a school": ["> Schools", "> The oak", "? What it was told"],
    "See who opened what": ["> Evidence", "? Who opened what"],
    "See whether the gateway is well": ["> Watch", "? No backup was noted"],
}
COLLEAGUE = {
    "See what is new for the team": ["> {team}", "> New", "? {accepted}"],
    "Look only at one school": ["> {team}", "School = oak", "! Filter", "? {accepted}"],
    "See what the team is shown of a file": ["> {team}", "> {accepted}", "? What you are shown of it"],
    "Ask for a file to be taken back": [
        "> {team}",
        "> {accepted}",
        "v This should not have come",
        "Why should it be recalled = Not for us.",
        "! Ask for its recall",
        "! Confirm",
        "? is asked for",
    ],
    "See where one is logged in": ["> ben", "? Where you are logged in"],
    "End the other sessions": ["> ben", "! End the other sessions", "? Your other sessions are ended"],
}
ADMINISTRATOR = {
    "Enrol a school": [
        "> Schools",
        "> Enrol a school",
        "Short name = hazel",
        "Name of the provider = Hazel School",
        "x Maintained school",
        "! Continue",
        "! Confirm",
        "? nrolled hazel",
    ],
    "Set a school's contact": [
        "> Schools",
        "> The oak",
        "v Set a contact",
        "Whom to ask for = school office",
        "E-mail address = office@oak.example",
        "! Set the contact",
        "! Confirm",
        "? oak",
    ],
    "Chase a school by a letter": ["! Chase The oak", "! Confirm", "? will leave"],
    "Read the letter that chased a school": ["> The letter of", "? The oak"],
    "Note that a letter came back": [
        "> More tasks",
        "> List every letter owed",
        "! Note that a letter came back",
        f"{WHY} = No such box.",
        "! Continue",
        "? came back",
    ],
    "Record a ratification": [
        "> Schools",
        "> Hazel School",
        "v Record a ratification",
        "Who signed = The Head",
        "! Record the ratification",
        "! Confirm",
        "? ratified",
    ],
    "Ratify for several schools, and release what waits": [
        "> Held",
        "x Choose {waits1}",
        "x Choose {waits2}",
        "! Ratify",
        "Who signed for each of the schools = The Head",
        "! Continue",
        "! Confirm",
        "? fir has ratified",
    ],
    "Enrol a colleague": [
        "> People",
        "> Enrol a person",
        "The name they log in with = noor",
        "x Early Years",
        "! Continue",
        "! Confirm",
        "? nrolled noor",
    ],
    "Invite a colleague": [
        "> People",
        "! noor",
        "! Print a one-time link",
        "! Continue",
        "! Confirm",
        "? /invitation#",
    ],
    "Put a colleague into another team": [
        "> People",
        "! noor",
        "! Put a person into other teams",
        "x Admissions",
        "! Continue",
        "! Confirm",
        "? noor belongs to",
    ],
    "Give a colleague a role": [
        "> People",
        "! kim",
        "! Give a person a role",
        "The role = auditor",
        f"{WHY} = Audits.",
        "! Continue",
        "! Confirm",
        "? kim",
    ],
    "Take a role away": [
        "> People",
        "! kim",
        "! Take a role",
        "The role = auditor",
        f"{WHY} = Is done.",
        "! Continue",
        "! Confirm",
        "? kim",
    ],
    "Revoke a colleague's lost key": [
        "> People",
        "! kim",
        "! Revoke a compromised",
        "The fingerprint or its beginning = {key}",
        f"{WHY} = Lost.",
        "! Continue",
        "! Confirm",
        "? revoked",
    ],
    "End a colleague's sessions": [
        "> People",
        "! noor",
        "! End every session",
        "! Continue",
        "! Confirm",
        "? of noor ended",
    ],
    "Take a leaver out": [
        "> People",
        "! noor",
        "! End a person's access",
        "! Continue",
        "! Confirm",
        "? noor is removed",
    ],
    "Say that a school owes no such data": [
        "> More tasks",
        "> Say whether a provider owes",
        "The provider = hazel",
        "The kind of data = attendance",
        "Whether it is expected = no",
        f"{WHY} = It is new.",
        "! Continue",
        "! Confirm",
        "? is not expected",
    ],
    "See exceptions and nil returns": ["> More tasks", "> List the exceptions", "? attendance"],
    "Record that a school has nothing to send": [
        "> More tasks",
        "> Record that a provider has nothing to send",
        "The provider = oak",
        "The kind of data = school-census",
        f"{WHY} = They said so.",
        "! Continue",
        "! Confirm",
        "? to send for",
    ],
    "Suspend a school's access": [
        "> More tasks",
        "> Suspend a provider's access",
        "The provider = hazel",
        "! Continue",
        "! Confirm",
        "? hazel is suspended",
    ],
    "See notices to data protection": ["> More tasks", "> List every notice", "? TAKEN OUT"],
    "See what differs between two versions of the policies": [
        "> Agreement",
        "> What differs",
        "? Nothing differs",
    ],
    "Propose a change of the policies": [
        "> Agreement",
        "> Edit the policies",
        "The file to edit = keys.toml",
        "! Open",
        f"#content = {KEYS}",
        "! Show what it changes",
        "Why it is changed = Fewer days.",
        "! Propose",
        "! Confirm",
        "? are proposed",
    ],
}
ROLES = {"officer": OFFICER, "colleague without a role": COLLEAGUE, "administrator": ADMINISTRATOR}


class Clicks:
    """Somebody whose clicks are counted."""

    def __init__(self, house: House, person: Person, names: dict[str, str]) -> None:
        self._house, self._person, self._names = house, person, names

    def does(self, steps: list[str]) -> int:
        """Do a task from the first page on; the number of clicks. AssertionError where it cannot be done."""
        # In Firefox, Enter and Space press a button, a box or a folded part of the window in front alone.
        self._person.page.bring_to_front()
        self._person.page.goto(f"{self._house.origin}/")
        return sum(self._step(step.format(**self._names)) for step in steps)

    def _step(self, step: str) -> int:
        page, (mark, _, words) = self._person.page, step.partition(" ")
        at = re.compile(f"^{re.escape(words)}", re.IGNORECASE)
        match mark:
            case ">":
                self._press(page.get_by_role("link", name=at).first, "Enter", leaves=True)
            case "!":
                self._press(page.get_by_role("button", name=at).first, "Enter", leaves=True)
            case "v":
                self._press(page.locator("summary", has_text=words).first, "Enter")
            case "x":
                self._press(page.get_by_label(words).first, "Space")
            case "?":
                page.wait_for_function(
                    "words => document.body.innerText.toLowerCase().includes(words.toLowerCase())",
                    arg=words,
                    polling=_PAUSE,
                )
            case _:
                label, _, value = step.partition(" = ")
                self._write(page.locator(label) if label[0] == "#" else page.get_by_label(label), value)
        return mark in {">", "!", "v", "x"}

    def _press(self, control: Locator, key: str, *, leaves: bool = False) -> None:
        """Press a key on what has the focus. With `leaves`, the next page is waited for."""
        page = self._person.page
        control.focus()
        assert control.evaluate("one => one === document.activeElement && one.tabIndex >= 0"), control
        page.evaluate("() => { window.left = false; }")
        page.keyboard.press(key)
        if leaves:
            page.wait_for_function(
                "() => window.left === undefined && document.readyState === 'complete'", polling=_PAUSE
            )

    def _write(self, field: Locator, value: str) -> None:
        """Write into a field; of a list, the first entry that begins with it is taken, as typing does."""
        field.first.focus()
        if field.first.evaluate("field => field.tagName") != "SELECT":
            field.first.fill("")
        self._person.page.keyboard.type(value)


def begun(house: House) -> tuple[dict[str, Person], dict[str, str]]:
    """Jane is an officer, ben a colleague, mary an administrator; and what they have to do."""
    home = Home(house.site.home)
    registry = Registry(load_settings(home).database_url(home))
    with registry.write() as session:  # Something has not come that was due, and is chased.
        providers.provider_row(session, "oak").added_at -= timedelta(days=120)
    registry.close()
    names = {"accepted": "", "wrong": house.sent("wrong.xml.pgp", core_data(8))}
    for number in range(1, 5):
        names[f"held{number}"] = house.sent(f"held{number}.pgp", f"nobody knows {number}\n".encode() * 9)
    elm = house.site.provider("elm", ratified=False)
    names["unratified"] = house.sent("core.xml.pgp", core_data(9), party=elm)
    for number, name in enumerate(("ash", "fir"), 1):
        school = house.site.provider(name, ratified=False)
        names[f"waits{number}"] = house.sent("core.xml.pgp", core_data(20 + number), party=school)
    names["accepted"] = house.sent("core2.xml.pgp", core_data(7))
    (row,) = [one for one in house.site.transfers() if one["reference"] == names["accepted"]]
    team = next(one for one in sorted(row["teams"]) if one not in {"central-data-team", "early-years"})
    house.site.staff("ben", team)
    house.site.staff("mary", "early-years")
    people = {name: house.enters(name) for name in ("jane", "ben", "mary", "kim")}
    house.site.gateway(
        "roles", "grant", "mary", "administrator", "--account", real_account(), "--why", "test"
    )
    apart(home, *people)
    names["key"] = next(
        one["fingerprint"]
        for one in house.site.json("keys", "list", "kim", "--staff")
        if one["kind"] == "passkey"
    )
    people["ben"].page.goto(f"{house.origin}/")
    names["team"] = people["ben"].page.locator("nav li").nth(1).inner_text()
    return people, names


def done_in(
    house: House, roles: Iterable[str] = ROLES, tell: Callable[[str], object] = str
) -> tuple[dict[str, Person], dict[str, str], list[str], list[str]]:
    """Do every task of some roles: the people, what they had to do, a line of each task, and what failed."""
    people, names = begun(house)
    done: list[str] = []
    failed: list[str] = []
    for role in roles:
        person = people[{"officer": "jane", "administrator": "mary"}.get(role, "ben")]
        person.context.set_default_timeout(15_000)
        for task, steps in ROLES[role].items():
            tell(task)
            try:
                clicks = Clicks(house, person, names).does(steps)
            except Exception as error:  # noqa: BLE001 - every task is tried
                shown = " ".join(person.page.locator("main").inner_text().split())
                failed.append(f"{role}: {task}: {str(error)[:400]} at {person.page.url}: {shown[:300]}")
                continue
            done.append(f"| {role} | {task} | {clicks} |")
            if clicks > MOST:
                failed.append(f"{task} takes {clicks} clicks")
    return people, names, done, failed


def main() -> None:
    """Do it in the browser that is named, for the roles named after it or for all; exit 1 for faults."""
    browser, *roles = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="afternoon-") as folder, house_in(Path(folder), browser) as house:
        *_, done, failed = done_in(house, roles or ROLES, partial(print, flush=True))
    print(*done, *failed, sep="\n")
    print(f"{len(done)} tasks done in {browser}, {len(failed)} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
