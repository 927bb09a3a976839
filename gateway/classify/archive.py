"""ZIP archives: a workbook, or files each to be read, with nothing hidden beside them."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, cast

from gateway.classify.calamine import in_memory
from gateway.classify.content import (
    Source,
    encoding_of,
    head_of,
    locked,
    malformed,
    size_of,
    unknown,
    utf8_chunks,
)
from gateway.classify.sensitive import Sensitive
from gateway.classify.system_files import is_system_file
from gateway.home.settings import ClassifyLimits

FORMAT = "ZIP"
FILES = 200
_STARTS = b"PK\x03\x04"
_ENDS = b"PK\x05\x06"
_END_LENGTH = 22
_LONGEST_WORD = 100
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def is_archive(content: BinaryIO) -> bool:
    """Return True where the content starts like a ZIP archive."""
    return head_of(content, len(_STARTS)) == _STARTS


@contextmanager
def opened(content: BinaryIO, limits: ClassifyLimits) -> Iterator[zipfile.ZipFile]:
    """Open the archive in a content, after checking the limits and before unpacking anything.

    Errors of reading members inside the `with` are raised as Unreadable too.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            _check(content, archive, limits)
            yield archive
    except _BROKEN:
        raise malformed("the archive is damaged", format=FORMAT) from None


def _check(content: BinaryIO, archive: zipfile.ZipFile, limits: ClassifyLimits) -> None:
    members = archive.infolist()
    size = size_of(content)
    content.seek(max(0, size - _END_LENGTH))
    if not content.read().startswith(_ENDS):  # a comment would stand here
        raise malformed("something stands behind the archive", format=FORMAT)
    if not members or min(m.header_offset for m in members) != 0:
        raise malformed("something stands before the archive", format=FORMAT)
    if len({m.filename for m in members}) != len(members):
        raise malformed("an archive with two files of one name", format=FORMAT)
    if any(m.flag_bits & _ENCRYPTED for m in members):
        raise locked("an archive", format=FORMAT)
    if any(m.compress_type not in _METHODS for m in members):
        raise unknown("an archive with an unusual way of compressing", format=FORMAT)
    packed, unpacked = sum(m.compress_size for m in members), sum(m.file_size for m in members)
    if (
        packed > size
        or unpacked > limits.unpacked_bytes
        or unpacked > limits.expansion_ratio * max(packed, 1)
    ):
        raise malformed("an archive that unpacks to far more than it is", format=FORMAT)


def names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the files in an archive, without folders."""
    return [m.filename for m in archive.infolist() if not m.is_dir()]


def files(archive: zipfile.ZipFile, sensitive: Sensitive) -> list[str]:
    """Return the names of files put there by somebody, without files left by operating systems."""
    found = [name for name in names(archive) if not is_system_file(archive, name, sensitive)]
    if len(found) > FILES:
        raise unknown(f"an archive of more than {FILES} files", format=FORMAT)
    return found


def member(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Open one file of the archive as a seekable stream; seeking back unpacks again."""
    return cast(BinaryIO, archive.open(name))


def says(archive: zipfile.ZipFile, name: str, words: tuple[str, ...], limits: ClassifyLimits) -> bool:
    """Return True where an XML part contains one of these words: much quicker than parsing."""
    wanted, end = tuple(map(str.encode, words)), b""
    with member(archive, name) as part:
        for piece in utf8_chunks(Source(part, encoding_of(part), limits)):
            beginning = end + piece[:_LONGEST_WORD]
            if any(one in piece or one in beginning for one in wanted):
                return True
            end = piece[-_LONGEST_WORD:]
    return False


def unpacked(content: BinaryIO) -> BytesIO:
    """Unpack a file of an archive into memory, because seeking in a packed file unpacks each time."""
    return in_memory(content, FORMAT)
