"""Open ZIP archives safely, as a workbook or as several files, with nothing hidden inside.

Operating systems add files of their own to archives (._NAME, Thumbs.db, desktop.ini). Such a file is ignored
if it has the usual form and no readable words. With a sentence or a sensitive word, it counts as any other.

A workbook may contain only the parts and relations (links between parts) listed in this module: a spreadsheet
program follows relations, so a part with a harmless name may be something else. Programs also show
properties, page headers and hints to every reader, so such texts are searched for sensitive topics; no view
contains any.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from struct import error, unpack_from
from typing import BinaryIO, Literal, cast
from zipfile import ZipFile

from gateway.classify import markup
from gateway.classify.content import (
    BROKEN,
    Source,
    active,
    encoding_of,
    locked,
    malformed,
    part_called,
    unknown,
    utf8_chunks,
)
from gateway.classify.report_wording import is_free_text
from gateway.classify.sensitive import Sensitive
from gateway.home.settings import ClassifyLimits

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


def _is_system_file(archive: zipfile.ZipFile, name: str, sensitive: Sensitive) -> bool:
    """Return True if an operating system left the file `name`: known by name and form, at most 1 MiB.
    False if the file contains a sentence or a sensitive word.
    """
    if archive.getinfo(name).file_size > _MOST_BYTES:
        return False
    last = name.rpartition("/")[2].casefold()
    is_apples = last.startswith("._") or name.startswith("__MACOSX/")
    if not is_apples and last not in {".ds_store", "thumbs.db", "desktop.ini"}:
        return False
    content = archive.read(name)
    if not _has_its_form(content, last, is_apples=is_apples):
        return False
    # Words may be written in ASCII or in UTF-16.
    wide = [content[at:].decode(way, "replace") for way in ("utf-16-le", "utf-16-be") for at in (0, 1)]
    found = (words for text in (content.decode("ascii", "replace"), *wide) for words in _WORDS.findall(text))
    said = (" ".join(words.split()) for words in found)
    return not any(is_free_text(words) or sensitive.of_text(words) for words in said)


def _has_its_form(content: bytes, name: str, *, is_apples: bool) -> bool:
    if name == "thumbs.db":
        is_document = any(name in content for name in _DOCUMENTS)
        return content.startswith(_THUMBNAILS) and _CATALOGUE in content and not is_document
    if name == "desktop.ini":
        encoding = "utf-16" if content.startswith(b"\xff\xfe") else "latin-1"
        return content.decode(encoding, "replace").strip().casefold().startswith(_DESKTOP_INI)
    if content.startswith(_DESKTOP_STORE) or not (is_apples and content.startswith(_APPLE_DOUBLE)):
        return content.startswith(_DESKTOP_STORE)
    try:
        (count,) = unpack_from(">H", content, _ENTRIES_AT)
        entries = [unpack_from(">III", content, _ENTRIES_FROM + n * _ENTRY_LENGTH) for n in range(count)]
    except error:
        return False
    ends = [_ENTRIES_FROM + count * _ENTRY_LENGTH, *(at + length for _, at, length in entries)]
    return all(kind in _ENTRY_IDS for kind, _, _ in entries) and max(ends) == len(content)


FORMAT = "ZIP"
FILES = 200
STARTS = b"PK\x03\x04"
_ENDS = b"PK\x05\x06"
_END_LENGTH = 22
_LONGEST_WORD = 100
_ENCRYPTED = 0x1
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@contextmanager
def opened(content: BinaryIO, limits: ClassifyLimits) -> Iterator[zipfile.ZipFile]:
    """Open `content` as a ZIP archive; unpack nothing. Raises Unreadable if the archive is damaged, encrypted
    or beyond the limits, and also for an error of reading a file inside the `with` block.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            members = archive.infolist()
            size = content.seek(0, 2)
            content.seek(max(0, size - _END_LENGTH))
            if not content.read().startswith(_ENDS):  # a comment would stand here
                raise malformed("something stands behind the archive", format=FORMAT)
            if not members or min(m.header_offset for m in members) != 0:
                raise malformed("something stands before the archive", format=FORMAT)
            if len({m.filename for m in members}) != len(members):
                raise malformed("an archive with two files of one name", format=FORMAT)
            if not all(m.filename for m in members):
                raise malformed("an archive with a file without a name", format=FORMAT)
            if any(m.flag_bits & _ENCRYPTED for m in members):
                raise locked("an archive", format=FORMAT)
            if any(m.compress_type not in METHODS for m in members):
                raise unknown("an archive with an unusual way of compressing", format=FORMAT)
            packed, unpacked = sum(m.compress_size for m in members), sum(m.file_size for m in members)
            if packed > size or unpacked > min(limits.unpacked_bytes, limits.expansion_ratio * packed):
                raise malformed("an archive that unpacks to far more than it is", format=FORMAT)
            yield archive
    except BROKEN:
        raise malformed("the archive is damaged", format=FORMAT) from None


def names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the files in an archive, without folders."""
    return [m.filename for m in archive.infolist() if not m.is_dir()]


def files(archive: zipfile.ZipFile, sensitive: Sensitive) -> list[str]:
    """Return the names of the files in an archive, except the files that operating systems added."""
    found = [name for name in names(archive) if not _is_system_file(archive, name, sensitive)]
    if len(found) > FILES:
        raise unknown(f"an archive of more than {FILES} files", format=FORMAT)
    return found


def member(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Open a file of the archive as a seekable stream; a seek backwards unpacks it from the start again."""
    return cast(BinaryIO, archive.open(name))


def contains_word(
    archive: zipfile.ZipFile, name: str, words: tuple[str, ...], limits: ClassifyLimits
) -> bool:
    """Search the XML part `name` of an archive, unparsed; return True if any of `words` (ASCII) is found."""
    wanted, end = tuple(map(str.encode, words)), b""
    with member(archive, name) as part:
        for piece in utf8_chunks(Source(part, encoding_of(part), limits)):
            beginning = end + piece[:_LONGEST_WORD]
            if any(one in piece or one in beginning for one in wanted):
                return True
            end = piece[-_LONGEST_WORD:]
    return False


_CUSTOM_BYTES = 64 * 1024
_ALLOWED = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels"
    r"|docProps/(?:app|core|custom)\.xml|docMetadata/LabelInfo\.xml|docProps/thumbnail\.(?:wmf|emf|jpeg|png)"
    r"|customXml/(?:_rels/)?item(?:Props)?\d{1,3}\.xml(?:\.rels)?"
    r"|xl/(?:workbook|styles|sharedStrings|calcChain|metadata)\.(?:xml|bin)"
    r"|xl/_rels/workbook\.(?:xml|bin)\.rels|xl/theme/theme\d{1,3}\.xml|xl/persons/person\d{0,3}\.xml"
    r"|xl/worksheets/sheet\d{1,3}\.(?:xml|bin)|xl/worksheets/_rels/sheet\d{1,3}\.(?:xml|bin)\.rels"
    r"|xl/worksheets/binaryIndex\d{1,3}\.bin|xl/tables/table\d{1,3}\.(?:xml|bin)"
    r"|xl/printerSettings/printerSettings\d{1,3}\.bin"
)
# Last word of a relation's type.
_RELATIONS = frozenset((
    "officeDocument", "core-properties", "extended-properties", "custom-properties", "thumbnail", "worksheet",
    "styles", "theme", "sharedStrings", "calcChain", "table", "printerSettings", "customXml",
    "customXmlProps", "person", "sheetMetadata", "xlBinaryIndex", "classificationlabels", "hyperlink",
))  # fmt: skip


def check_package(book: ZipFile, limits: ClassifyLimits, format: str) -> None:  # noqa: A002
    """Raise Unreadable if a workbook of this format contains a part or relation not needed by its sheets."""
    for member in book.infolist():
        if member.is_dir():
            continue
        custom = member.filename.startswith("customXml/") and member.file_size > _CUSTOM_BYTES
        if custom or not _ALLOWED.fullmatch(member.filename):
            raise active(part_called(member.filename, "package"), format=format)
    for name in names(book):
        if name.endswith(".rels"):
            for relation in records(book, name, ("Relationship",), limits):
                kind = relation.get("Type", "").rpartition("/")[2]
                if kind not in _RELATIONS:
                    raise active("a part of no known kind", format=format)
                # A mail address typed into a cell becomes a link by itself, and reaches nobody yet.
                mail = kind == "hyperlink" and relation.get("Target", "").casefold().startswith("mailto:")
                if relation.get("TargetMode", "").casefold() == "external" and not mail:
                    raise active("links to other files", format=format)


Place = Literal["page", "cell", "book"]
"""Place of a text: a page's header or footer, cells showing other text, or elsewhere."""

_LONGEST = 4_000
# Elements with texts for people, by the name of the part.
_PROPERTIES = (
    "title", "subject", "description", "keywords", "keyword", "category", "contentStatus", "user-defined",
)  # fmt: skip
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
    """Yield each text shown by a workbook beside its cells, with the place of the text.
    Examples are page headers, titles, names of ranges and hints. Raises Unreadable for malformed XML.
    """
    for name in names(book):
        elements = next((names for pattern, names in _PARTS if pattern.fullmatch(name)), ())
        if _CUSTOM.fullmatch(name):
            with member(book, name) as part:
                elements = (markup.local_name(markup.root_of(Source(part, encoding_of(part), limits))),)
        if elements and contains_word(book, name, elements, limits):
            for found in records(book, name, elements, limits):
                yield from ((place, text[:_LONGEST]) for place, text in _texts(found) if text.strip())


def _texts(found: markup.Element) -> Iterator[tuple[Place, str]]:
    name = markup.local_name(found.tag)
    if name == "headerFooter":
        headers = ((each.text or "").replace("&&", "\n") for each in found)
        for section in (one for each in headers for one in _SECTION.split(each)):
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


def records(
    book: ZipFile,
    name: str,
    elements: tuple[str, ...],
    limits: ClassifyLimits,
    encodings: dict[str, str] | None = None,
) -> Iterator[markup.Element]:
    """Yield each element named in `elements` from the XML part `name`. Raises Unreadable for malformed XML.
    `encodings` keeps the codec of each part, to spare the search for it in a second reading.
    """
    with member(book, name) as part:
        known = (encodings or {}).get(name)
        source = Source(part, known or encoding_of(part), limits)
        if known is None:
            markup.root_of(source)
            if encodings is not None:
                encodings[name] = source.encoding
        yield from markup.records(source, elements)
