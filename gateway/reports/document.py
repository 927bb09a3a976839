"""Define a document of sections and blocks, and render it as text, as JSON, and a table as CSV."""

import csv
import io
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.words import inert

WIDTH = 78
_LABEL = 24


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; `important` text is highlighted."""

    text: str
    important: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """A list of points in a report."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """Labels, each with a value; a value of None is left out."""

    pairs: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows under headings.
    `caption`: if given, all cells after the first of a row are numbers, and a page also draws a bar for each
    row, with a part for each number. Raises ValueError for a row shorter or longer than the headings.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for a row that is not as long as the headings."""
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ValueError("a row has another number of cells than there are headings")


def table_or(
    headings: tuple[str, ...], rows: Iterable[tuple[str, ...]], nothing: str = ""
) -> tuple[ReportTable | Paragraph, ...]:
    """Return a table of the rows, as a block; without rows a paragraph `nothing`, or () if that is ""."""
    if found := tuple(rows):
        return (ReportTable(headings, found),)
    return (Paragraph(nothing),) if nothing else ()


Block = Paragraph | Points | Details | ReportTable


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document: a title, and blocks below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report: title, subtitle, sections, and an annex of sections with every detail.

    `data`: the report as one table for a spreadsheet; None if it has no such table. The log keeps documents
    of breaches as JSON, so the fields of documents and blocks must not change.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...] = field(default=())
    annex: tuple[Section, ...] = field(default=())
    data: ReportTable | None = None


def as_text(document: Document, *, annex: bool = True) -> str:
    """Return a document as text with lines of at most 78 characters, with or without its annex.
    A table too wide is shown as a list of its rows.
    """
    parts = [_title(document.title), *_wrapped(document.subtitle), ""]
    parts += _text_sections(document.sections)
    if annex and document.annex:
        parts += [_title("Annex"), "", *_text_sections(document.annex)]
    return "\n".join(line.rstrip() for line in parts)


def as_csv(table: ReportTable) -> str:
    """Return a table as CSV with headings; a ' precedes cells that spreadsheets would run as formulas."""
    written = io.StringIO()
    cells = ([inert(clean(cell), to_read=True) for cell in row] for row in table.rows)
    csv.writer(written).writerows([table.headings, *cells])
    return written.getvalue()


def _text_sections(sections: tuple[Section, ...]) -> list[str]:
    parts: list[str] = []
    for section in sections:
        title = clean(section.title).upper()
        parts += [*_wrapped(title), "-" * min(len(title), WIDTH), ""]
        for block in section.blocks:
            parts += [*_text_block(block), ""]
    return parts


def as_object(document: Document) -> dict[str, object]:
    """Return a document as values for JSON, for programs."""
    told: dict[str, object] = {
        "title": document.title,
        "subtitle": document.subtitle,
        "sections": _objects(document.sections),
    }
    return {**told, "annex": _objects(document.annex)} if document.annex else told


def _objects(sections: tuple[Section, ...]) -> list[dict[str, object]]:
    return [
        {"title": section.title, "blocks": [_object(block) for block in section.blocks]}
        for section in sections
    ]


def _object(block: Block) -> dict[str, object]:
    match block:
        case Paragraph(text, important):
            return {"text": text, "important": important}
        case Points(texts):
            return {"points": list(texts)}
        case Details(pairs):
            return {
                "details": [{"label": label, "value": value} for label, value in pairs if value is not None]
            }
        case ReportTable(headings, rows, caption):
            if not caption:
                return {"rows": [dict(zip(headings, row, strict=True)) for row in rows]}
            (of, *parts), bars = headings, ((label, map(int, values)) for label, *values in rows)
            counted = [{of: label, **dict(zip(parts, values, strict=True))} for label, values in bars]
            return {"chart": caption, "rows": counted}


def _title(title: str) -> str:
    lines = _wrapped(title)
    return "\n".join([*lines, "=" * max(len(line) for line in lines)])


def _text_block(block: Block) -> list[str]:
    match block:
        case Paragraph(text, important):
            return _wrapped(f"!! {text}" if important else text)
        case Points(texts):
            return [line for text in texts for line in _wrapped(text, "  * ", "    ")]
        case Details(pairs):
            return [line for label, value in pairs if value is not None for line in _labelled(label, value)]
        case ReportTable():
            head = [*_wrapped(f"{block.caption}:"), ""] if block.caption else []
            return [*head, *_text_table(block)]


def _text_table(table: ReportTable) -> list[str]:
    rows = [tuple(clean(cell) for cell in row) for row in (table.headings, *table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.headings))]
    if sum(widths) + 2 * len(widths) > WIDTH:  # A list of records, then.
        told: list[str] = []
        for row in table.rows:
            for heading, cell in zip(table.headings, row, strict=True):
                told += _labelled(heading, cell) if cell else []
            told.append("")
        return told[:-1]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _labelled(label: str, value: str) -> list[str]:
    """Return the lines for a label and a value: side by side, or one below the other if too long."""
    head = f"{clean(label):<{_LABEL}} "
    longest = max((len(word) for word in value.split()), default=0)
    if len(head) > _LABEL + 1 or longest > WIDTH - len(head):
        return [*_wrapped(label), *_wrapped(value, "    ", "    ")]
    return _wrapped(value, head, " " * len(head))


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        clean(text), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    ) or [first.rstrip()]


def clean(text: str) -> str:
    """Return a text as one line, with spaces in place of characters that do not print."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
