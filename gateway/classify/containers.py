"""Tell a workbook, an archive of files and a text apart, and open workbooks and archives."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple
from zipfile import ZipFile

from gateway.classify import archive, binary_workbooks, opendocument, workbook
from gateway.classify.archive import Place
from gateway.classify.binary_workbooks import XLS, XLSB, XLSB_PARTS, in_memory, is_old_document
from gateway.classify.delimited import Sheet
from gateway.home.settings import ClassifyLimits


class Workbook(NamedTuple):
    """The sheets of a workbook, its format, and the texts that it shows beside cells."""

    sheets: list[Sheet]
    format: str
    beside: Iterable[tuple[Place, str]] = ()


@contextmanager
def opened(content: BinaryIO, limits: ClassifyLimits) -> Iterator[Workbook | ZipFile | None]:
    """Yield the workbook or archive in a content, None for anything else. Raises Unreadable if faulty."""
    if is_old_document(content):
        yield Workbook(binary_workbooks.sheets_of_xls(content, limits), XLS)
    elif not archive.is_archive(content):
        yield None
    else:
        with archive.opened(content, limits) as packed:
            names, beside = archive.names(packed), archive.texts_in(packed, limits)
            if workbook.PARTS.issubset(names):
                yield Workbook(workbook.sheets_of(packed, limits), workbook.FORMAT, beside)
            elif XLSB_PARTS.issubset(names):
                sheets = binary_workbooks.sheets_of_xlsb(content, packed, limits)
                yield Workbook(sheets, XLSB, beside)
            elif opendocument.is_spreadsheet(packed):
                yield Workbook(opendocument.sheets_of(packed, limits), opendocument.FORMAT, beside)
            else:
                yield packed


@contextmanager
def file_in(packed: ZipFile, name: str) -> Iterator[BinaryIO]:
    """Open a file of an archive. An archive within the archive is unpacked into memory, for quick seeking."""
    with archive.member(packed, name) as content:
        if not is_packed(content):
            yield content
            return
        with in_memory(content, archive.FORMAT) as unpacked:
            yield unpacked


def is_packed(content: BinaryIO) -> bool:
    """Return True for a ZIP archive, or a file of an Office program before 2007."""
    return archive.is_archive(content) or is_old_document(content)
