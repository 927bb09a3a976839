"""The review of a term: for people, as a page and as a table."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path

from lxml import html

from gateway.acts.reports import review_of, span_of
from gateway.policy.dates import first_year
from gateway.reports.document import as_text
from tests.cli import a_year
from tests.clock import THIS_YEAR
from tests.policies import shipped
from tests.whole import whole
from tests.workshop import Desk

_FIRST = first_year(*THIS_YEAR)
SPAN = ("--from", f"{_FIRST}-09-01", "--to", f"{_FIRST + 1}-08-31")


def section(document: dict, title: str) -> list[dict]:
    return next(one["blocks"] for one in document["sections"] if one["title"] == title)


def test_the_review_tells_of_files_ratification_and_discrepancies() -> None:
    desk = whole()
    document = json.loads(desk.gateway("report", "review", *SPAN, "--json"))
    (short,) = section(document, "In short")
    told = {one["label"]: one["value"] for one in short["details"]}
    assert told["Ratified"] == "3 of 3"  # FFT is no education provider.
    assert int(told["Files"]) == 5
    assert int(told["Discrepancies opened"]) >= 1
    (outcomes,) = section(document, "Files, and what became of them")
    core = next(row for row in outcomes["rows"] if row["Kind of data"] == "student-core")
    assert core["accepted"] == 2
    (each,) = document["annex"][0]["blocks"]
    oak = next(row for row in each["rows"] if row["Provider"] == "oak")
    assert (oak["Ratified"], oak["Accepted"], oak["Refused"]) == ("yes", "1", "1")


def test_every_chart_of_the_page_stands_before_its_table(tmp_path: Path) -> None:
    page, table = tmp_path / "review.html", tmp_path / "review.csv"
    whole().gateway("report", "review", *SPAN, "--html", str(page), "--csv", str(table))
    found = html.fromstring(page.read_bytes())
    pictures = found.findall(".//svg")
    assert len(pictures) == 3  # Nothing was due of providers that are enrolled since today.
    assert all(one.getnext().tag == "table" for one in pictures)
    assert page.stat().st_mode & 0o077 == 0
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert [row["Provider"] for row in rows] == ["ash", "elm", "fft", "oak"]


def test_a_review_is_of_one_school_year() -> None:
    desk = whole()
    wrong = ("report", "review", "--from", "2026-06-01", "--to", "2026-10-01")
    assert "not in one school year" in desk.gateway(*wrong, code=1)
    assert "the last day is before the first" in desk.gateway(
        "report", "review", "--from", "2026-10-02", "--to", "2026-10-01", code=1
    )


def test_a_review_may_be_of_one_day() -> None:
    day = date(2026, 10, 1)
    assert span_of(day, day, shipped(), day) == (day, day)


def test_a_review_counts_what_came_on_each_day_of_its_span(desk: Desk) -> None:
    with desk.registry.write() as session:
        for day in (6, 13, 20, 27):
            a_year.arrived(session, "oak", "attendance", date(2026, 11, day))
    with desk.registry.read() as session:
        span, at = (date(2026, 11, 2), date(2026, 11, 27)), datetime(2026, 12, 14, 9, tzinfo=UTC)
        text = " ".join(as_text(review_of(session, shipped(), span, at, "Anyshire")).split())
        some = " ".join(as_text(review_of(session, shipped(), span, at, "Anyshire", sees_all=False)).split())
    assert "Came in time 4 (9 %)" in text
    told = "It counts the files that you may know of: what it calls missing may have come."
    assert (told in some, told in text) == (True, False)
