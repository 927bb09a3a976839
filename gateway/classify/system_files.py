"""Files left in archives by operating systems, recognised by form and not by name alone.

These files go to every recipient of the archive. So a leftover must have its claimed form and say nothing:
with a sentence, or a word about something sensitive, it counts as a file like any other.
"""

import re
import zipfile
from collections.abc import Iterator
from struct import error, unpack_from

from gateway.classify.sensitive import Sensitive
from gateway.classify.value_shapes import is_story

_MOST_BYTES = 1024 * 1024
# AppleDouble (RFC 1740, appendix B): a magic number, version 2, and the places of a few entries.
_APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00"
_ENTRIES_AT, _ENTRIES_FROM, _ENTRY_LENGTH, _ENTRY_IDS = 24, 26, 12, range(1, 16)
_DESKTOP_STORE = b"\x00\x00\x00\x01Bud1"
_THUMBNAILS = b"\xd0\xcf\x11\xe0"
_CATALOGUE = "Catalog".encode("utf-16-le")
_DOCUMENTS = tuple(name.encode("utf-16-le") for name in ("Workbook", "Book", "WordDocument", "PowerPoint"))
_DESKTOP_INI = ("[.shellclassinfo]", "[localizedfilenames]")
_WORDS = re.compile(r"[\w .,:;'/()&-]{6,}")


def is_system_file(archive: zipfile.ZipFile, name: str, sensitive: Sensitive) -> bool:
    """Return True where a file of an archive is a leftover, by name and content."""
    if archive.getinfo(name).file_size > _MOST_BYTES:
        return False
    last = name.rpartition("/")[2].casefold()
    is_apples = last.startswith("._") or name.startswith("__MACOSX/")
    if not is_apples and last not in {".ds_store", "thumbs.db", "desktop.ini"}:
        return False
    content = archive.read(name)
    return _has_its_form(content, last, is_apples=is_apples) and not _says_something(content, sensitive)


def _has_its_form(content: bytes, name: str, *, is_apples: bool) -> bool:
    if name == "thumbs.db":
        return content.startswith(_THUMBNAILS) and _CATALOGUE in content and not _holds_document(content)
    if name == "desktop.ini":
        encoding = "utf-16" if content.startswith(b"\xff\xfe") else "latin-1"
        return content.decode(encoding, "replace").strip().casefold().startswith(_DESKTOP_INI)
    return content.startswith(_DESKTOP_STORE) or (is_apples and _is_apple_double(content))


def _holds_document(content: bytes) -> bool:
    return any(name in content for name in _DOCUMENTS)


def _is_apple_double(content: bytes) -> bool:
    if not content.startswith(_APPLE_DOUBLE):
        return False
    try:
        (count,) = unpack_from(">H", content, _ENTRIES_AT)
        entries = [unpack_from(">III", content, _ENTRIES_FROM + n * _ENTRY_LENGTH) for n in range(count)]
    except error:
        return False
    ends = [_ENTRIES_FROM + count * _ENTRY_LENGTH, *(at + length for _, at, length in entries)]
    return all(kind in _ENTRY_IDS for kind, _, _ in entries) and max(ends) == len(content)


def _says_something(content: bytes, sensitive: Sensitive) -> bool:
    return any(is_story(words) or sensitive.of_text(words) for words in _said(content))


def _said(content: bytes) -> Iterator[str]:
    """Yield possible words in a leftover, in every encoding used by such files."""
    ways = (content.decode("ascii", "replace"), *(
        content[start:].decode(way, "replace") for way in ("utf-16-le", "utf-16-be") for start in (0, 1)
    ))  # fmt: skip
    for text in ways:
        yield from (" ".join(words.split()) for words in _WORDS.findall(text))
