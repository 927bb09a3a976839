"""Turn documents into bytes: encodings, delimiters, line ends, preambles, XLSX, ZIP.

Every function is deterministic: archives carry one fixed moment instead of the time of making.
"""

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePath
from typing import Literal

from lxml import etree
from openpyxl import Workbook

from gateway.samples.drawing import Cell, Document, SampleTable
from gateway.samples.people import data

Form = Literal["table", "xml", "lines"]

ALL_FORMS: frozenset[Form] = frozenset({"table", "xml", "lines"})
_MOMENT = (2026, 6, 15, 7, 30, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How to write a document as bytes. A setting for another kind of document has no effect.

    `spreadsheet`: a table as saved by a spreadsheet program, with a line naming the delimiter, and empty
    columns and rows at the edges. `worn`: a table as handled by people, with headings in capitals between
    spaces, and the first column moved to the end. `cover`: a sheet of words before the table. `notes`: a last
    column of text with line ends. `commented`: XML with a comment and a processing instruction before its
    root, and Windows line ends. `suits`: the kinds of document that it may be used for.
    """

    name: str = ""
    encoding: Literal["utf-8", "utf-8-sig", "utf-16", "windows-1252"] = "utf-8"
    delimiter: str = ","
    line_end: str = "\r\n"
    dates: str = "%d/%m/%Y"
    quote_all: bool = False
    preamble: bool = False
    notes: bool = False
    spreadsheet: bool = False
    worn: bool = False
    cover: bool = False
    commented: bool = False
    pretty: bool = True
    container: Literal["", "xlsx", "zip"] = ""
    suits: frozenset[Form] = ALL_FORMS


PRESENTATIONS: tuple[Presentation, ...] = tuple(
    Presentation(**each | {"suits": frozenset(each.get("suits", ALL_FORMS))})
    for each in data("layouts")["presentations"]
)
PLAIN = PRESENTATIONS[0]


def present(document: Document, name: str, presentation: Presentation) -> tuple[str, bytes]:
    """Return the name (its suffix fitted to the container) and the bytes of `document`."""
    if isinstance(document, SampleTable) and presentation.container == "xlsx":
        return str(PurePath(name).with_suffix(".xlsx")), _xlsx(document, presentation)
    content = _plain(document, presentation)
    if presentation.container == "zip":
        return str(PurePath(name).with_suffix(".zip")), zipped({name: content})
    return name, content


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a ZIP archive of files (`members`, by name) in order, all with the same date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _plain(document: Document, presentation: Presentation) -> bytes:
    if isinstance(document, SampleTable):
        out = io.StringIO(newline="")
        if presentation.spreadsheet:
            out.write(f"sep={presentation.delimiter}{presentation.line_end}")
        writer = csv.writer(
            out,
            delimiter=presentation.delimiter,
            lineterminator=presentation.line_end,
            quoting=csv.QUOTE_ALL if presentation.quote_all else csv.QUOTE_MINIMAL,
        )
        for line in _grid(document, presentation):
            writer.writerow(
                [cell.strftime(presentation.dates) if isinstance(cell, date) else cell for cell in line]
            )
        return out.getvalue().encode(presentation.encoding)
    if isinstance(document, list):
        return "".join(line + "\r\n" for line in document).encode("windows-1252")
    bom = presentation.encoding == "utf-8-sig"
    encoding = "utf-8" if bom else presentation.encoding
    if presentation.commented:
        document.addprevious(etree.Comment(" Exported for the local authority "))
        document.addprevious(etree.ProcessingInstruction("xml-stylesheet", "href='view.xsl'"))
    content: bytes = etree.tostring(
        document.getroottree(), encoding=encoding, xml_declaration=True, pretty_print=presentation.pretty
    )
    if presentation.commented:
        content = content.replace(b"\n", b"\r\n")
    return b"\xef\xbb\xbf" + content if bom else content


def _grid(table: SampleTable, presentation: Presentation) -> list[list[Cell]]:
    """Return all lines of the table as written, from the preamble to the last row."""
    header, rows = table.header, table.rows
    if presentation.notes:
        header = [*header, "Notes"]
        rows = [[*row, f'Line one of "row {n}"\nline two, after it'] for n, row in enumerate(rows, 1)]
    if presentation.worn:
        header = [f" {heading.upper()} " for heading in [*header[1:], header[0]]]
        rows = [[*row[1:], row[0]] for row in rows]
    above: list[list[Cell]] = [["Exported for the local authority"], []] if presentation.preamble else []
    grid: list[list[Cell]] = [*above, *table.preamble, list(header), *rows]
    if not presentation.spreadsheet:
        return grid
    # Lines of equal width, and two empty columns and rows at the edges.
    width = max(len(line) for line in grid) + 2
    return [[*line, *[None] * (width - len(line))] for line in [*grid, [], []]]


def _xlsx(table: SampleTable, presentation: Presentation) -> bytes:
    """Return the table as an XLSX workbook with date cells, without its time of making."""
    book = Workbook(write_only=True)
    if presentation.cover:
        book.create_sheet("Read me").append(["Exported for the local authority", "Please keep it safe"])
    sheet = book.create_sheet("Export")
    for line in _grid(table, presentation):
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    root = etree.fromstring(members["docProps/core.xml"])
    for node in root.iter("{http://purl.org/dc/terms/}created", "{http://purl.org/dc/terms/}modified"):
        node.text = datetime(*_MOMENT).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ001 - one fixed moment
    members["docProps/core.xml"] = bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))
    return zipped(members)
