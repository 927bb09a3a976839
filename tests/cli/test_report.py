"""Reports made from the registry: a transfer, a provider, a breach."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.access import EVERYTHING
from gateway.acts.act import ActContext
from gateway.acts.reports import ReportAssurance
from gateway.registry import keys
from gateway.reports.document import as_text
from tests.classify import made
from tests.whole import whole
from tests.workshop import Desk

AWARE = "2026-11-24T10:00"


def reference(desk: Desk, provider: str, name: str) -> str:
    (found,) = desk.receipts(provider, f"{name}.*.txt")
    return found.name.split(".")[-2]


def said(text: str) -> str:
    return " ".join(text.split())


def test_a_transfer_from_landing_to_collection() -> None:
    desk = whole()
    sent = reference(desk, "oak", "core.xml.pgp")
    text = said(desk.gateway("report", "transfer", sent))
    transfer = desk.transfer(sent)
    assert transfer.signature is not None
    for part in (
        sent,
        "core.xml.pgp",
        "The oak (oak)",
        transfer.upload.sha256,
        transfer.signature.signing_key,
        "student-core",
        "Central Data Team",
        *(reason.code for reason in transfer.reasons),
        *(f"{reason.clause} (" for reason in transfer.reasons),
    ):
        assert part in text, part
    assert re.search(r"Downloaded By or to jane, Central Data Team", text)
    assert "Log test.invalid/log Entries" in text


def test_the_assurance_pack_counts_what_its_reader_may_know_of() -> None:
    some = replace(EVERYTHING, ordinary=False)
    context = ActContext(
        home=whole().home, person="jane", clock=whole().clock, sight=lambda _: some,
        open_registry=lambda: nullcontext(whole().registry), open_registrar=whole().registrar,
    )  # fmt: skip
    text = " ".join(as_text(ReportAssurance().carry_out(context)).split())
    assert "Files of the last 12 months 0 of those that you may know of" in text


def test_the_assurance_pack_counts_and_names_nobody() -> None:
    text = said(whole().gateway("report", "assurance"))
    for part in (
        "DPIA STEP 7: SIGNING OFF",
        "Maintained school",
        "Files of the last 12 months 5",
        "attendance",
    ):
        assert part in text, part
    assert "no service has started yet" not in text
    assert not {"jane", "core.xml.pgp", "oak"} & set(re.split(r"\W+", text.replace("core.xml.pgp", "oak")))


class Page(HTMLParser):
    """What a page would fetch or run, and what it says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "img", "iframe", "object"} or {"src", "href", "onload"} & {
            n for n, _ in attrs
        }:
            self.fetched.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data.split()


@pytest.mark.parametrize(
    "command",
    [
        ("report", "transfer", "REF"),
        ("breach", "record", "--aware-at", AWARE, "--transfer", "REF"),
    ],
)
def test_the_page_says_the_same_and_needs_nothing_else(
    copy: Desk, command: tuple[str, ...], tmp_path: Path
) -> None:
    sent = reference(copy, "oak", "core.xml.pgp")
    arguments = [sent if part == "REF" else part for part in command]
    path = tmp_path / "report.html"
    copy.gateway(*arguments, "--html", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    page = Page(path.read_text("utf-8"))
    assert page.fetched == []
    assert sent in page.words
    missing = words(copy.gateway(*arguments)) - words(" ".join(page.words))
    assert missing <= {"breach"}


def test_a_report_is_a_new_file_of_its_owners(copy: Desk, tmp_path: Path) -> None:
    """It keeps no rights of a file that was there, and does not follow a link."""
    sent = reference(copy, "oak", "core.xml.pgp")
    path, target = tmp_path / "report.html", tmp_path / "somebody's"
    target.write_text("theirs")
    path.symlink_to(target)
    copy.gateway("report", "transfer", sent, "--html", str(path))
    assert not path.is_symlink()
    assert target.read_text() == "theirs"
    path.chmod(0o644)
    copy.gateway("report", "transfer", sent, "--html", str(path))
    assert path.stat().st_mode & 0o777 == 0o600


def words(text: str) -> set[str]:
    """Those of a report but for the log's root, which is another one each time."""
    return set(re.findall(r"[a-z]{4,}", re.sub(r"\bRoot\s+\S+", "", text)))


def breach(desk: Desk, *options: str) -> str:
    aware = AWARE if "--from" not in options else f"{datetime.now(UTC):%Y-%m-%dT%H:%M+00:00}"
    return said(desk.gateway("breach", "record", "--annex", "--aware-at", aware, *options))


def touched(text: str) -> set[str]:
    """The references in the part on transfers."""
    return set(re.findall(r"\d{6}-[a-z]+-[0-9A-Z]{5}", text.partition("TRANSFERS CONCERNED")[2]))


def test_a_breach_is_prefilled_and_put_on_record(copy: Desk) -> None:
    sent = reference(copy, "oak", "core.xml.pgp")
    text = breach(
        copy, "--transfer", sent, "--nature", "confidentiality", "--what", "A laptop was left on a train.",
        "--measure", "Its key was revoked.", "--contact", "dpo@example.org",
        "--notified-at", "2026-11-26T09:00",
    )  # fmt: skip
    assert "Personal data breach 1" in text
    assert "Notify the ICO by 27 November 2026 at 10:00:00 GMT" in text
    assert "The ICO was notified in time." in text
    assert "Pupil records 2" in text
    assert "The oak (oak), a data controller in its own right" in text
    assert "Who jane Team Central Data Team Times 1" in text
    for part in (
        "A laptop was left on a train.",
        "Its key was revoked.",
        "dpo@example.org",
        "confidentiality",
    ):
        assert part in text
    (event,) = copy.events("breach")
    assert event.kind == "breach-recorded"
    assert said(copy.gateway("breach", "show", "1", "--annex")) == text
    assert "Personal data breach 2" in breach(copy, "--transfer", sent)
    assert [json.loads(one.leaf)["fields"]["number"] for one in copy.events("breach")] == [1, 2]
    assert "everything fits" in copy.gateway("log", "verify")


def test_what_a_person_opened_is_touched_and_nothing_else(copy: Desk) -> None:
    sent = reference(copy, "oak", "core.xml.pgp")
    assert touched(breach(copy, "--person", "jane")) == {sent}
    assert touched(breach(copy, "--person", "jane", "--from", "2020-01-01", "--to", "2020-12-31")) == set()
    assert "no member of staff mallory" in copy.gateway(
        "breach", "record", "--aware-at", AWARE, "--person", "mallory", code=1
    )


def test_what_went_over_a_key_is_touched(copy: Desk) -> None:
    with copy.registry.read() as session:
        of_gateway, of_elm, of_jane = (
            keys.list_keys(session, kind, owner)[0].fingerprint
            for kind, owner in (("gateway", "gateway"), ("provider", "elm"), ("staff", "jane"))
        )
    core, elms = reference(copy, "oak", "core.xml.pgp"), reference(copy, "elm", "elm_s.xml.pgp")
    opened = touched(breach(copy, "--key", of_gateway))
    assert {core, elms} < opened
    assert reference(copy, "oak", "cut off.pgp") not in opened
    assert touched(breach(copy, "--key", of_elm[:12])) == {elms}
    assert touched(breach(copy, "--key", of_jane)) == {core}
    assert f"provider elm openpgp {of_elm} active" in breach(copy, "--key", of_elm.upper())
    assert "there is no single key" in copy.gateway(
        "breach", "record", "--aware-at", AWARE, "--key", "ffff0000", code=1
    )


def test_a_span_of_time_touches_what_had_any_step_in_it(copy: Desk) -> None:
    everything = {reference(copy, *one) for one in (
        ("oak", "core.xml.pgp"), ("oak", "cut off.pgp"), ("elm", "elm_s.xml.pgp"), ("fft", "fft.csv.pgp"),
        ("fft", "letter.pgp"),
    )}  # fmt: skip
    day = f"{copy.transfer(reference(copy, 'oak', 'core.xml.pgp')).upload.landed_at:%Y-%m-%d}"
    assert touched(breach(copy, "--from", day, "--to", day)) == everything
    assert touched(breach(copy, "--from", "2020-01-01", "--to", "2020-12-31")) == set()


def test_a_breach_that_touches_nothing_named_is_not_recorded(copy: Desk) -> None:
    assert "say which files" in copy.gateway("breach", "record", "--aware-at", AWARE, code=1)
    unknown = ("breach", "record", "--aware-at", AWARE, "--transfer", "261124-oak-00000")
    assert "a transfer that you name is not on record" in copy.gateway(*unknown, code=1)
    assert copy.events("breach") == []


def test_no_report_on_a_breach_holds_a_pupil_s_data(copy: Desk) -> None:
    text = breach(copy, "--from", "2020-01-01")
    for number in (1, 2):
        child = made.Child(number)
        for word in (child.upn, child.surname, child.forename, child.born):
            assert word not in text
    for name in ("core.xml", "letter.pgp", "cut off"):
        assert name not in text
