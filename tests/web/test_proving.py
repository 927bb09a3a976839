"""The page proves receipts in the gateway's log, and the log against what it has seen of it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page

from gateway.home import Home
from gateway.verify.verify_receipts import Head, check_consistency, read_checkpoint
from tests.content import core_data
from tests.waiting import until
from tests.web.school import School, school_at
from tests.web.test_sealing import answers, enrolled, sends

pytestmark = pytest.mark.long

GOES_ON = "The log goes on as this browser saw it before."
FOUND = re.compile(r"as entry (\d+) of (\d+)\.")
TOLD = "async () => (await fetch('/api/log')).json()"
REFERENCE = "async () => (await Kits.all('sent')).find((one) => one.name === 'seen.xml').reference"
HAS_RECEIPT = "async (name) => (await Kits.all('sent')).some((one) => one.name === name && one.receipt)"
KEEPS = "(log) => Kits.change({ ...here.kit }, { log })"
"""Another window keeps this of the log."""
FORGED = """async (change) => {
    const signed = await (await fetch(`/api/receipts/${change.reference}`)).text();
    const said = await Trust.verified(signed, Object.values(here.kit.gateway));
    const forged = change.start ? said.replace(new RegExp(change.start, "m"), change.to) : said;
    return Proof.told(forged, { ...here.kit, log: undefined }, change).catch((error) => error.message);
}"""
"""What the page says of a receipt that was changed, had the gateway's OpenPGP key signed the change."""


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with school_at(tmp_path_factory.mktemp("school")) as school:
        yield school


@dataclass
class Seen:
    """A browser that has compared the log twice. `early`: what the gateway showed of it the first time."""

    page: Page
    early: dict[str, Any]


@pytest.fixture(scope="module")
def both(school: School, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    page = enrolled(school, tmp_path_factory.mktemp("folder"))
    sends_and_compares(page, "seen.xml", 1)
    early = page.evaluate(TOLD)
    sends_and_compares(page, "last.xml", 2)
    return Seen(page, early)


@pytest.fixture
def seen(both: Seen) -> Seen:
    """The same anew: the door is honest, and the browser remembers what it keeps."""
    both.page.unroute_all()
    both.page.evaluate("async () => { here.kit = await Kits.get('kits', here.kit.credential); }")
    return both


def sends_and_compares(page: Page, name: str, number: int) -> None:
    """The processor shows the log anew within seconds."""
    sends(page, name, core_data(number))
    until(lambda: page.evaluate(HAS_RECEIPT, name), "the receipt")
    size = page.evaluate("Math.max(...Object.keys(here.kit.log.heads))")
    until(lambda: page.evaluate(TOLD)["size"] >= size, "the log to be shown", 180)
    shows(page, name)
    until(lambda: page.evaluate("here.kit.log.newest") >= size, "the log to be compared")
    page.locator("#proof", has_text=GOES_ON).wait_for()


def shows(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Show the receipt of {name}").click()


def refused(page: Page, sentence: str) -> None:
    page.locator("#problem", has_text=sentence).wait_for()
    assert not page.locator("#receipt").is_visible()


def test_a_receipt_is_found_in_the_log_that_goes_on(school: School, seen: Seen) -> None:
    shows(seen.page, "last.xml")
    proof = seen.page.locator("#proof", has_text=GOES_ON).inner_text()
    index, size = map(int, FOUND.findall(proof)[0])
    assert seen.early["size"] <= index < size <= seen.page.evaluate("here.kit.log.newest")
    key = (Home(school.site.home).published.common / "keys/gateway-log.vkey").read_text().strip()
    assert seen.page.evaluate("here.kit.log.key") == key
    told, heads = seen.page.evaluate(TOLD), seen.page.evaluate("here.kit.log.heads")
    head = read_checkpoint(told["head"], key)
    assert str(seen.early["size"]) in told["proofs"]
    for first, proof in told["proofs"].items():
        if first in heads:
            check_consistency(Head(head.origin, int(first), base64.b64decode(heads[first])), head, proof)


@pytest.mark.parametrize(
    ("start", "to", "sentence"),
    [
        (r"^    Root {12}.*$", f"    Root            {'A' * 43}=", "not signed with the log.s key"),
        (r"^    Index .*$", "    Index           0", "for another receipt"),
        (r"^    Record {10}.", "    Record          x", "for another receipt"),
        (r"^Your file was ACCEPTED", "Your file was HELD", "for another receipt"),
        (r"^    Hash  .*\n", "", "does not lead|too short"),
    ],
    ids=["root", "place", "record", "words", "path"],
)
def test_a_receipt_that_the_log_does_not_hold_is_not_proved(
    seen: Seen, start: str, to: str, sentence: str
) -> None:
    change = {"reference": seen.page.evaluate(REFERENCE), "start": start, "to": to}
    assert re.search(sentence, seen.page.evaluate(FORGED, change))


def test_an_entry_from_before_the_file_was_sent_is_refused(seen: Seen) -> None:
    change = {"reference": seen.page.evaluate(REFERENCE), "after": 10_000_000}
    assert "stands earlier" in seen.page.evaluate(FORGED, change)


def test_a_log_that_shrank_is_refused(seen: Seen) -> None:
    """A captured door answers with what it likes; what the log's key signed is true of another time."""
    answers(seen.page, "**/api/log", json.dumps(seen.early))
    shows(seen.page, "last.xml")
    refused(seen.page, "is shorter than it was")


def test_what_another_window_saw_of_the_log_counts_here(seen: Seen) -> None:
    kept = seen.page.evaluate("here.kit.log")
    seen.page.evaluate(KEEPS, {**kept, "newest": 1_000_000})
    shows(seen.page, "seen.xml")
    refused(seen.page, "shorter than it was when this browser saw it before")
    seen.page.evaluate(KEEPS, kept)


def test_a_log_that_was_rewritten_is_refused(seen: Seen) -> None:
    told = seen.page.evaluate(TOLD)
    told["proofs"] = {size: ["A" * 43 + "=" for _ in proof] for size, proof in told["proofs"].items()}
    answers(seen.page, "**/api/log", json.dumps(told))
    shows(seen.page, "last.xml")
    refused(seen.page, "was rewritten")


def test_two_heads_of_one_size_are_refused(seen: Seen) -> None:
    kept = seen.page.evaluate("here.kit.log")
    other = base64.b64encode(b"x" * 32).decode()
    seen.page.evaluate(KEEPS, {**kept, "heads": dict.fromkeys(kept["heads"], other)})
    shows(seen.page, "last.xml")
    refused(seen.page, "two different logs")
    seen.page.evaluate(KEEPS, kept)


def test_a_proof_that_is_kept_back_is_told(seen: Seen) -> None:
    seen.page.route("**/api/log", lambda route: route.fulfill(status=404, json={"said": "no"}))
    shows(seen.page, "last.xml")
    seen.page.locator("#proof", has_text="Not shown: that the log goes on").wait_for()
