"""The review of a term, made of plain values: what it counts, and that a page tells it as the text does."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from lxml import html

from gateway.reports.document import Document, ReportTable, as_csv, as_text
from gateway.reports.page import as_html
from gateway.reports.review import ProviderReview, review_report

NOW = datetime(2026, 12, 21, 9, tzinfo=UTC)
OAK = ProviderReview(
    id="oak", name="Oak School", kind="school", ratified=True,
    kept={
        ("attendance", "on-time"): 4, ("attendance", "early"): 1, ("attendance", "late"): 1,
        ("attendance", "nil"): 1, ("phonics", "missing"): 1,
    },
    files={("attendance", "accepted"): 6, ("", "held"): 1},
    faulty={"attendance": 2}, faults={"attendance": 9},
)  # fmt: skip
ELM = ProviderReview(
    id="elm", name="Elm Academy", kind="academy", ratified=False,
    kept={("attendance", "on-time"): 3, ("attendance", "missing"): 4}, files={("attendance", "accepted"): 4},
    discrepancies_opened=2, discrepancies_open=1,
)  # fmt: skip
FFT = ProviderReview(id="fft", name="FFT", kind="fft", ratified=None)


def review(*providers: ProviderReview) -> Document:
    return review_report(
        providers, NOW, organisation="Anyshire", academic_year="2026-27", first=date(2026, 11, 2),
        last=date(2026, 12, 18), discrepancies=(2, 1),
    )  # fmt: skip


def test_the_text_tells_what_came_in_time_and_who_is_to_be_rung_first() -> None:
    text = " ".join(as_text(review(OAK, ELM, FFT)).split())
    for words in (
        "Ratified 1 of 2",
        "Returns due 14",  # What there was nothing to send for is not due.
        "Came in time 8 (57 %)",
        "Came late 1 (7 %)",
        "Missing 5 (36 %)",
        "attendance 8 1 1 4",
        "Not yet: Elm Academy (elm).",
        "attendance 9 4.5",
    ):
        assert words in text
    assert text.index("elm Elm Academy 4") < text.index("oak Oak School 1")


def test_nothing_at_all_is_a_review_too() -> None:
    text = as_text(review())
    for words in ("Nothing was due.", "No file arrived.", "Nobody: nothing is missing, nothing waits."):
        assert words in text


def test_a_page_draws_each_chart_to_scale_and_has_its_numbers() -> None:
    page = html.fromstring(as_html(review(OAK, ELM, FFT)).encode())
    pictures = page.findall(".//svg")
    assert len(pictures) == 4
    assert all(one.getnext().tag == "table" for one in pictures)
    first = [float(bar.get("width")) for bar in pictures[0].findall("rect")][
        4:
    ]  # Behind the four of the legend.
    assert [round(width / sum(first[:4]), 2) for width in first[:4]] == [0.57, 0.07, 0.07, 0.29]


def test_a_table_for_a_spreadsheet_holds_no_formula() -> None:
    hostile = ProviderReview(id="x", name="=1+1", kind="school", ratified=False)
    document = review(hostile)
    assert document.data is not None
    assert "'=1+1" in as_csv(document.data)


def test_what_would_be_shown_wrongly_is_refused() -> None:
    with pytest.raises(ValueError, match="row"):
        ReportTable(("of", "one", "two"), (("x", "1"),), "a chart")
