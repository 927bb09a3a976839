"""Texts of a packed workbook beside its cells: properties, page headers and footers, hints at cells.

A spreadsheet program shows these texts to every reader, so they are searched for topics. No view holds any.
"""

import re
from collections.abc import Iterator
from typing import Literal
from zipfile import ZipFile

from gateway.classify import archive, markup
from gateway.classify.content import Source, encoding_of
from gateway.home.settings import ClassifyLimits

Place = Literal["page", "cell", "book"]
"""Place of a text: a page's header or footer, cells showing other text, or elsewhere."""

_LONGEST = 4_000
# Elements with texts for people, by the name of the part.
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
_PAGES_OF_OPENDOCUMENT = ("header", "footer", "header-left", "footer-left")
_PARTS = (
    (re.compile(r"docProps/core\.xml|meta\.xml"), _PROPERTIES),
    (re.compile(r"docProps/custom\.xml"), ("property",)),
    (re.compile(r"xl/workbook\.xml"), ("definedName",)),
    (re.compile(r"xl/worksheets/sheet\d+\.xml"), ("headerFooter", "dataValidation", "rPh", "cfRule")),
    (re.compile(r"xl/sharedStrings\.xml"), ("rPh",)),
    (re.compile(r"xl/styles\.xml"), ("numFmt",)),
    (re.compile(r"styles\.xml"), _PAGES_OF_OPENDOCUMENT),
)
_CUSTOM = re.compile(r"customXml/item\d+\.xml")
# ECMA-376 part 1, 18.3.1.46: &L, &C and &R begin a section, the others are fonts, sizes, colours and
# fields.
_SECTION = re.compile(r"&[LCR]", re.IGNORECASE)
_PAGE_CODE = re.compile(
    r'&(?:"[^"]*"|K(?:[0-9A-F]{6}|\d\d[+-]\d{3})|\d{1,3}|[A-Z])', re.IGNORECASE | re.ASCII
)
# In a number format or a formula, words stand in quotation marks or behind backslashes.
_LITERAL = re.compile(r'"([^"]*)"|((?:\\.)+)')


def texts_in(book: ZipFile, limits: ClassifyLimits) -> Iterator[tuple[Place, str]]:
    """Yield the texts beside the cells with their place. Raises Unreadable where a part is malformed XML."""
    for name in archive.names(book):
        elements = next((names for pattern, names in _PARTS if pattern.fullmatch(name)), ())
        if _CUSTOM.fullmatch(name):
            elements = (_root(book, name, limits),)
        if elements and archive.says(book, name, elements, limits):
            for found in _records(book, name, elements, limits):
                yield from ((place, text[:_LONGEST]) for place, text in _texts(found) if text.strip())


def _texts(found: markup.Element) -> Iterator[tuple[Place, str]]:
    name = markup.local_name(found.tag)
    if name == "headerFooter":
        for section in (
            one for each in found for one in _SECTION.split((each.text or "").replace("&&", "\n"))
        ):
            yield "page", " ".join(_PAGE_CODE.sub(" ", section).replace("\n", " & ").split())
    elif name in _PAGES_OF_OPENDOCUMENT:
        yield "page", " ".join(found.itertext())
    elif name == "rPh":
        yield "cell", "".join(found.itertext())
    elif name in ("numFmt", "cfRule"):
        said = (found.get("formatCode", ""), *found.itertext())
        literals = (one[1] or one[2].replace("\\", "") for text in said for one in _LITERAL.finditer(text))
        yield "cell", " ".join((found.get("text", ""), *literals))
    else:
        yield "book", " ".join((*found.itertext(), *found.attrib.values()))


def _root(book: ZipFile, name: str, limits: ClassifyLimits) -> str:
    with archive.member(book, name) as part:
        return markup.local_name(markup.root_of(Source(part, encoding_of(part), limits)))


def _records(
    book: ZipFile, name: str, elements: tuple[str, ...], limits: ClassifyLimits
) -> Iterator[markup.Element]:
    with archive.member(book, name) as part:
        source = Source(part, encoding_of(part), limits)
        markup.root_of(source)
        yield from markup.records(source, elements)
