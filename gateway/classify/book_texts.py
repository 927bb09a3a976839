"""What a packed workbook says beside its cells: properties, headers and footers of pages, hints at cells.

A spreadsheet program shows these to whoever opens the file, so they are read for what they may be about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zipfile import ZipFile

from gateway.classify import archive, markup
from gateway.classify.content import Source, encoding_of, utf8_chunks
from gateway.home.settings import ClassifyLimits

_LONGEST = 4_000
# By the name of a part: the elements in it that hold texts for people.
_PROPERTIES = (
    "title",
    "subject",
    "description",
    "keywords",
    "keyword",
    "category",
    "contentStatus",
    "user-defined",
)
_PARTS = (
    (re.compile(r"docProps/core\.xml|meta\.xml"), _PROPERTIES),
    (re.compile(r"docProps/custom\.xml"), ("property",)),
    (re.compile(r"xl/workbook\.xml"), ("definedName",)),
    (re.compile(r"xl/worksheets/sheet\d+\.xml"), ("headerFooter", "dataValidation")),
    (re.compile(r"styles\.xml"), ("header", "footer", "header-left", "footer-left")),
)
_CUSTOM = re.compile(r"customXml/item\d+\.xml")


def texts_in(book: ZipFile, limits: ClassifyLimits) -> Iterator[str]:
    """The texts beside the cells, each bounded. Raises Unreadable where a part is no correct XML."""
    for name in archive.names(book):
        elements = next((names for pattern, names in _PARTS if pattern.fullmatch(name)), ())
        if _CUSTOM.fullmatch(name):
            elements = (_root(book, name, limits),)
        if elements and _says(book, name, elements, limits):
            for found in _records(book, name, elements, limits):
                yield " ".join((*found.itertext(), *found.attrib.values()))[:_LONGEST]


def _root(book: ZipFile, name: str, limits: ClassifyLimits) -> str:
    with archive.member(book, name) as part:
        return markup.local_name(markup.root_of(Source(part, encoding_of(part), limits)))


def _says(book: ZipFile, name: str, elements: tuple[str, ...], limits: ClassifyLimits) -> bool:
    """Whether a part holds these names at all: much quicker than to parse it, and most sheets hold none."""
    wanted, end = tuple(element.encode() for element in elements), b""
    with archive.member(book, name) as part:
        for piece in utf8_chunks(Source(part, encoding_of(part), limits)):
            if any(one in end + piece for one in wanted):
                return True
            end = piece[-_LONGEST:]
    return False


def _records(
    book: ZipFile, name: str, elements: tuple[str, ...], limits: ClassifyLimits
) -> Iterator[markup.Element]:
    with archive.member(book, name) as part:
        source = Source(part, encoding_of(part), limits)
        markup.root_of(source)
        yield from markup.records(source, elements)
