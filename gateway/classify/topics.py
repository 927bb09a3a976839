"""Find sensitive topics in content of unknown type.

Such content waits for a person; its topics decide which people may see it. The search reads any content as
rows of text: texts, tables, markup, parts of archives and of office documents, also in old formats. Pictures
and most PDFs reveal nothing.
"""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import chain
from typing import BinaryIO, cast

from gateway.classify.content import (
    BROKEN,
    Unreadable,
    declared_encoding,
    decoded_parts,
    encoding_of,
    head_of,
)
from gateway.classify.sensitive import DISGUISED, Sensitive, plain
from gateway.classify.value_kinds import FLAGS

_BYTES, _BYTES_OF_TEXT, _BYTES_OF_ARCHIVE = 1024**2, 32 * 1024**2, 8 * 1024**2
_LONGEST_PHRASE = 200
_MEMBERS, _NAMES = 40, 1_000
_MOST_UNPACKED, _UNPACKED_OF_ALL = 16 * 1024**2, 64 * 1024**2
_TEXT_MEMBERS = (".xml", ".csv", ".txt", ".tsv", ".htm", ".html", ".json", ".rtf")
_UTF_32 = (
    (re.compile(rb"\xff\xfe\0\0|(?:[\t\n\r -~\xa0-\xff]\0\0\0){4}"), "utf-32-le"),
    (re.compile(rb"\0\0\xfe\xff|(?:\0\0\0[\t\n\r -~\xa0-\xff]){4}"), "utf-32-be"),
)
_OLD_DOCUMENT = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
# Element names in these parts are an Office program's own words (savePreviewPicture), nobody's headings.
_OFFICE_TYPES = "[Content_Types].xml"
_OFFICE_PARTS = (_OFFICE_TYPES, "_rels/", "docProps/", "word/", "ppt/", "xl/")
_TAG = re.compile(r"<[^<>]*>")
_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,30}:)?([A-Za-z_][\w.-]{1,60})")  # without its prefix
_ATTRIBUTE = re.compile(
    r"\s([A-Za-z_][\w.-]{0,60})\s?=\s?(?:\"([^\"<>]{0,40})\"|'([^'<>]{0,40})')"
)  # without a prefix
_PAGE = re.compile(r"<(?:!doctype html|html|svg|table)\b", re.IGNORECASE)
_CONTROLS, _MOST_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]"), 0.02
_RUNS = re.compile(r"[\t\n\r -~]{16,}")
# Strings of binary workbooks, read as a row blank at both ends, for each may be a heading. Of XLSB all are
# in UTF-16, and what follows them reads as U+0180 or more.
_STRINGS, _LONG_STRINGS = (re.compile(rf"[ -~\u00a0-\u017f]{{{fewest},}}") for fewest in (3, 5))
_OLD_WORKBOOK = re.compile(rb"\x09\x08[\x08\x10]\x00\x00[\x05\x06]")
_BINARY = re.compile(r"xl/(?:sharedStrings|comments\d*|(?:work|dialog|chart)sheets/[^/]*)\.bin").fullmatch
_CELLS = re.compile(r"[,;|\"\x00-\x1f]+")
_HEADINGS_WITHIN = 128 * 1024
_NAME_LENGTH = 40
_TABLE_CELLS = 3
# A text of so many characters is in one piece.
_WHOLE, _DELIMITERS = _BYTES // 4, ",;\t|"
# Notes at cells: people's own words, of any length.
_NOTES = re.compile(r"<(?:[\w.-]{1,30}:)?(?:comments|ThreadedComments|annotation)\b")


_Texts = Iterator[tuple[str, bool | None]]


def topics_in(
    content: BinaryIO,
    sensitive: Sensitive,
    flags: re.Pattern[str],
    flag_columns: Collection[str] = (),
    *,
    of_people: bool = False,
) -> tuple[str, ...]:
    """Return labels of sensitive topics likely in content of unknown type; mostly none. Never raises.
    `flags`: a pattern of elements, and `flag_columns`: names of columns, that only say yes or no; none of
    these is taken for a topic. `of_people`: True if a cell may be somebody's name, such as Foster.
    """
    found: dict[str, None] = {}
    most = _BYTES_OF_ARCHIVE if head_of(content, len(_ZIP)) == _ZIP else _BYTES_OF_TEXT
    texts, encoded = _within(_texts(content), most), _within(_encoded_texts(content), _BYTES_OF_TEXT)
    for whole, elements in chain(texts, encoded):
        # A piece may end within an element, which the next one then repeats.
        more = (name for name, other in flags.findall(whole[:-_LONGEST_PHRASE]) if other)
        text = flags.sub(lambda each: each[0] if each["other"] else "", whole)
        start, longest = text[:_HEADINGS_WITHIN] if elements is not None else "", _NAME_LENGTH
        marked = start.lstrip("\ufeff \r\n\t").startswith("<")
        names = dict.fromkeys(_ELEMENT.findall(start) if marked and elements else [])
        if names and not _PAGE.search(start):
            names |= dict.fromkeys(filter(None, chain.from_iterable(_ATTRIBUTE.findall(start))))
        if marked and _NOTES.search(start):
            start, longest = text, len(text)
        # Possible headings are texts between tags, or cells of a row with three or more.
        lines = (_TAG.sub("\n", start) if marked else start).splitlines()
        rows = ([line] if marked else _CELLS.split(line) for line in lines)
        cells = (cell.strip() for row in rows if marked or len(row) >= _TABLE_CELLS for cell in row)
        names |= dict.fromkeys(chain(more, (cell for cell in cells if cell and len(cell) <= longest)))
        for name in () if marked or elements is None else _headings_of_flags(text, flag_columns):
            names.pop(name, None)
        # Octets of a binary file, read as UTF-16, may be letters of any alphabet.
        is_binary = len(_CONTROLS.findall(start)) > _MOST_CONTROLS * len(start)
        for name in names:
            topic = sensitive.of_name(name)
            is_noise = is_binary and topic == DISGUISED
            if topic and not is_noise and not (of_people and sensitive.may_be_called(name)):
                found[topic] = None
        found[sensitive.of_text(text)] = None
    return tuple(filter(None, found))


def _headings_of_flags(text: str, columns: Collection[str]) -> Collection[str]:
    """Return those of the headings `columns` in a table's first line that have only yes or no below."""
    first = text.partition("\n")[0]
    if len(text) > _WHOLE or not text.endswith("\n") or not any(map(first.__contains__, _DELIMITERS)):
        return ()
    with suppress(csv.Error):
        head, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count))
        flags = {"", *FLAGS}
        return {
            name.strip()
            for place, name in enumerate(head)
            if plain(name) in columns
            and all(row[place].strip().upper() in flags for row in rows if row[place:])
        }
    return ()


def _within(texts: _Texts, left: int) -> _Texts:
    """Yield texts of `left` characters in all, the last one cut."""
    for text, elements in texts:
        yield text[:left], elements
        left -= len(text)
        if left <= 0:
            break


def _encoded_texts(content: BinaryIO) -> _Texts:
    """Yield the texts in the encoded parts of an e-mail, each with a second value as in `_texts`."""
    parts = decoded_parts(content)
    yield from _pieces(io.BytesIO(next(parts, None) or b""), "utf-8")  # The words of headers are text.
    for part in filter(None, parts):
        yield from _texts(io.BytesIO(part), inside=True)


def _texts(content: BinaryIO, *, inside: bool = False) -> _Texts:
    """Yield each text in a file. Second comes True if its element names are to be searched as headings, else
    False; None for a later piece of a long text, in which no headings are searched for.
    `inside`: True for a file in an archive, such as a workbook: only texts are read, and no archive unpacked.
    """
    head = head_of(content, _BYTES)
    if head.startswith(_ZIP):
        yield from _members(content, inside=inside)
    elif head.startswith(_OLD_DOCUMENT):
        for text in (head.decode("latin-1"), *_wide(head)):
            yield text, True
            if _OLD_WORKBOOK.search(head):
                yield "\t".join(("", *_LONG_STRINGS.findall(text), "")), True
    else:
        encoding = _encoding(content, encoding_of) or "latin-1"
        text = head.decode(encoding, "replace")
        if len(_CONTROLS.findall(text)) <= _MOST_CONTROLS * len(text):
            yield from _pieces(content, encoding)
        else:  # Only longer runs: abbreviations stand in it by chance.
            yield "\n".join(_RUNS.findall(text)), True


def _encoding(content: BinaryIO, told: Callable[[BinaryIO], str | None]) -> str | None:
    """Return the codec of a text: UTF-32 if the first bytes show so, else the result of the function `told`.
    None if `told` raises Unreadable.
    """
    head = head_of(content, 16)
    if (wide := next((codec for sign, codec in _UTF_32 if sign.match(head)), None)) is not None:
        return wide
    with suppress(Unreadable):
        return told(content)
    return None


def _pieces(content: BinaryIO, encoding: str) -> _Texts:
    """Yield a text in pieces of 1 MiB that overlap, each with a second value as in `_texts`."""
    decoder, before = codecs.getincrementaldecoder(encoding)("replace"), ""
    content.seek(0)
    while data := content.read(_BYTES):
        text = before + decoder.decode(data)
        yield text, None if before else True
        before = text[-_LONGEST_PHRASE:]


def _wide(octets: bytes) -> tuple[str, str]:
    """Return octets read as UTF-16 from the first one on, and from the second one on."""
    return octets.decode("utf-16-le", "replace"), octets[1:].decode("utf-16-le", "replace")


def _members(content: BinaryIO, *, inside: bool) -> _Texts:
    try:
        packed = zipfile.ZipFile(content)
    except BROKEN:
        return  # An unreadable archive reveals nothing; the decision to wait is already made.
    with packed:
        names, members = packed.namelist(), packed.infolist()
        if office := _OFFICE_TYPES in names:
            # What a workbook says stands in one part, behind its sheets.
            members.sort(key=lambda one: "sharedStrings." not in one.filename)
        else:
            members.sort(key=lambda one: (one.filename.startswith("__MACOSX/"), one.file_size))
            yield "\n".join(names[:_NAMES]), False
        # Texts and others have places and room of their own, so that no pictures take those of notes.
        places, room = {True: _MEMBERS, False: 0 if inside or office else _MEMBERS}, _UNPACKED_OF_ALL
        later: list[_Texts] = []
        for one in members:
            is_text = bool(
                one.filename.casefold().endswith(_TEXT_MEMBERS) or (office and _BINARY(one.filename))
            )
            if one.is_dir() or not places[is_text]:
                continue
            places[is_text] -= 1
            data, texts = b"", _part(packed, one, office=office)
            if not is_text:
                with suppress(*BROKEN), packed.open(one) as member:  # Of others something may be told.
                    data = member.read(min(room, _MOST_UNPACKED))
                room, texts = room - len(data), _texts(io.BytesIO(data), inside=True)
            for found in texts:
                if found[1] is None:  # Something of every text comes first.
                    later.append(chain([found], texts))
                    break
                yield found
        for texts in later:
            yield from texts


def _part(packed: zipfile.ZipFile, one: zipfile.ZipInfo, *, office: bool) -> _Texts:
    """Yield the text of one file in an archive, in pieces, with the second value that `_texts` describes.
    Of a part of a binary workbook, only the strings are yielded. `office`: True in an Office document.
    """
    with suppress(*BROKEN), packed.open(one) as member:
        if office and _BINARY(one.filename):
            for most, elements in ((_BYTES, True), (_BYTES_OF_ARCHIVE, None)):
                for text in _wide(member.read(most)):
                    yield "\t".join(("", *_STRINGS.findall(text), "")), elements
        else:
            own, content = office and one.filename.startswith(_OFFICE_PARTS), cast(BinaryIO, member)
            for text, elements in _pieces(content, _encoding(content, declared_encoding) or "utf-8"):
                yield text, elements and not own
