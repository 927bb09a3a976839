"""A small document in two forms: text for a terminal, and one self-contained HTML page.

The page holds no script and fetches nothing; every text in it is escaped. Printed from a browser
it makes a tidy PDF.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 78
_LABEL = 24

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#111;background:#fff;
max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;line-height:1.2;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.subtitle{color:#555;margin:.25rem 0 1.5rem}
.notice{border-left:4px solid #b00020;background:#fdf2f4;padding:.75rem 1rem;margin:1rem 0}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;
padding:.35rem .6rem;border-bottom:1px solid #ddd;overflow-wrap:anywhere}
thead th{border-bottom:2px solid #111}tbody th{font-weight:600;width:14rem}
@media print{body{margin:0;max-width:none;font-size:11pt}h2{break-after:avoid}tr{break-inside:avoid}}
""".strip()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. `important` sets it apart."""

    text: str
    important: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """A list of points."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """Labels with their values; a value of None is left out."""

    pairs: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows under headings; every row is as long as the headings. ValueError otherwise."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Refuse a ragged table."""
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ValueError("a row has another number of cells than there are headings")


Block = Paragraph | Points | Details | ReportTable


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A title, a line under it, and sections."""

    title: str
    subtitle: str
    sections: tuple[Section, ...] = field(default=())


def as_text(document: Document) -> str:
    """The document as text of at most 78 columns, ending in a newline.

    A table that is too wide is shown row by row.
    """
    parts = [_title(document.title), *_wrapped(document.subtitle), ""]
    for section in document.sections:
        title = _clean(section.title).upper()
        parts += [*_wrapped(title), "-" * min(len(title), WIDTH), ""]
        for block in section.blocks:
            parts += [*_text_block(block), ""]
    return "\n".join(line.rstrip() for line in parts)


def as_html(document: Document) -> str:
    """The document as one HTML page that needs nothing else."""
    body = "\n".join(_html_section(section) for section in document.sections)
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(document.title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
        f'<h1>{_safe(document.title)}</h1>\n<p class="subtitle">{_safe(document.subtitle)}</p>\n'
        f"{body}\n</body>\n</html>\n"
    )


def as_object(document: Document) -> dict[str, object]:
    """The document as JSON has it: its sections with their blocks, in order."""
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "sections": [
            {"title": section.title, "blocks": [_object(block) for block in section.blocks]}
            for section in document.sections
        ],
    }


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
        case ReportTable(headings, rows):
            return {"rows": [dict(zip(headings, row, strict=True)) for row in rows]}


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
            return _text_table(block)


def _text_table(table: ReportTable) -> list[str]:
    rows = [tuple(_clean(cell) for cell in row) for row in (table.headings, *table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.headings))]
    if sum(widths) + 2 * len(widths) > WIDTH:
        return _text_records(table)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _text_records(table: ReportTable) -> list[str]:
    """A wide table as a list of records."""
    lines: list[str] = []
    for row in table.rows:
        for heading, cell in zip(table.headings, row, strict=True):
            lines += _labelled(heading, cell) if cell else []
        lines.append("")
    return lines[:-1]


def _labelled(label: str, value: str) -> list[str]:
    """A value beside its label, or under it where one of them is too long for that."""
    head = f"{_clean(label):<{_LABEL}} "
    longest = max((len(word) for word in value.split()), default=0)
    if len(head) > _LABEL + 1 or longest > WIDTH - len(head):
        return [*_wrapped(label), *_wrapped(value, "    ", "    ")]
    return _wrapped(value, head, " " * len(head))


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        _clean(text), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    ) or [first.rstrip()]


def _clean(text: str) -> str:
    """One line of text without anything that could steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _safe(text: str) -> str:
    return escape(_clean(text))


def _html_section(section: Section) -> str:
    blocks = "\n".join(_html_block(block) for block in section.blocks)
    return f"<section>\n<h2>{_safe(section.title)}</h2>\n{blocks}\n</section>"


def _html_block(block: Block) -> str:
    match block:
        case Paragraph(text, important):
            return f'<p class="notice">{_safe(text)}</p>' if important else f"<p>{_safe(text)}</p>"
        case Points(texts):
            return "<ul>\n" + "\n".join(f"<li>{_safe(text)}</li>" for text in texts) + "\n</ul>"
        case Details(pairs):
            shown = [(label, value) for label, value in pairs if value is not None]
            rows = "\n".join(
                f'<tr><th scope="row">{_safe(label)}</th><td>{_safe(value)}</td></tr>'
                for label, value in shown
            )
            return f"<table>\n<tbody>\n{rows}\n</tbody>\n</table>"
        case ReportTable(headings, rows):
            return _html_table(headings, rows)


def _html_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_safe(heading)}</th>' for heading in headings)
    body = "\n".join("<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
