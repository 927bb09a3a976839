"""Containers of contents: the sheets of a workbook, the files of an archive, or one text."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple
from zipfile import ZipFile

from gateway.classify import archive, binary_workbook, old_workbook, opendocument, workbook
from gateway.classify.archive import Place
from gateway.classify.calamine import in_memory
from gateway.classify.delimited import Sheet
from gateway.home.settings import ClassifyLimits


class Workbook(NamedTuple):
    """The sheets of a workbook, its format, and the texts that it shows beside cells."""

    sheets: list[Sheet]
    format: str
    beside: Iterable[tuple[Place, str]] = ()


@contextmanager
def opened(content: BinaryIO, limits: ClassifyLimits) -> Iterator[Workbook | ZipFile | None]:
    """Open a content: as a workbook, as an archive of files, or as None for a text."""
    if old_workbook.is_old_workbook(content):
        yield Workbook(old_workbook.sheets_of(content, limits), old_workbook.FORMAT)
    elif not archive.is_archive(content):
        yield None
    else:
        with archive.opened(content, limits) as packed:
            names, beside = archive.names(packed), archive.texts_in(packed, limits)
            if workbook.is_workbook(names):
                yield Workbook(workbook.sheets_of(packed, limits), workbook.FORMAT, beside)
            elif binary_workbook.is_workbook(names):
                sheets = binary_workbook.sheets_of(content, packed, limits)
                yield Workbook(sheets, binary_workbook.FORMAT, beside)
            elif opendocument.is_spreadsheet(packed):
                yield Workbook(opendocument.sheets_of(packed, limits), opendocument.FORMAT, beside)
            else:
                yield packed


@contextmanager
def file_in(packed: ZipFile, name: str) -> Iterator[BinaryIO]:
    """Open a file of an archive. A packed one is in memory, because seeking in it would unpack each time."""
    with archive.member(packed, name) as content:
        if not is_packed(content):
            yield content
            return
        with in_memory(content, archive.FORMAT) as unpacked:
            yield unpacked


def is_packed(content: BinaryIO) -> bool:
    """Return True for an archive, or a file of an old Office program."""
    return archive.is_archive(content) or old_workbook.is_old_workbook(content)
