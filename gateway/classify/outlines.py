"""XML elements as text, cut at their tags, so that the many elements of one form are examined once.

lxml writes each angle bracket of a text as a reference, so those left belong to tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from lxml import etree

from gateway.classify.markup import Element

# In this order: an ampersand that was written as a reference begins no other.
_REFERENCES = {"&lt;": "<", "&gt;": ">", "&#13;": "\r", "&amp;": "&"}


def written(element: Element) -> str:
    """Return an element as lxml writes it."""
    text: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return text


def cut(text: str) -> list[str]:
    """Return an element as written, in pieces: tags at odd places, the texts between them at even ones."""
    return text.replace(">", "<").split("<")


def children(tags: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the place of each child's first tag among an element's tags, and the place after its last one."""
    depth, first = 0, 1
    for place in range(1, len(tags) - 1):
        tag = tags[place]
        if tag[0] == "/":
            depth -= 1
        elif tag[-1] != "/":
            depth += 1
        if not depth:
            yield first, place + 1
            first = place + 1


def text_count(tags: Sequence[str]) -> int:
    """Return the number of elements with a text and nothing else inside, given all tags."""
    kinds = ["/" if tag[0] == "/" else " " if tag[-1] == "/" else "<" for tag in tags]
    return "".join(kinds).count("</")


def element_at(element: Element, place: int) -> Element:
    """Return the element inside another whose first tag has this place among the pieces."""
    before = sum(not tag.startswith("/") for tag in cut(written(element))[1:place:2])
    return next(islice(element.iter(), before, None))


def name_in(tag: str, prefix: str) -> str:
    """Return the name in a tag; for an element in another namespace than its record, a name nobody knows.

    `prefix`, with its colon, is that of the record.
    """
    if " " not in tag and not prefix:
        return tag.removesuffix("/")
    name, _, attributes = tag.removesuffix("/").partition(" ")
    known = name.startswith(prefix) and "xmlns" not in attributes
    return name.removeprefix(prefix) if known else f"{name}:"


def prefix_of(element: Element) -> str:
    """Return the prefix of an element's name, with its colon; empty without one."""
    return f"{element.prefix}:" if element.prefix else ""


def text_of(piece: str) -> str:
    """Return the text of a piece, without references."""
    if "&" in piece:
        for reference, character in _REFERENCES.items():
            piece = piece.replace(reference, character)
    return piece
