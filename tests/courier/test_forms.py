"""What letters say and how: one about each decision, in one thread, as text and HTML, signed for gpg."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import icalendar
import pytest

from gateway.home.settings import Settings
from gateway.model import Arrival, Provider
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import spoken
from gateway.policy.timescale import agenda, status
from gateway.publish.provider_page import calendar, page
from gateway.publish.standing import ProviderFacts, news
from tests.courier.conftest import TELEPHONE
from tests.courier.mime import opened
from tests.openpgp.gnupg import Gnupg, GnupgError
from tests.policies import POLICIES
from tests.workshop import Desk


def subjects(oak: list[tuple[EmailMessage, bytes]]) -> list[str]:
    return [str(one["Subject"]) for one, _ in oak]


def test_every_refusal_and_every_decision_after_a_wait_is_written_about(
    oak: list[tuple[EmailMessage, bytes]],
) -> None:
    said = [one.partition(":")[0] for one in subjects(oak)]
    assert sorted(said[1:]) == ["Accepted", "Not taken", "Not taken", "Waits", "Waits"]
    assert said[0].startswith("Your week with")


def test_the_subject_says_kind_school_and_time_and_no_name_of_a_file(
    oak: list[tuple[EmailMessage, bytes]],
) -> None:
    for subject in subjects(oak):
        if not subject.startswith("Your week"):
            assert re.fullmatch(
                r"[\w ]+: [\w ]+, The oak, \d+ \w+ \d{4}, \d\d:\d\d \(\d{6}-oak-\w{5}\)", subject
            )
    assert not any("Jane" in one.as_string() for one, _ in oak)


def test_letters_about_one_file_are_one_thread(oak: list[tuple[EmailMessage, bytes]]) -> None:
    waits = {str(one["Subject"])[-17:]: one for one, _ in oak if str(one["Subject"]).startswith("Waits")}
    threads = 0
    for one, _ in oak:
        subject = str(one["Subject"])
        before = waits.get(subject[-17:])
        if before is not None and before is not one:
            assert one["In-Reply-To"] == one["References"] == before["Message-ID"]
            threads += 1
        else:
            assert one["References"] is None
    assert threads == 2


def test_gpg_verifies_each_letter_as_the_relay_had_it(
    desk: Desk, oak: list[tuple[EmailMessage, bytes]], tmp_path: Path
) -> None:
    with Gnupg() as gpg:
        gpg.run("--import", given=desk.certificate.encode())
        for number, (letter, raw) in enumerate(oak):
            boundary = letter.get_boundary("").encode()
            _, content, signature, end = raw.split(b"\r\n--" + boundary)
            assert end.startswith(b"--")
            parts = tmp_path / f"{number}.mime", tmp_path / f"{number}.asc"
            parts[0].write_bytes(content.removeprefix(b"\r\n"))
            parts[1].write_bytes(message_from_bytes(signature.lstrip()).get_payload(decode=True))
            gpg.run("--verify", str(parts[1]), str(parts[0]))
            parts[0].write_bytes(content.removeprefix(b"\r\n").replace(b"=", b"=3D", 1))
            with pytest.raises(GnupgError):
                gpg.run("--verify", str(parts[1]), str(parts[0]))
            assert content.isascii()
            assert not re.search(rb"^From |[ \t]\r\n", content, re.MULTILINE)  # RFC 3156, 3


def test_both_forms_say_the_same_and_the_telephone_number(
    desk: Desk, oak: list[tuple[EmailMessage, bytes]]
) -> None:
    for letter, raw in oak:
        text, formed = opened(message_from_bytes(raw, policy=policy.default), desk.certificate.encode())
        words = re.sub(r"(?m)^-+$|^- ", "", text).split()
        shown = re.sub(r"<(title|style).*?</\1>|<[^>]+>", " ", formed, flags=re.DOTALL)
        assert " ".join(words) in " ".join(html.unescape(shown).split())
        assert f"telephone {TELEPHONE}" in " ".join(text.split())
        assert "Nothing is lost" not in text
        assert str(letter["Subject"]) in html.unescape(formed)
        assert not re.search("<script|<img|src=|href=", formed)


def on(day: date) -> ProviderFacts:
    """Where a school stands on a day that sent the census of October two days late, and nothing else."""
    catalogue = load_catalogue(POLICIES)
    oak = Provider(id="oak", name="Oak", kind="school", dfe_number="9992000", ratified=True)
    came = Arrival("school-census", "school-census", datetime(2026, 10, 9, 9, tzinfo=UTC))
    due = list(agenda(oak, status(oak, [came], catalogue, day), catalogue, day))
    return ProviderFacts(
        settings=Settings(organisation="Anyshire"), provider=oak, catalogue=catalogue,
        at=datetime.combine(day, time(9), UTC), due=due, files=(), waiting=(), own_keys=(), ratified=(),
        to_ratify=None,
    )  # fmt: skip


def test_letter_page_and_calendar_say_the_same_of_the_same_day_all_year() -> None:
    told, late = 0, 0
    for number in range(0, 365, 5):
        facts = on(date(2026, 9, 7) + timedelta(days=number))
        entries = re.findall(r"(?m)^- ([^:\n]+): (.*)$", news(facts, "en", 28))
        lines = re.findall(r"<dt[^>]*>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", page(facts))
        shown = {(html.unescape(named), html.unescape(says)) for named, says in lines}
        assert set(entries) <= shown
        days: dict[str, set[str]] = {}
        events = icalendar.Calendar.from_ical(calendar(facts)).walk("VEVENT")
        for event in events:
            named = re.split(r" due \(| is late \(| came \(", str(event["summary"]))[0]
            days.setdefault(named, set()).add(spoken(event.decoded("dtstart")))
        for named, says in entries:
            assert named not in days or not says.startswith("late") or f"{named} is late" in str(events)
            found = re.search(r"(?<!was )due (?:in|today|tomorrow|on).*?(\d+ \w+ \d{4})", says)
            if found is not None and named in days:
                assert found[1] in days[named], (facts.today, named, says)
                told += 1
                late += says.startswith("late")
    assert told > 100
    assert late > 20


def test_what_is_due_is_told_in_weeks_and_then_in_days() -> None:
    def census(day: date) -> str:
        page_of = page(on(day))
        return re.findall(r'data-flow="school-census".*?<dd[^>]*>(.*?)</dd>', page_of, re.DOTALL)[0]

    assert "then due in 10 weeks, on 27 January 2027" in census(date(2026, 11, 12))
    assert "came late, it was due on 7 October 2026" in census(date(2026, 11, 12))
