"""XML elements as text, cut at their tags, so that the many elements of one form are examined once.

lxml writes each angle bracket of a text as a reference, so those left belong to tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import unescape

from lxml import etree

from gateway.classify.markup import Element

_REFERENCES = {"&#13;": "\r"}


class Node(NamedTuple):
    """An element, among an outermost one and all inside, numbered in document order.

    `around` is the number of the parent, `behind` that of the next element not inside this one. `first` and
    `last` are the places of the tags among the pieces: one place for an empty element.
    """

    tag: str
    size: int
    around: int
    behind: int
    first: int
    last: int


def pieces_of(element: Element) -> list[str]:
    """Return an element as written, in pieces: tags at odd places, the texts between them at even ones."""
    written: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return written.replace(">", "<").split("<")


def outline(element: Element, pieces: Sequence[str]) -> list[Node]:
    """Return an element and all inside, from the tree and from the pieces it was written in."""
    opened: list[tuple[int, int]] = []
    closed: dict[int, tuple[int, int]] = {}
    open_ = [-1]
    for place in range(1, len(pieces), 2):
        tag = pieces[place]
        if not tag.startswith("/"):
            opened.append((open_[-1], place))
            open_.append(len(opened) - 1)
        if tag.startswith("/") or tag.endswith("/"):
            closed[open_.pop()] = len(opened), place
    return [
        Node(inner.tag, len(inner), around, closed[number][0], first, closed[number][1])
        for number, (inner, (around, first)) in enumerate(zip(element.iter(), opened, strict=True))
    ]


def children(nodes: Sequence[Node], number: int) -> Iterator[int]:
    """Yield the numbers of the children of an element."""
    child = number + 1
    for _ in range(nodes[number].size):
        yield child
        child = nodes[child].behind


def texts_in(nodes: Iterable[Node]) -> Iterator[int]:
    """Yield the places of the texts of elements without children."""
    return (node.first + 1 for node in nodes if not node.size and node.first < node.last)


def text_of(piece: str) -> str:
    """Return the text of a piece, without references."""
    return unescape(piece, _REFERENCES) if "&" in piece else piece
