"""Read the bytes of a file as text: refuse content other than text by its first bytes, find the encoding.

Every obstacle to reading a file is raised as `Unreadable`, here and in the readers of each format; only
`recognise` turns the error into a `ContentRefused`.
"""

import codecs
import io
import lzma
import re
import tomllib
import zipfile
import zlib
from base64 import b64decode
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from functools import partial
from importlib.resources import files
from quopri import decodestring
from typing import Any, BinaryIO

from gateway.home.settings import ClassifyLimits
from gateway.model import STATEMENT, Classified, ContentRefused, Level
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed

CHUNK = 64 * 1024
OUTLOOK_MESSAGE = "an Outlook message"
LOCKED_DOCUMENT = "a workbook or document"
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError, ValueError)
"""The errors of reading a damaged ZIP archive, or one packed in a way that Python does not unpack."""
Row = list[str]
Verdict = Classified | ContentRefused

_PDF_WITHIN = 1024
_FIRST_HEADER = re.compile(rb"From |[A-Za-z][A-Za-z0-9-]{0,60}:")
# Headers, beside the sender, of which every sent or saved message has one.
_OF_MESSAGES = ("message-id", "mime-version", "received", "return-path")
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_DECLARATION_WITHIN = 200
# By the encoding that an XML document declares: Latin-1 is read as its superset.
_CODECS = {"utf-8": "utf-8", "ascii": "utf-8", "cp1252": "cp1252", "iso8859-1": "cp1252"} | {
    "iso8859-15": "iso8859-15"
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# What e-mail programs write in place of a text, a file or a subject.
_ENCODED = re.compile(
    rb"content-transfer-encoding:\s*(?:base64|quoted-printable)|=\?[\w-]{1,20}\?[bq]\?", re.IGNORECASE
)
_BASE64 = re.compile(
    rb"^(?:[A-Za-z0-9+/]{20,200}+\r?\n)++(?:[A-Za-z0-9+/]{1,200}+={0,2})?+"
    rb"|^[A-Za-z0-9+/]{2,200}+={1,2}\r?$",
    re.MULTILINE,
)
# White space between two encoded words is no part of the text (RFC 2047, 6.2).
_BASE64_IN_HEADER = re.compile(
    rb"(?:=\?([^\s?*]{1,60}+)[^\s?]{0,60}+)?\?[Bb]\?([A-Za-z0-9+/]++)"
    rb"(=*+\?=\s++(?==\?[^\s?]{1,60}\?[Bb]\?[A-Za-z0-9+/]))?"
)
# Of octets that are no UTF-8, the character in Windows-1252, by what the error handler puts in their place.
_OTHERWISE = {0xDC00 + octet: bytes([octet]).decode("cp1252", "replace") for octet in range(128, 256)}
_PARTS_OF_MAIL = 40
# Control characters found in no table or XML document: all but tab, line feed and return.
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\r") + b"\x7f"


def data(name: str) -> dict[str, Any]:
    """Return the data in NAME.toml of this package. Call this at import: once confined, a process opens no
    file.
    """
    return tomllib.loads(files("gateway.classify").joinpath(f"{name}.toml").read_text("utf-8"))


OFFICE_PARTS: dict[str, dict[str, str]] = data("office_parts")
"""Words for parts of workbooks and archives."""


def _beginnings(table: str) -> list[tuple[int, bytes, str]]:
    """Return position, bytes and description of each file signature in a `table` of office_parts.toml."""
    keys = ((key.partition(":"), words) for key, words in OFFICE_PARTS[table].items())
    return [(int(place), octets.encode("latin-1"), words) for (place, _, octets), words in keys]


_STATEMENT = (0, STATEMENT.encode(), "a statement that was signed for another folder")
_MAGIC = [*_beginnings("magic"), _STATEMENT]
_PACKED = _beginnings("packed")


def part_called(name: str, table: str) -> str:
    """Return a description of a workbook's part, such as "macros", by the beginning of the part's `name`.
    `table`: the table of office_parts.toml for the format of the workbook.
    """
    known = (words for start, words in OFFICE_PARTS[table].items() if name.casefold().startswith(start))
    return next(known, "a part of no known kind")


EXTENSIONS = {
    **dict.fromkeys(("XML", "CTF XML", "DfE Message XML"), "xml"),
    "CSV": "csv",
    "JSON": "json",
    "text": "txt",
    "JCQ results": "txt",
    "JCQ file": "txt",
    **{name: name.casefold() for name in ("XLSX", "XLSB", "XLS", "ODS", "ZIP")},
}
"""Extension of the files of each format."""


class TimedContent:
    """A file's content with a time limit: after `seconds`, any read raises Unreadable.
    Nearly all work happens between two reads of at most 64 KB, so the limit covers the work too.
    """

    def __init__(self, content: BinaryIO, seconds: float, clock: Callable[[], float]) -> None:
        self._content = content
        self._seconds = seconds
        self._clock = clock
        self._until = clock() + seconds

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes. Raises Unreadable after the time limit."""
        if self._clock() > self._until:
            raise unknown(f"it takes longer than {self._seconds:g} seconds to read")
        return self._content.read(size)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a content has
        """Return any other attribute of the wrapped content."""
        return getattr(self._content, name)


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes of a text, its codec, and the limits of reading."""

    content: BinaryIO
    encoding: str
    limits: ClassifyLimits

    def start(self) -> str:
        """Return the first 64 KB of the text, without a byte order mark."""
        return head_of(self.content).decode(self.encoding, "replace").lstrip("\ufeff")


class Unreadable(Exception):  # noqa: N818 - it says what the content is, and is no error of ours
    """Raised for content that gets no data type; `code`: the code of the reason, such as `classify:unknown`.
    `about`: the words that fill the blank in the reason's sentence. `about` and `evidence` are the gateway's
    own phrases, never content. `parts`: for a file whose parts differ in data type, the result of each part.
    """

    def __init__(
        self,
        code: str,
        *evidence: str,
        format: str | None = None,  # noqa: A002
        about: str | None = None,
        parts: tuple[Verdict, ...] = (),
    ) -> None:
        super().__init__(code)
        self.code, self.evidence, self.format = code, evidence, format
        self.about, self.parts = about, parts


malformed = partial(Unreadable, "classify:malformed")
"""Return the error for a content of a known format, but ended too early or against the format's rules."""
unknown = partial(Unreadable, "classify:unknown")
"""Return the error for content of no known kind."""


def declared_between(declared: str, tied: Collection[str]) -> str:
    """Return a sentence of evidence: the content fits several types (`tied`), and the file's name says
    `declared`.
    """
    return f"the name of the file says {declared}, and its content fits {' and '.join(sorted(tied))} equally"


def _about(code: str, evidence: str = "{}") -> Callable[..., Unreadable]:
    def made(what: str, *, format: str | None = None) -> Unreadable:  # noqa: A002
        return Unreadable(code, evidence.format(what), format=format, about=what)

    return made


other_document = _about("classify:document")
"""Return the error for a document, picture or program, given a phrase such as "an image"."""
packed_away = _about("classify:packed")
"""Return the error for a message or archive not unpacked, given a phrase such as "an e-mail"."""
locked = _about("classify:locked", "{} that is locked with a password")
"""Return the error for content locked with a password, given a phrase such as "a workbook"."""
active = _about("classify:active-content")
"""Return the error for active or hidden content, given a phrase such as "macros or charts"."""
beside = _about("classify:beside-table")
"""Return the error for unread content beside the table, given a phrase of the gateway."""


def head_of(content: BinaryIO, length: int = CHUNK) -> bytes:
    """Return the first bytes of a file's content, 64 KB by default."""
    content.seek(0)
    return content.read(length)


def decoded_parts(content: BinaryIO) -> Iterator[bytes | None]:
    """Yield the decoded parts of an e-mail, read up to its first 16 MiB; nothing if no part is encoded. First
    come the encoded words of all headers, as one part in UTF-8; then up to 40 texts and attached files, with
    None in place of each further one; then everything again, with quoted-printable characters decoded.
    A last None stands for content beyond 16 MiB.
    """
    if _ENCODED.search(head_of(content, 1024**2)) is None:
        return
    octets = head_of(content, 16 * 1024**2)
    is_longer = content.read(1) != b""
    yield "".join(_texts_of_headers(octets)).encode()
    for number, found in enumerate(_BASE64.finditer(octets)):
        yield _from_base64(found[0]) if number < _PARTS_OF_MAIL else None
    yield decodestring(octets)
    if is_longer:
        yield None


def _from_base64(text: bytes) -> bytes:
    """Decode Base64, also where its end is missing."""
    letters = text.translate(None, b"\r\n=")
    whole = len(letters) - (len(letters) % 4 == 1)  # One letter alone holds no octet.
    return b64decode(letters[:whole] + b"==")


def _texts_of_headers(octets: bytes) -> Iterator[str]:
    """Yield the texts of encoded words in headers, joined where a character is split between two words."""
    joined, before = bytearray(), b""
    for charset, word, goes_on in _BASE64_IN_HEADER.findall(octets):
        if charset.lower() != before:
            yield _text_of(bytes(joined))
            joined.clear()
        joined += _from_base64(word)
        before = charset.lower()
        if not goes_on:
            yield _text_of(bytes(joined)) + "\n"
            joined.clear()
    yield _text_of(bytes(joined))


def _text_of(octets: bytes) -> str:
    """Decode the bytes of a header's encoded words: as UTF-16 or UTF-32 if the bytes show one of these, else
    as UTF-8; a byte invalid in UTF-8 is read as Windows-1252.
    """
    octets = octets.removeprefix(codecs.BOM_UTF32_BE)
    if b"\0" in octets or octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(Unreadable):
            if (encoding := declared_encoding(io.BytesIO(octets))) is not None:
                return octets.decode(encoding, "replace").translate({0: None, 0xFEFF: None})
        octets = octets.replace(b"\0", b"")
    return octets.decode("utf-8", "surrogateescape").translate(_OTHERWISE)


def refuse_other_documents(content: BinaryIO) -> None:
    """Raise Unreadable if the first bytes are those of a document, picture, message, archive or program,
    or if the last bytes show a hidden archive.
    """
    head = head_of(content)
    for start, magic, kind in _MAGIC:
        if head.startswith(magic, start):
            raise other_document(kind)
    for start, magic, kind in _PACKED:
        if head.startswith(magic, start):
            raise packed_away(kind)
    if is_sealed(head[:ENOUGH_BYTES]):
        raise packed_away("a file that was encrypted before")
    # An e-mail has a From header, and another header of every e-mail (RFC 5322, 3.6).
    headers = BytesHeaderParser().parsebytes(head) if _FIRST_HEADER.match(head) else ()
    if "from" in headers and any(name in headers for name in _OF_MESSAGES):
        raise packed_away("an e-mail")
    if b"%PDF-" in head[:_PDF_WITHIN]:
        raise other_document("a PDF document")
    content.seek(max(0, content.seek(0, 2) - _ZIP_TAIL))
    if _ZIP_END in content.read():
        raise malformed("an archive is hidden behind other content")


def encoding_of(content: BinaryIO) -> str:
    """Return the codec of a text: the one declared, else UTF-8 if all of it decodes, else Windows-1252.
    Raises Unreadable where an XML declaration names an unusable encoding.
    """
    if (declared := declared_encoding(content)) is not None:
        return declared
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks(content):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def declared_encoding(content: BinaryIO) -> str | None:
    """Return the codec shown by a text's byte order mark, zero bytes (UTF-16) or XML declaration; else None.
    Raises Unreadable where an XML declaration names an unusable encoding.
    """
    head = head_of(content)
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return codec
    if head[:1] and head[1:4:2] == b"\0\0" and head[0]:
        return "utf-16-le"
    if head[1:4:2] and head[:3:2] == b"\0\0" and head[1]:
        return "utf-16-be"
    start = head.lstrip()
    if start.startswith(b"<?xml") and b"?>" not in start[:_DECLARATION_WITHIN]:
        raise malformed("the XML declaration is too long")
    declared = _DECLARED.match(start)
    if declared:
        try:
            codec = codecs.lookup(declared.group(1).decode("ascii")).name
        except LookupError:
            raise malformed("the XML declares an encoding that does not exist") from None
        if codec not in _CODECS:
            raise malformed("the XML declares an encoding that is not in use for pupil data")
        return _CODECS[codec]
    return None


def chunks(content: BinaryIO) -> Iterator[bytes]:
    """Yield the whole content from the start, in pieces of at most 64 KB."""
    content.seek(0)
    while chunk := content.read(CHUNK):
        yield chunk


def text_chunks(source: Source) -> Iterator[str]:
    """Yield the content as decoded text, in pieces. Raises Unreadable for bytes that are not text."""
    errors = "replace" if source.encoding == "cp1252" else "strict"
    decoder = codecs.getincrementaldecoder(source.encoding)(errors)
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
    """Yield the content in UTF-8 without its byte order mark, in pieces; UTF-8 is passed on undecoded."""
    if source.encoding in ("utf-8", "utf-8-sig"):
        pieces = chunks(source.content)
        yield next(pieces, b"").removeprefix(codecs.BOM_UTF8)
        yield from pieces
    else:
        for text in text_chunks(source):
            yield text.encode("utf-8", "replace")


def classified_as(
    data_type: str,
    level: Level,
    evidence: Iterable[str],
    format: str,  # noqa: A002
    **more: Any,  # noqa: ANN401 - further fields of `Classified`
) -> Classified:
    """Return a `Classified` with this data type, level, evidence and format, still without counts.
    `Tally.completed` adds the counts. `more`: values for other fields of `Classified`, by name.
    """
    told = tuple(evidence)
    return Classified(data_type=data_type, level=level, evidence=told, format=format, extension="", **more)
