"""Write a clean new workbook (XLSX, ECMA-376): sheets of text cells, and nothing else.

No formula, macro, link, hidden sheet or property is taken over from the original workbook. Each cell is an
inline string, which no spreadsheet program runs. Libraries for writing workbooks hold everything in memory
or keep parts in files on disk, and add the time of day; so the few parts are written here, by `zipfile` and
lxml's incremental writer.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from typing import IO, cast

from lxml import etree

from gateway.classify.views.tables import Batches, Write

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PACKAGE = "application/vnd.openxmlformats-package.relationships+xml"
_XML = "{http://www.w3.org/XML/1998/namespace}space"
_NAMES = {None: _MAIN}
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_SINCE = (1980, 1, 1, 0, 0, 0)  # Equal at every reading.


class WorkbookWriter:
    """Write tables as the sheets of one workbook; `close` completes the workbook."""

    def __init__(self, write: Write) -> None:
        self._book = zipfile.ZipFile(Stream(write), "w", zipfile.ZIP_DEFLATED)
        self._sheets = 0

    def table(self, header: Sequence[str], batches: Batches) -> None:
        """Write one sheet."""
        self._sheets += 1
        with (
            self._book.open(entry(f"xl/worksheets/sheet{self._sheets}.xml"), "w", force_zip64=True) as part,
            etree.xmlfile(part, encoding="utf-8") as xml,
        ):
            xml.write_declaration(standalone=True)
            with xml.element(f"{{{_MAIN}}}worksheet", nsmap=_NAMES), xml.element(f"{{{_MAIN}}}sheetData"):
                xml.write(_row(header))
                for columns in batches:
                    for row in zip(*columns, strict=True):
                        xml.write(_row(row))

    def close(self) -> None:
        """Write the list of sheets and the end of the workbook."""
        numbers = range(1, self._sheets + 1)
        self._part("xl/workbook.xml", _workbook(numbers))
        sheets = [f"worksheets/sheet{n}.xml" for n in numbers]
        self._part("xl/_rels/workbook.xml.rels", _related("worksheet", sheets))
        self._part("_rels/.rels", _related("officeDocument", ["xl/workbook.xml"]))
        self._part("[Content_Types].xml", _types(numbers))
        self._book.close()

    def _part(self, name: str, root: etree._Element) -> None:
        text = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
        self._book.writestr(entry(name), text)


class Stream(io.RawIOBase):
    """Write-only stream for archives, so that no seeking is needed."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._give = write

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        """Pass all of the data on."""
        piece = bytes(data)
        self._give(piece)
        return len(piece)


def entry(name: str) -> zipfile.ZipInfo:
    """Return an archive member without the time of day, equal at every reading."""
    made = zipfile.ZipInfo(name, _SINCE)
    made.compress_type = zipfile.ZIP_DEFLATED
    made.external_attr = 0o600 << 16
    return made


def _row(cells: Sequence[str]) -> etree._Element:
    row = etree.Element(f"{{{_MAIN}}}row", nsmap=_NAMES)
    for text in cells:
        cell = etree.SubElement(row, f"{{{_MAIN}}}c")
        if text:
            cell.set("t", "inlineStr")
            words = etree.SubElement(etree.SubElement(cell, f"{{{_MAIN}}}is"), f"{{{_MAIN}}}t")
            # A text without characters that cannot be written in XML.
            words.text = text if text.isprintable() else _UNWRITABLE.sub("", text)
            words.set(_XML, "preserve")
    return row


def _workbook(numbers: range) -> etree._Element:
    root = etree.Element(f"{{{_MAIN}}}workbook", nsmap={None: _MAIN, "r": _OFFICE})
    sheets = etree.SubElement(root, f"{{{_MAIN}}}sheets")
    for number in numbers:
        sheet = etree.SubElement(sheets, f"{{{_MAIN}}}sheet", name=f"Table {number}", sheetId=str(number))
        sheet.set(f"{{{_OFFICE}}}id", f"rId{number}")
    return root


def _related(kind: str, targets: list[str]) -> etree._Element:
    root = etree.Element(f"{{{_RELATIONS}}}Relationships", nsmap={None: _RELATIONS})
    for number, target in enumerate(targets, 1):
        etree.SubElement(
            root, f"{{{_RELATIONS}}}Relationship", Id=f"rId{number}", Type=f"{_OFFICE}/{kind}", Target=target
        )
    return root


def _types(numbers: range) -> etree._Element:
    root = etree.Element(f"{{{_TYPES}}}Types", nsmap={None: _TYPES})
    etree.SubElement(root, f"{{{_TYPES}}}Default", Extension="rels", ContentType=_PACKAGE)
    sheets = {f"/xl/worksheets/sheet{n}.xml": "worksheet" for n in numbers}
    parts = {"/xl/workbook.xml": "sheet.main", **sheets}
    for name, kind in parts.items():
        etree.SubElement(root, f"{{{_TYPES}}}Override", PartName=name, ContentType=f"{_KIND}.{kind}+xml")
    return root


def stream(write: Write) -> IO[bytes]:
    """Return a stream passing on everything written."""
    return cast("IO[bytes]", Stream(write))
