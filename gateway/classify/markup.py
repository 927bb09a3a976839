"""Read XML record by record, safely, in memory that does not grow with the file.

A document type declaration is refused before the real parser sees the document, so no entity can be expanded.
The bytes between two records are limited, so no tree grows large. Depth and attributes are limited, too.

Records with the same tags are read by one plan, made once from the pieces of a record's markup (`cut`).
`cut` may split at every angle bracket, because lxml writes one in a text as `&lt;` or `&gt;`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any
from xml.parsers import expat

from lxml import etree

from gateway.classify.content import Source, beside, malformed, utf8_chunks
from gateway.home.settings import ClassifyLimits

Element = Any  # lxml carries no types.

_SAFELY: dict[str, Any] = {
    **dict.fromkeys(("no_network", "remove_blank_text", "remove_comments", "remove_pis"), True),
    **dict.fromkeys(("resolve_entities", "load_dtd", "huge_tree", "collect_ids"), False),
    "encoding": "utf-8",
}
"""Options of the parser."""
_PROLOG_BYTES = 64 * 1024
COMMENT = "<!--"
_ENDS = {b"<!--": b"-->", b"<?": b"?>", b"<![CDATA[": b"]]>"}
_BEGINS = re.compile(b"|".join(map(re.escape, _ENDS)))
_MORE = etree.XPath("boolean(.//@*)")
_MANY = etree.XPath("boolean(descendant-or-self::*[count(@*) > $most])")
# Elements in another namespace than the record's.
_ELSEWHERE = etree.XPath("boolean(descendant::*[namespace-uri() != $space])")
_SPACES = b"xmlns"
_INSTANCE, _XML = "{http://www.w3.org/2001/XMLSchema-instance}", "{http://www.w3.org/XML/1998/namespace}"
_ADDRESSES = re.compile(r"[\w:/.#-]{1,200}(\s+[\w:/.#-]{1,200}){0,9}\.xsd", re.ASCII)
_OF_MARKUP = {
    f"{_INSTANCE}nil": re.compile(r"true|false|0|1"),
    f"{_INSTANCE}schemaLocation": _ADDRESSES,
    f"{_INSTANCE}noNamespaceSchemaLocation": _ADDRESSES,
    f"{_XML}space": re.compile(r"default|preserve"),
    f"{_XML}lang": re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?"),
}
"""Attributes on how to read markup, each with its allowed values."""


def local_name(tag: str) -> str:
    """Return an element's name without its namespace."""
    return tag.rpartition("}")[2]


def root_of(source: Source) -> str:
    """Return the name of the root element; with a namespace, as NAMESPACE}NAME.
    Raises Unreadable for a document type declaration, for malformed XML before the root, or without a root.
    """
    # Expat is used for one thing lxml cannot do: stopping at the declaration, before the root.
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator="}")
    found: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        found.append(name)
        raise StopIteration  # It ends the parsing.

    def doctype(*_: object) -> None:
        raise malformed("the XML declares a document type, which may hide entities", format="XML")

    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, doctype
    fed = 0
    try:
        for piece in utf8_chunks(source):
            parser.Parse(piece, False)
            fed += len(piece)
            if fed > _PROLOG_BYTES:
                break
    except StopIteration:
        return found[0]
    except expat.ExpatError:
        raise malformed("the XML is not well formed at its beginning", format="XML") from None
    raise malformed("the XML holds no element", format="XML")


OnOutside = Callable[[str, str, str], None]
"""Function called with parent's name, name and text of each piece of content outside the records."""


def records(source: Source, names: tuple[str, ...], aside: OnOutside | None = None) -> Iterator[Element]:
    """Yield every outermost element of these names, complete, in document order; each is valid until the
    next.
    `aside` gets the parent's name, the name and the text of each attribute in a record, and of all content
    outside the records: elements, attributes, comments, text between elements. Text between a record's
    elements is left to the caller. Raises Unreadable for malformed XML or beyond a limit.
    """
    tags = tuple(f"{{*}}{name}" for name in names)
    parser = etree.XMLPullParser(events=("end",), tag=tags, **_SAFELY)
    limits, waiting, end, around = source.limits, 0, b"", None
    unparsed, spaces = _Unparsed(aside, limits.record_bytes), 0
    begins: re.Pattern[bytes] | None = re.compile(
        rb"<(?:[^<>\s/:]*+:)?(?:%s)(?=[\s/>])" % "|".join(names).encode()
    )
    try:
        for piece in utf8_chunks(source):
            parser.feed(piece)
            waiting += len(piece)
            # No attribute without this sign. Before the first record, one is not in a record.
            first = begins.search(piece) if begins is not None else None
            start = 0 if begins is None else len(piece) if first is None else first.start()
            more = piece.find(b"=", start) >= 0
            unparsed.take(piece)
            # No element has more namespaces than declared so far.
            spaces += (end + piece).count(_SPACES)
            end = piece[1 - len(_SPACES) :]
            for _, element in parser.read_events():
                parent = element.getparent()
                # An element beside a record is in no record either.
                if parent is around or next(element.iterancestors(*tags), None) is None:
                    # So is a record that began in an earlier piece.
                    if more or waiting > len(piece):
                        _look_closely(element, limits, aside, named=spaces > limits.xml_attributes)
                    waiting, begins = 0, None
                    yield element
                    _forget(element, names, aside, limits.xml_attributes, all_around=parent is not around)
                    around = parent
            if waiting > limits.record_bytes:
                raise malformed("a stretch of the XML is too long for one record", format="XML")
        root = parser.close()
        if root is not None and aside is not None:
            _tell(root, names, aside, limits.xml_attributes)
    except etree.XMLSyntaxError as error:
        raise malformed(f"the XML is not well formed at line {error.lineno}", format="XML") from None


def pupil_records(
    source: Source, names: tuple[str, ...], aside: OnOutside | None = None
) -> Iterator[Element]:
    """Yield each outermost element called one of `names`, like `records`, in a document with at most one
    namespace. Raises Unreadable for a record, or an element inside, in another namespace than the root.
    """
    space, tags = "", frozenset[str]()
    for record in records(source, names, aside):
        if not tags:
            root = record.getroottree().getroot().tag
            space = root[: root.rfind("}") + 1]
            tags = frozenset(map(space.__add__, names))
        if record.tag not in tags or (space and _ELSEWHERE(record, space=space[1:-1])):
            raise beside("elements of several namespaces", format="XML")
        yield record


class _Unparsed:
    """Finds comments and processing instructions: the parser drops them, but people see them.
    Each may begin in one piece of the document and end in another. Each byte is examined once. The parser
    returns CDATA as text, so CDATA is not searched.
    """

    def __init__(self, aside: OnOutside | None, longest: int) -> None:
        self._aside = aside if aside is not None else lambda *_: None
        self._longest = longest
        self._begin = b""
        self._inside: list[bytes] = []
        self._length = 0
        self._rest = b""

    def take(self, piece: bytes) -> None:
        """Read the next piece; report comments and instructions that end in it to the function `aside`.
        Raises Unreadable for a long one.
        """
        text, position = self._rest + piece, 0
        if not (self._begin or self._rest or b"!" in piece or b"?" in piece):
            position = len(text)
        while True:
            if not self._begin:
                found = _BEGINS.search(text, position)
                if found is None:
                    last = text[max(0, text.rfind(b"<")) :]
                    self._rest = last if any(begin.startswith(last) for begin in _ENDS) else b""
                    return
                self._begin, self._inside, self._length, position = found[0], [], 0, found.end()
            end = text.find(_ENDS[self._begin], position)
            if end < 0:
                # Keep the text of an unfinished one, except a possible start of its end mark.
                until = max(position, len(text) - len(_ENDS[self._begin]) + 1)
                self._inside.append(text[position:until])
                self._rest = text[until:]
                self._length += until - position
                if self._length > self._longest:
                    raise malformed("a stretch of the XML is too long for one record", format="XML")
                return
            self._inside.append(text[position:end])
            inside = b"".join(self._inside)
            if self._begin == b"<!--" or (self._begin == b"<?" and inside.split(maxsplit=1)[:1] != [b"xml"]):
                self._aside(self._begin.decode(), "", inside.decode("utf-8", "replace").strip())
            position = end + len(_ENDS[self._begin])
            self._begin = b""


def _look_closely(record: Element, limits: ClassifyLimits, aside: OnOutside | None, *, named: bool) -> None:
    """Pass each attribute in a record to the function `aside`. Raises Unreadable if an element has too many.
    `named`: True to limit also the number of namespaces that are declared for an element.
    """
    if named or _asks_for_a_closer_look(record, limits, aside):
        for inner in record.iter():
            if named and len(inner.nsmap) > limits.xml_attributes:
                raise malformed("an element has too many attributes", format="XML")
            _tell_attributes(inner, aside, limits.xml_attributes)


def _asks_for_a_closer_look(record: Element, limits: ClassifyLimits, aside: OnOutside | None) -> bool:
    """Return True if the attributes of a record must be read one by one.
    If `aside` is given, every record with an attribute must; if None, only a record in which an element has
    more attributes than the limit.
    """
    return bool(_MANY(record, most=limits.xml_attributes) if aside is None else _MORE(record))


def is_of_markup(name: str, value: str) -> bool:
    """Return True for an attribute about the markup alone, such as xsi:nil or xml:lang."""
    known = _OF_MARKUP.get(name)
    return known is not None and known.fullmatch(value) is not None


def _tell_attributes(element: Element, aside: OnOutside | None, most: int) -> None:
    # The parser searches all attributes for each value.
    if len(element.attrib) > most:
        raise malformed("an element has too many attributes", format="XML")
    for name, value in element.attrib.items() if aside is not None else ():
        if aside is not None and not is_of_markup(name, value):
            aside(f"{local_name(element.tag)}@{local_name(name)}", "", value)


def _forget(
    element: Element, names: tuple[str, ...], aside: OnOutside | None, most: int, *, all_around: bool
) -> None:
    """Free the memory of a used record: its content and the elements before it in the same parent.
    `all_around`: True to free also the elements before each ancestor. Whatever is freed outside the records,
    which are called `names`, is first reported to `aside`. The record's node and the text after it stay until
    the next record: the parser may still extend them. `most`: how many attributes an element may have.
    """
    element.clear(keep_tail=True)
    while element is not None:
        parent = element.getparent()
        while element.getprevious() is not None:
            first = parent[0]
            if aside and (first.tag not in names or ((tail := first.tail) and not tail.isspace())):
                _tell(first, names, aside, most)
            del parent[0]
        element = parent if all_around else None


def _tell(element: Element, names: tuple[str, ...], aside: OnOutside, most: int) -> None:
    """Report an element and everything inside to the function `aside`.
    Of a record, an element called one of `names`, report only the text that follows it. Raises Unreadable for
    an element with more than `most` attributes.
    """
    if not isinstance(element.tag, str):
        return
    if element.tail and not element.tail.isspace():
        aside(local_name(element.getparent().tag), "", element.tail)
    if local_name(element.tag) in names:
        return
    _tell_attributes(element, aside, most)
    text = element.text
    if (text and not text.isspace()) or not len(element):
        parent = element.getparent()
        aside("" if parent is None else local_name(parent.tag), local_name(element.tag), (text or "").strip())
    for inner in element:
        _tell(inner, names, aside, most)


def leaves(record: Element) -> Iterator[tuple[str, str, str]]:
    """Yield parent's name, name and text of every element of a record with text and without children."""
    for element in record.iter():
        if not len(element) and element.text and element is not record:
            yield local_name(element.getparent().tag), local_name(element.tag), element.text


# In this order: an ampersand that was written as a reference begins no other.
_REFERENCES = {"&lt;": "<", "&gt;": ">", "&#13;": "\r", "&amp;": "&"}


def written(element: Element) -> str:
    """Return the markup of an element, as written by lxml."""
    text: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return text


def cut(text: str) -> list[str]:
    """Cut markup into pieces at its tags: texts at even positions, tags without brackets at odd ones."""
    return text.replace(">", "<").split("<")


def children(tags: Sequence[str], prefix: str) -> Iterator[tuple[int, int, str]]:
    """Yield for each child of an element: position of the first tag, position after the last tag, and name.
    The name is without `prefix` (the record's namespace prefix and a colon). In another namespace, the name
    ends with a colon, so no rule knows it. Positions are indexes of `tags`.
    """
    depth, first = 0, 1
    for place in range(1, len(tags) - 1):
        tag = tags[place]
        if tag[0] == "/":
            depth -= 1
        elif tag[-1] != "/":
            depth += 1
        if not depth:
            name, _, attributes = tags[first].removesuffix("/").partition(" ")
            known = name.startswith(prefix) and "xmlns" not in attributes
            yield first, place + 1, name.removeprefix(prefix) if known else f"{name}:"
            first = place + 1


def text_count(tags: Sequence[str]) -> int:
    """Return the number of childless elements with a start and an end tag, which may have a text between."""
    kinds = ["/" if tag[0] == "/" else " " if tag[-1] == "/" else "<" for tag in tags]
    return "".join(kinds).count("</")


def element_at(element: Element, place: int) -> Element:
    """Return the descendant of an element, given the index `place` of the descendant's first tag.
    The index is that of the tag among the pieces that `cut` makes of the element's markup.
    """
    before = sum(not tag.startswith("/") for tag in cut(written(element))[1:place:2])
    return next(islice(element.iter(), before, None))


def text_of(piece: str) -> str:
    """Return the text of a piece, with references such as &amp; replaced by their characters."""
    if "&" in piece:
        for reference, character in _REFERENCES.items():
            piece = piece.replace(reference, character)
    return piece
