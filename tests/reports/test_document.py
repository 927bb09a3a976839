"""The two forms of a document: tidy, self-contained, and not to be broken out of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from gateway.reports.document import (
    WIDTH,
    Details,
    Document,
    Paragraph,
    Points,
    ReportTable,
    Section,
    as_text,
)
from gateway.reports.page import as_html


def whole(text: str) -> Document:
    """A document with `text` in every place."""
    return Document(
        text,
        text,
        (
            Section(
                text,
                (
                    Paragraph(text),
                    Paragraph(text, important=True),
                    Points((text, text)),
                    Details(((text, text), ("left out", None))),
                    ReportTable((text, "B"), ((text, text), ("c", "d"))),
                ),
            ),
        ),
    )


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></table><h1>x",
    "&lt;b&gt; &amp; 'q'",
    "a\nb\r\nc\x1b[2J\x00d",
    "\u202etxt.exe",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_html_takes_any_text_as_text(text: str) -> None:
    page = html.fromstring(as_html(whole(text)).encode())
    tags = {element.tag for element in page.iter() if isinstance(element.tag, str)}
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "section", "ul", "li"}
    assert tags <= allowed | {"table", "thead", "tbody", "tr", "th", "td"}
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    assert page.findtext(".//h1") == (shown or None) or (shown == "" and page.findtext(".//h1") == "")


def test_html_needs_nothing_from_elsewhere() -> None:
    page = as_html(whole("x"))
    assert "default-src 'none'" in page
    for sign in ("http://", "https://", "src=", "href=", "url(", "@import", "<script"):
        assert sign not in page


@given(st.text(max_size=300))
def test_text_keeps_its_margin_and_steers_no_terminal(text: str) -> None:
    shown = as_text(whole(text))
    for line in shown.split("\n"):
        assert len(line) <= WIDTH
        assert line == line.rstrip()
        assert all(c.isprintable() for c in line)


def test_a_wide_table_becomes_records() -> None:
    wide = ReportTable(("One", "Two", "Three"), (("a" * 40, "b" * 40, ""), ("c", "d", "e")))
    shown = as_text(Document("t", "s", (Section("x", (wide,)),)))
    assert "One                      " + "a" * 40 in shown
    assert "Three                    e" in shown
    assert "\n\nOne                      c" in shown


def test_a_narrow_table_stays_a_table() -> None:
    shown = as_text(Document("t", "s", (Section("x", (ReportTable(("A", "B"), (("1", "2"),)),)),)))
    assert "A  B\n-  -\n1  2" in shown


def test_a_ragged_table_is_refused() -> None:
    with pytest.raises(ValueError, match="cells"):
        ReportTable(("a", "b"), (("1",),))


def test_what_is_not_known_is_left_out() -> None:
    shown = as_text(whole("x"))
    assert "left out" not in shown
    assert "left out" not in as_html(whole("x"))
