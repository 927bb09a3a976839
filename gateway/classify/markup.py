"""Reading XML record by record, in memory that does not grow with the file, and safely.

Any document type declaration is refused before the real parser sees the document, so there are no
entities to expand. What stands between two records is bounded in bytes, so no tree grows large;
depth and attributes are bounded as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.parsers import expat

from lxml import etree

from gateway.classify.content import Source, Unreadable, beside, malformed, utf8_chunks
from gateway.home.settings import ClassifyLimits

Element = Any  # lxml carries no types.

_PROLOG_BYTES = 64 * 1024
# Text behind the end of an element, where systems write nothing; and signs of attributes, of comments and of
# whatever else such text may stand behind. All are quick to look for, whatever stands in a comment.
_AFTER_END = re.compile(rb"</[^<>]*+>\s*+[^<\s]")
_AFTER_EMPTY = re.compile(rb"/>\s*+[^<\s]")
_SIGNS = (b"=", b"!", b"?")
_TAG_BYTES = 1024
COMMENT = "<!--"
INSTRUCTION = "<?"
_ENDS = {b"<!--": b"-->", b"<?": b"?>", b"<![CDATA[": b"]]>"}
_BEGINS = re.compile(b"|".join(map(re.escape, _ENDS)))
# Where a schema lies, that an element is empty, the language: no content.
_MORE = etree.XPath("boolean(.//@* | .//text()[preceding-sibling::*[1]])")
_MANY = etree.XPath("boolean(descendant-or-self::*[count(@*) > $most])")
# Elements of another namespace than a record is in: they are known by what stands behind it.
_ELSEWHERE = etree.XPath("boolean(descendant::*[namespace-uri() != $space])")
_SPACES = b"xmlns"
_RESERVED = (_SPACES, b"xml:")
_INSTANCE, _XML = "{http://www.w3.org/2001/XMLSchema-instance}", "{http://www.w3.org/XML/1998/namespace}"
_ADDRESSES = re.compile(r"[\w:/.#-]{1,200}(\s+[\w:/.#-]{1,200}){0,9}\.xsd", re.ASCII)
_OF_MARKUP = {
    f"{_INSTANCE}nil": re.compile(r"true|false|0|1"),
    f"{_INSTANCE}schemaLocation": _ADDRESSES,
    f"{_INSTANCE}noNamespaceSchemaLocation": _ADDRESSES,
    f"{_XML}space": re.compile(r"default|preserve"),
    f"{_XML}lang": re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?"),
}
"""Attributes that say how markup is to be read, each with the values that it may have."""


class _Root(Exception):  # noqa: N818 - it is how a parser's callback ends the parsing
    pass


def local_name(tag: str) -> str:
    """An element's name without its namespace."""
    return tag.rpartition("}")[2]


def namespace_length(tag: str) -> int:
    """How many characters of a tag are its namespace."""
    return tag.rfind("}") + 1


def names_namespaces(source: Source) -> bool:
    """Whether a document may declare namespaces, or use the one of XML itself. A quick look, at all of it."""
    before = b""
    for piece in utf8_chunks(source):
        text = before + piece
        if any(sign in text for sign in _RESERVED):
            return True
        before = text[1 - len(_SPACES) :]
    return False


def root_of(source: Source) -> str:
    """The name of the document's root element; one in a namespace has a brace in it.

    Raises Unreadable for a document type declaration, and where no element follows a correct prolog.
    """
    # Expat is here for one thing that lxml cannot do: to stop at the declaration, before the root.
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator="}")
    found: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        found.append(name)
        raise _Root

    def doctype(*_: object) -> None:
        raise malformed("the XML declares a document type, which may hide entities", format="XML")

    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, doctype
    try:
        _feed_prolog(parser, utf8_chunks(source))
    except _Root:
        return found[0]
    except expat.ExpatError:
        raise malformed("the XML is not well formed at its beginning", format="XML") from None
    raise malformed("the XML holds no element", format="XML")


def _feed_prolog(parser: expat.XMLParserType, pieces: Iterable[bytes]) -> None:
    fed = 0
    for piece in pieces:
        parser.Parse(piece, False)
        fed += len(piece)
        if fed > _PROLOG_BYTES:
            return


Aside = Callable[[str, str, str], None]


def records(
    source: Source,
    names: tuple[str, ...],
    aside: Aside | None = None,
    *,
    loose: bool = True,
    ahead: Callable[[bytes], None] = lambda _: None,
) -> Iterator[Element]:
    """Every outermost element of one of these names, complete, in document order.

    An element is valid until the next is asked for. What is in the document beside the elements of the
    records goes to `aside` as parent, name and text: elements around them, attributes, and text
    between elements; but not the text between those in a record if the caller looks for that (not `loose`).
    `ahead` is given each piece of the document, in UTF-8, before the records that end in it.
    Raises Unreadable where the document is not well formed or breaks a limit.
    """
    tags = tuple(f"{{*}}{name}" for name in names)
    parser, limits, waiting, end, around = _parser(tags), source.limits, 0, b"", None
    unparsed, spaces = _Unparsed(aside, limits.record_bytes), 0
    try:
        for piece in utf8_chunks(source):
            parser.feed(piece)
            waiting += len(piece)
            more = _may_hold_more(end + piece, loose=loose)
            unparsed.take(piece)
            # No element has more namespaces than were declared until now.
            spaces += (end[1 - len(_SPACES) :] + piece).count(_SPACES)
            end = piece[-_TAG_BYTES:]
            ahead(piece)
            for _, element in parser.read_events():
                parent = element.getparent()
                # What stands beside a record is in no record either.
                if parent is around or next(element.iterancestors(*tags), None) is None:
                    # So is a record that began in an earlier piece.
                    if more or waiting > len(piece):
                        _look_closely(element, limits, aside, named=spaces > limits.xml_attributes)
                    waiting = 0
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
    source: Source,
    names: tuple[str, ...],
    aside: Aside | None = None,
    *,
    loose: bool = True,
    ahead: Callable[[bytes], None] = lambda _: None,
) -> Iterator[Element]:
    """As `records`, for documents of one namespace, or of none: of pupils no others are known.

    Raises Unreadable, too, where a record is in another namespace than the root, or one of its elements where
    that is in any: names are known by what stands behind the namespace of the root.
    """
    space, tags = "", frozenset[str]()
    for record in records(source, names, aside, loose=loose, ahead=ahead):
        if not tags:
            root = record.getroottree().getroot().tag
            space = root[: namespace_length(root)]
            tags = frozenset(map(space.__add__, names))
        if record.tag not in tags or (space and _ELSEWHERE(record, space=space[1:-1])):
            raise beside("elements of several namespaces", format="XML")
        yield record


def _parser(tags: tuple[str, ...]) -> Any:  # noqa: ANN401 - lxml carries no types
    return etree.XMLPullParser(
        events=("end",),
        tag=tags,
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        collect_ids=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
    )


class _Unparsed:
    """Find comments and instructions to programs: the parser leaves them out, people may read them.

    One may begin in one piece of the document and end in another. Each byte is looked at once, whatever
    it is. In CDATA, which the parser gives as text, none begins.
    """

    def __init__(self, aside: Aside | None, longest: int) -> None:
        self._aside = aside if aside is not None else lambda *_: None
        self._longest = longest
        self._begin = b""
        self._inside: list[bytes] = []
        self._length = 0
        self._rest = b""

    def take(self, piece: bytes) -> None:
        """Tell of what ends in the next piece. Raises Unreadable for one too long."""
        text, position = self._rest + piece, 0
        if not (self._begin or self._rest or b"!" in piece or b"?" in piece):
            position = len(text)
        while True:
            if not self._begin:
                found = _BEGINS.search(text, position)
                if found is None:
                    self._rest = _cut_off(text)
                    return
                self._begin, self._inside, self._length, position = found[0], [], 0, found.end()
            end = text.find(_ENDS[self._begin], position)
            if end < 0:
                self._keep(text, position)
                return
            self._inside.append(text[position:end])
            self._tell(b"".join(self._inside))
            position = end + len(_ENDS[self._begin])
            self._begin = b""

    def _keep(self, text: bytes, position: int) -> None:
        """Keep what stands in one that has not ended, but for what may be the start of its end."""
        until = max(position, len(text) - len(_ENDS[self._begin]) + 1)
        self._inside.append(text[position:until])
        self._rest = text[until:]
        self._length += until - position
        if self._length > self._longest:
            raise malformed("a stretch of the XML is too long for one record", format="XML")

    def _tell(self, inside: bytes) -> None:
        if self._begin == b"<!--":
            self._aside(COMMENT, "", inside.decode("utf-8", "replace").strip())
        elif self._begin == b"<?" and inside.split(maxsplit=1)[:1] != [b"xml"]:
            self._aside(INSTRUCTION, "", inside.decode("utf-8", "replace").strip())


def _cut_off(text: bytes) -> bytes:
    """Return the end of a text that may be the start of a comment, an instruction or CDATA."""
    last = text[max(0, text.rfind(b"<")) :]
    return last if any(begin.startswith(last) for begin in _ENDS) else b""


def _may_hold_more(text: bytes, *, loose: bool) -> bool:
    """Whether a stretch of XML may hold attributes, or text between elements. A quick look, at all of it."""
    return any(sign in text for sign in _SIGNS) or (
        loose and (_AFTER_END.search(text) is not None or _AFTER_EMPTY.search(text) is not None)
    )


def _look_closely(record: Element, limits: ClassifyLimits, aside: Aside | None, *, named: bool) -> None:
    """Tell what is no element: attributes, and texts between elements. Few records have any.

    `named`: whether an element may have more namespaces than attributes are allowed.
    """
    if not named and not _asks_for_a_closer_look(record, limits, aside):
        return
    for inner in record.iter():
        tail = inner.tail
        if tail and aside is not None and inner is not record and not tail.isspace():
            aside(local_name(inner.getparent().tag), "", tail)
        attributes = inner.attrib
        if max(len(attributes), len(inner.nsmap) if named else 0) > limits.xml_attributes:
            raise _too_many_attributes()
        if attributes and aside is not None:
            _tell_attributes(inner, aside, limits.xml_attributes)


def _asks_for_a_closer_look(record: Element, limits: ClassifyLimits, aside: Aside | None) -> bool:
    """Whether a record has anything of the kind, or too much of it: asked of the parser, which is quick."""
    if aside is None:
        return bool(_MANY(record, most=limits.xml_attributes))
    return bool(_MORE(record))


def _too_many_attributes() -> Unreadable:
    return malformed("an element has too many attributes", format="XML")


def is_of_markup(name: str, value: str) -> bool:
    """Does an attribute say how the markup is to be read, and nothing else?"""
    known = _OF_MARKUP.get(name)
    return known is not None and known.fullmatch(value) is not None


def _tell_attributes(element: Element, aside: Aside, most: int) -> None:
    # The parser looks for the value of each among all.
    if len(element.attrib) > most:
        raise _too_many_attributes()
    for name, value in element.attrib.items():
        if not is_of_markup(name, value):
            aside(f"{local_name(element.tag)}@{local_name(name)}", "", value)


def _forget(
    element: Element, names: tuple[str, ...], aside: Aside | None, most: int, *, all_around: bool
) -> None:
    """Free a record that was read and all that stands before it, and before what is around it.

    The record's own node and its tail stay until the next one: the parser may still be adding to them.
    """
    element.clear(keep_tail=True)
    while element is not None:
        parent = element.getparent()
        while element.getprevious() is not None:
            first = parent[0]
            if aside is None:
                pass
            elif first.tag not in names or ((tail := first.tail) and not tail.isspace()):
                _tell(first, names, aside, most)
            del parent[0]
        element = parent if all_around else None


def _tell(element: Element, names: tuple[str, ...], aside: Aside, most: int) -> None:
    """Tell what stands in an element that is no record, and behind one that is."""
    if not isinstance(element.tag, str):
        return
    if element.tail and not element.tail.isspace():
        aside(local_name(element.getparent().tag), "", element.tail)
    if local_name(element.tag) in names:
        return
    _tell_attributes(element, aside, most)
    text = element.text
    if text and not text.isspace():
        parent = element.getparent()
        aside("" if parent is None else local_name(parent.tag), local_name(element.tag), text)
    for inner in element:
        _tell(inner, names, aside, most)


def leaves(record: Element) -> Iterator[tuple[str, str, str]]:
    """Every element of a small record that has text and no element inside: its parent, name and text."""
    for element in record.iter():
        if not len(element) and element.text and element is not record:
            yield local_name(element.getparent().tag), local_name(element.tag), element.text
