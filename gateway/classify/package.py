"""Check a workbook's archive for active, fetching or hidden content beside the sheets.

Parts and relations must both be on the lists below. A spreadsheet program follows relations, so a part with
a harmless name is checked by its relations too.
"""

import re
from collections.abc import Iterator
from zipfile import ZipFile

from gateway.classify import archive, markup
from gateway.classify.content import Source, active, encoding_of
from gateway.home.settings import ClassifyLimits

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
_RELATIONS = frozenset(
    [
        "officeDocument",
        "core-properties",
        "extended-properties",
        "custom-properties",
        "thumbnail",
        "worksheet",
        "styles",
        "theme",
        "sharedStrings",
        "calcChain",
        "table",
        "printerSettings",
        "customXml",
        "customXmlProps",
        "person",
        "sheetMetadata",
        "xlBinaryIndex",
        "classificationlabels",
        "hyperlink",
    ]
)
# Description of an unlisted part, by the beginning of its name (in lower case).
_KINDS = (
    ("xl/vbaproject", "macros"),
    ("xl/macrosheets", "macros"),
    ("xl/dialogsheets", "macros"),
    ("xl/externallinks", "links to other files"),
    ("xl/connections", "connections to other sources of data"),
    ("xl/querytables", "connections to other sources of data"),
    ("xl/model", "connections to other sources of data"),
    ("xl/embeddings", "embedded objects"),
    ("xl/activex", "embedded controls"),
    ("xl/ctrlprops", "embedded controls"),
    ("xl/comments", "comments"),
    ("xl/threadedcomments", "comments"),
    ("xl/pivot", "pivot tables, which hold copies of their data"),
    ("xl/media", "pictures or drawings"),
    ("xl/drawings", "pictures or drawings"),
    ("xl/charts", "pictures or drawings"),
    ("xl/chartsheets", "pictures or drawings"),
)


def check_package(book: ZipFile, limits: ClassifyLimits, format: str) -> None:  # noqa: A002
    """Raise Unreadable where a workbook's archive holds more than sheets and their supporting parts."""
    for member in book.infolist():
        if member.is_dir():
            continue
        custom = member.filename.startswith("customXml/") and member.file_size > _CUSTOM_BYTES
        if custom or not _ALLOWED.fullmatch(member.filename):
            raise active(_kind_of(member.filename), format=format)
    for name in archive.names(book):
        if name.endswith(".rels"):
            for relation in _relations(book, name, limits):
                _check_relation(relation, format)


def _kind_of(name: str) -> str:
    low = name.casefold()
    return next((kind for start, kind in _KINDS if low.startswith(start)), "a part of no known kind")


def _relations(book: ZipFile, name: str, limits: ClassifyLimits) -> Iterator[markup.Element]:
    with archive.member(book, name) as part:
        source = Source(part, encoding_of(part), limits)
        markup.root_of(source)
        yield from markup.records(source, ("Relationship",))


def _check_relation(relation: markup.Element, format: str) -> None:  # noqa: A002
    kind = relation.get("Type", "").rpartition("/")[2]
    outside = relation.get("TargetMode", "").casefold() == "external"
    if kind not in _RELATIONS:
        raise active("a part of no known kind", format=format)
    # A mail address typed into a cell becomes a link by itself, and reaches nobody until followed.
    if outside and not (kind == "hyperlink" and relation.get("Target", "").casefold().startswith("mailto:")):
        raise active("links to other files", format=format)
