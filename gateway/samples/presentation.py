"""How a document becomes bytes: encodings, delimiters, line ends, preambles, XLSX, ZIP.

Every function is deterministic: archives carry one fixed moment instead of the time of making.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePath
from typing import Literal

from lxml import etree
from openpyxl import Workbook

from gateway.samples.drawing import Cell, Document, Lines, Table

Form = Literal["table", "xml", "lines"]

ALL_FORMS: frozenset[Form] = frozenset({"table", "xml", "lines"})
_TABLE: frozenset[Form] = frozenset({"table"})
_TEXT: frozenset[Form] = frozenset({"table", "xml"})
_MOMENT = (2026, 6, 15, 7, 30, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """One way of writing documents. What does not apply to a kind of document is ignored there."""

    name: str = ""
    encoding: Literal["utf-8", "utf-8-sig", "utf-16", "windows-1252"] = "utf-8"
    delimiter: str = ","
    line_end: str = "\r\n"
    iso_dates: bool = False
    quote_all: bool = False
    preamble: bool = False
    notes: bool = False
    pretty: bool = True
    container: Literal["", "xlsx", "zip"] = ""
    suits: frozenset[Form] = ALL_FORMS


PLAIN = Presentation()
PRESENTATIONS: tuple[Presentation, ...] = (
    PLAIN,
    Presentation(name="bom", encoding="utf-8-sig", pretty=False, suits=_TEXT),
    Presentation(name="utf16", encoding="utf-16", suits=_TEXT),
    Presentation(name="windows1252", encoding="windows-1252", line_end="\n", suits=_TEXT),
    Presentation(name="semicolon", delimiter=";", iso_dates=True, suits=_TABLE),
    Presentation(name="tab", delimiter="\t", encoding="utf-16", suits=_TABLE),
    Presentation(name="quoted", quote_all=True, notes=True, suits=_TABLE),
    Presentation(name="preamble", preamble=True, suits=_TABLE),
    Presentation(name="xlsx", container="xlsx", suits=_TABLE),
    Presentation(name="zip", container="zip"),
)


def present(document: Document, name: str, presentation: Presentation) -> tuple[str, bytes]:
    """The name (its suffix fitted to the container) and the bytes of `document`."""
    if isinstance(document, Table) and presentation.container == "xlsx":
        return _suffixed(name, ".xlsx"), _xlsx(document, presentation)
    content = _plain(document, presentation)
    if presentation.container == "zip":
        return _suffixed(name, ".zip"), zipped({name: content})
    return name, content


def zipped(members: dict[str, bytes]) -> bytes:
    """A ZIP of `members` in their order, every one dated the same."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _suffixed(name: str, suffix: str) -> str:
    return str(PurePath(name).with_suffix(suffix))


def _plain(document: Document, presentation: Presentation) -> bytes:
    if isinstance(document, Table):
        return _csv(document, presentation)
    if isinstance(document, Lines):
        return "".join(line + "\r\n" for line in document.records).encode("windows-1252")
    return _xml(document, presentation)


def _xml(root: Document, presentation: Presentation) -> bytes:
    bom = presentation.encoding == "utf-8-sig"
    encoding = "utf-8" if bom else presentation.encoding
    content: bytes = etree.tostring(
        root, encoding=encoding, xml_declaration=True, pretty_print=presentation.pretty
    )
    return b"\xef\xbb\xbf" + content if bom else content


def _csv(table: Table, presentation: Presentation) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=presentation.delimiter,
        lineterminator=presentation.line_end,
        quoting=csv.QUOTE_ALL if presentation.quote_all else csv.QUOTE_MINIMAL,
    )
    for line in _grid(table, presentation):
        writer.writerow([_shown(cell, presentation) for cell in line])
    return out.getvalue().encode(presentation.encoding)


def _grid(table: Table, presentation: Presentation) -> list[list[Cell]]:
    """Every line of the table, from the preamble to the last row."""
    above: list[list[Cell]] = [["Exported for the local authority"], [], *table.preamble]
    preamble = above if presentation.preamble else table.preamble
    if not presentation.notes:
        return [*preamble, list(table.header), *table.rows]
    rows = [[*row, f'Line one of "row {n}"\nline two, after it'] for n, row in enumerate(table.rows, 1)]
    return [*preamble, [*table.header, "Notes"], *rows]


def _shown(cell: Cell, presentation: Presentation) -> str | int | float | None:
    if isinstance(cell, date):
        return cell.isoformat() if presentation.iso_dates else cell.strftime("%d/%m/%Y")
    return cell


def _xlsx(table: Table, presentation: Presentation) -> bytes:
    """A workbook of one sheet, with dates as dates; rewritten so that it carries no time of making."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Export")
    for line in _grid(table, presentation):
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members["docProps/core.xml"] = _undated(members["docProps/core.xml"])
    return zipped(members)


def _undated(properties: bytes) -> bytes:
    root = etree.fromstring(properties)
    for node in root.iter("{http://purl.org/dc/terms/}created", "{http://purl.org/dc/terms/}modified"):
        node.text = datetime(*_MOMENT).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ001 - one fixed moment
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))
