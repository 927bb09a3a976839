"""Packed workbooks: the format and the sheets."""

from typing import BinaryIO
from zipfile import ZipFile

from gateway.classify import binary_workbook, opendocument, workbook
from gateway.classify.delimited import Sheet
from gateway.home.settings import ClassifyLimits


def sheets_in(
    content: BinaryIO, packed: ZipFile, names: list[str], limits: ClassifyLimits
) -> tuple[list[Sheet], str] | None:
    """Return the sheets of a packed workbook and its format; None where it is no workbook."""
    if workbook.is_workbook(names):
        return workbook.sheets_of(packed, limits), workbook.FORMAT
    if binary_workbook.is_workbook(names):
        return binary_workbook.sheets_of(content, packed, limits), binary_workbook.FORMAT
    if opendocument.is_spreadsheet(packed):
        return opendocument.sheets_of(packed, limits), opendocument.FORMAT
    return None
