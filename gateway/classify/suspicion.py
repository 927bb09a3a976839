"""Search content of unknown type for sensitive topics.

Such content waits for a person; the topics decide for which people. Any content is searched as rows of
text: the words (sensitive.toml) are readable in texts, tables, markup, parts of archives and office
documents, and in old office documents. Pictures and most PDFs reveal nothing.
"""

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from gateway.classify.content import Unreadable, encoding_of
from gateway.classify.sensitive import Sensitive

_BYTES = 1024**2
_MEMBERS = 40
_TEXT_MEMBERS = (".xml", ".csv", ".txt", ".tsv", ".htm", ".html", ".json", ".rtf")
_OLD_DOCUMENT = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
# Element names in these parts are an Office program's own words (savePreviewPicture), nobody's headings.
_OFFICE_TYPES = "[Content_Types].xml"
_OFFICE_PARTS = (_OFFICE_TYPES, "_rels/", "docProps/", "word/", "ppt/", "xl/")
_TAG = re.compile(r"<[^<>]*>")
_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,30}:)?([A-Za-z_][\w.-]{1,60})")  # without its prefix
_CONTROLS, _MOST_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]"), 0.02
_RUNS = re.compile(r"[\t\n\r -~]{16,}")
_CELLS = re.compile(r"[,;\t|\"\n]+")
_HEADINGS_WITHIN = 128 * 1024
_NAME_LENGTH = 40
_TABLE_CELLS = 3
# Notes at cells: people's own words, of any length.
_NOTES = re.compile(r"<(?:[\w.-]{1,30}:)?(?:comments|ThreadedComments|annotation)\b")


def topics_in(content: BinaryIO, sensitive: Sensitive) -> tuple[str, ...]:
    """Return the likely topics of a content, in the gateway's words; mostly none. Never raises."""
    found: dict[str, None] = {}
    for text, elements in _texts(content):
        found |= dict.fromkeys(_topics(text, sensitive, elements=elements))
    return tuple(found)


def _topics(text: str, sensitive: Sensitive, *, elements: bool) -> Iterator[str]:
    start = text[:_HEADINGS_WITHIN]
    marked = start.lstrip("\ufeff \r\n\t").startswith("<")
    names = _ELEMENT.findall(start) if marked and elements else []
    longest = _NAME_LENGTH
    if marked and _NOTES.search(start):
        start, longest = text, len(text)
    plain = _TAG.sub("\n", start) if marked else start
    for name in dict.fromkeys((*names, *_names(plain, longest, marked=marked))):
        if topic := sensitive.of_name(name):
            yield topic
    if topic := sensitive.of_text(text):
        yield topic


def _names(text: str, longest: int, *, marked: bool) -> Iterator[str]:
    """Yield possible headings: short texts between tags, and short cells of rows with several."""
    for line in text.splitlines():
        cells = [line] if marked else _CELLS.split(line)
        if marked or len(cells) >= _TABLE_CELLS:
            yield from (name for cell in cells if (name := cell.strip()) and len(name) <= longest)


def _texts(content: BinaryIO) -> Iterator[tuple[str, bool]]:
    """Yield each text of a content, and True where its element names may be about pupils."""
    content.seek(0)
    head = content.read(_BYTES)
    if head.startswith(_ZIP):
        yield from _members(content)
    elif head.startswith(_OLD_DOCUMENT):
        yield head.decode("latin-1"), True
        yield head.decode("utf-16-le", "replace"), True
        yield head[1:].decode("utf-16-le", "replace"), True
    else:
        try:
            encoding = encoding_of(content)
        except Unreadable:
            encoding = "latin-1"
        yield _readable(head.decode(encoding, "replace")), True


def _readable(text: str) -> str:
    """Return a text; of what is none, its longer runs alone, because abbreviations stand in it by chance."""
    if len(_CONTROLS.findall(text)) <= _MOST_CONTROLS * len(text):
        return text
    return "\n".join(_RUNS.findall(text))


def _members(content: BinaryIO) -> Iterator[tuple[str, bool]]:
    try:
        with zipfile.ZipFile(content) as packed:
            texts = [one for one in packed.infolist() if one.filename.casefold().endswith(_TEXT_MEMBERS)]
            office = _OFFICE_TYPES in packed.namelist()
            left = _BYTES
            for one in texts[:_MEMBERS]:
                with packed.open(one) as member:
                    read = member.read(left)
                left -= len(read)
                own = office and one.filename.startswith(_OFFICE_PARTS)
                yield read.decode("utf-8", "replace"), not own
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError, ValueError):
        return  # An unreadable archive reveals nothing; the decision to wait is already made.
