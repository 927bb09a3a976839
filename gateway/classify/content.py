"""What a content is before anybody looks at its meaning: its container, its encoding, its bytes.

Everything a file can contain that stops its reading is raised as `Unreadable` in here and in the
readers, and becomes a `ContentRefused` in one place, `recognise`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import BinaryIO

from gateway.home.settings import ClassifyLimits
from gateway.model.statements import STATEMENT

CHUNK = 64 * 1024
OUTLOOK_MESSAGE = "an Outlook message"
LOCKED_DOCUMENT = "a workbook or document"
Row = list[str]

_MAGIC = (
    (0, b"%PDF-", "a PDF document"),
    (0, b"\xff\xd8\xff", "an image"),
    (0, b"\x89PNG", "an image"),
    (0, b"GIF8", "an image"),
    (0, b"II*\0", "an image"),
    (0, b"MM\0*", "an image"),
    (4, b"ftyphei", "an image"),
    (4, b"ftypmif1", "an image"),
    (8, b"WEBPVP8", "an image"),
    (0, b"MZ", "a program"),
    (0, b"\x7fELF", "a program"),
    (0, b"{\\rtf", "a Word document"),
    (0, b"SQLite format", "a database"),
    (4, b"Standard Jet DB", "a database"),
    (4, b"Standard ACE DB", "a database"),
    (0, STATEMENT.encode(), "a statement that was signed for another folder"),
)
_PACKED = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x78\x9f\x3e\x22", OUTLOOK_MESSAGE),
)
_PDF_WITHIN = 1024
_FIRST_HEADER = re.compile(rb"From |[A-Za-z][A-Za-z0-9-]{0,60}:")
# Beside its sender, what every message that was sent or saved has one of.
_OF_MESSAGES = ("message-id", "mime-version", "received", "return-path")
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# What no table or XML document holds: the control characters other than tab, line feed and return.
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\r") + b"\x7f"


class TimedContent:
    """A content that may be read for so many seconds, and no longer.

    Nearly all work is done between two reads of at most 64 KB, so this bounds the work too.
    """

    def __init__(self, content: BinaryIO, seconds: float, clock: Callable[[], float]) -> None:
        self._content = content
        self._seconds = seconds
        self._clock = clock
        self._until = clock() + seconds

    def read(self, size: int = -1) -> bytes:
        """Read; raises Unreadable when the time is up."""
        if self._clock() > self._until:
            raise unknown(f"it takes longer than {self._seconds:g} seconds to read")
        return self._content.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the position."""
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._content.tell()

    def seekable(self) -> bool:
        """Always: a content that is not could not be read twice."""
        return True


@dataclass(frozen=True, slots=True)
class Source:
    """A text to be read: its bytes, its codec, and the limits of reading it."""

    content: BinaryIO
    encoding: str
    limits: ClassifyLimits


class Unreadable(Exception):  # noqa: N818 - it says what the content is, and is no error of ours
    """The content cannot be taken as any type. `evidence` is phrases of ours, never content.

    `about` is what the reason's sentence names, also in words of ours.
    """

    def __init__(
        self,
        code: str,
        *evidence: str,
        format: str | None = None,  # noqa: A002
        about: str | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.evidence = evidence
        self.format = format
        self.about = about


def malformed(*evidence: str, format: str | None = None) -> Unreadable:  # noqa: A002
    """The content begins like something that is known, and breaks off or breaks its rules."""
    return Unreadable("classify:malformed", *evidence, format=format)


def law_return(what: str, *, format: str) -> Unreadable:  # noqa: A002
    """Say that a content is a return that the law asks for, and that no flow lists."""
    return Unreadable("classify:law-return", what, format=format, about=what)


def unknown(*evidence: str, format: str | None = None) -> Unreadable:  # noqa: A002
    """The content is nothing that is known."""
    return Unreadable("classify:unknown", *evidence, format=format)


def other_document(kind: str, *, format: str | None = None) -> Unreadable:  # noqa: A002
    """Say that a content is a document that no data is read from. `kind` is a phrase of ours."""
    return Unreadable("classify:document", kind, format=format, about=kind)


def packed_away(kind: str, *, format: str | None = None) -> Unreadable:  # noqa: A002
    """Say that a content is a message or an archive that is not unpacked. `kind` is a phrase of ours."""
    return Unreadable("classify:packed", kind, format=format, about=kind)


def locked(kind: str, *, format: str | None = None) -> Unreadable:  # noqa: A002
    """Say that a content is locked with a password. `kind` is a phrase of ours."""
    return Unreadable("classify:locked", f"{kind} that is locked with a password", format=format, about=kind)


def active(what: str, *, format: str | None = None) -> Unreadable:  # noqa: A002
    """The content holds something that acts, or hides, beside its data. `what` is a phrase of ours."""
    return Unreadable("classify:active-content", what, format=format, about=what)


def beside(what: str, *, format: str | None = None) -> Unreadable:  # noqa: A002
    """The content holds something beside its table that nobody has read. `what` is a phrase of ours."""
    return Unreadable("classify:beside-table", what, format=format, about=what)


def size_of(content: BinaryIO) -> int:
    """The size of the content in bytes; leaves the position at the end."""
    return content.seek(0, 2)


def head_of(content: BinaryIO, length: int = CHUNK) -> bytes:
    """The first bytes of the content."""
    content.seek(0)
    return content.read(length)


def refuse_other_documents(content: BinaryIO) -> None:
    """Raise Unreadable where the bytes say: a document, picture, message, archive or program."""
    head = head_of(content)
    for start, magic, kind in _MAGIC:
        if head.startswith(magic, start):
            raise other_document(kind)
    for magic, kind in _PACKED:
        if head.startswith(magic):
            raise packed_away(kind)
    if _is_message(head):
        raise packed_away("an e-mail")
    if b"%PDF-" in head[:_PDF_WITHIN]:
        raise other_document("a PDF document")
    content.seek(max(0, size_of(content) - _ZIP_TAIL))
    if _ZIP_END in content.read():
        raise malformed("an archive is hidden behind other content")


def _is_message(head: bytes) -> bool:
    """Does a content start with the headers of an e-mail?"""
    if not _FIRST_HEADER.match(head):
        return False
    message = BytesHeaderParser().parsebytes(head)
    return "from" in message and any(name in message for name in _OF_MESSAGES)


def encoding_of(content: BinaryIO) -> str:
    """The codec of a text: as its start tells it, or by trying UTF-8 on all of it.

    Windows-1252 is what is left when nothing else fits. Raises Unreadable where the bytes are no
    text in any of these.
    """
    return told_encoding(content) or ("utf-8" if _is_utf8(content) else "cp1252")


def told_encoding(content: BinaryIO) -> str | None:
    """The codec of a text by its byte order mark or its XML declaration; None where neither tells it."""
    head = head_of(content)
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return codec
    if head[:1] and head[1:4:2] == b"\0\0" and head[0]:
        return "utf-16-le"
    if head[1:4:2] and head[:3:2] == b"\0\0" and head[1]:
        return "utf-16-be"
    declared = _DECLARED.match(head.lstrip())
    if declared:
        return _known_codec(declared.group(1).decode("ascii"))
    return None


def _known_codec(name: str) -> str:
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        raise malformed("the XML declares an encoding that does not exist") from None
    known = {"utf-8": "utf-8", "cp1252": "cp1252", "iso8859-1": "cp1252", "ascii": "utf-8"}
    known["iso8859-15"] = "iso8859-15"
    if codec not in known:
        raise malformed("the XML declares an encoding that is not in use for pupil data")
    return known[codec]


def _is_utf8(content: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks(content):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def chunks(content: BinaryIO) -> Iterator[bytes]:
    """The whole content from its start, in pieces."""
    content.seek(0)
    while chunk := content.read(CHUNK):
        yield chunk


def text_chunks(source: Source) -> Iterator[str]:
    """The content as text, in pieces. Raises Unreadable for bytes that no text holds."""
    decoder = codecs.getincrementaldecoder(source.encoding)(
        "replace" if source.encoding == "cp1252" else "strict"
    )
    wide = source.encoding.startswith("utf-16")
    try:
        for chunk in chunks(source.content):
            text = decoder.decode(chunk)
            narrow = text.encode("utf-8", "replace") if wide else chunk
            if len(narrow.translate(None, _CONTROLS)) != len(narrow):
                raise unknown("bytes that are not text")
            yield text
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise malformed("bytes that do not fit the text's encoding") from None


def utf8_chunks(source: Source) -> Iterator[bytes]:
    """The content as UTF-8, in pieces; what already is UTF-8 passes through unread."""
    if source.encoding in ("utf-8", "utf-8-sig"):
        yield from chunks(source.content)
    else:
        for text in text_chunks(source):
            yield text.encode("utf-8", "replace")
