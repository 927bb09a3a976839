"""Hostile archives: bombs, false headers, nested archives, several files or none."""

import io
import struct
import zipfile
from collections.abc import Iterator
from random import Random

from gateway.samples.build import make
from gateway.samples.negatives.negative import Negative
from gateway.samples.presentation import zipped

_ZEROS = 200_000_000
_SHEET_HEAD = (
    b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b"<sheetData>"
)


def files(rng: Random) -> Iterator[Negative]:
    """Yield each archive."""
    ctf = make("student-core", "ctf-full", rng=rng)
    book = make("student-core", "xlsx-core", rng=rng)
    for what, content in _zips(ctf):
        yield Negative(what, "archive", f"{what}.zip", content)
    for what, content in _workbooks(book):
        yield Negative(what, "archive", f"{what}.xlsx", content)


def _zips(ctf: bytes) -> Iterator[tuple[str, bytes]]:
    whole = zipped({"ctf.xml": ctf})
    yield "ZIP bomb", _bomb()
    yield "ZIP bomb of XML", zipped({"ctf.xml": b"<CTfile><CTFpupilData>" + b" " * 100_000_000})
    yield "ZIP that lies about its size", _lying(b"x" * 50_000_000)
    yield "ZIP in a ZIP", zipped({"inner.zip": whole})
    yield "ZIP of two kinds of files", zipped({"a.xml": ctf, "b.txt": b"a note" * 90})
    yield "ZIP of ten thousand files", zipped({f"{n}.txt": b"" for n in range(10_000)})
    yield "ZIP of nothing", zipped({})
    yield "ZIP with a password", _encrypted(whole)
    yield "ZIP cut off", whole[: len(whole) // 2]
    yield "ZIP with a wrong checksum", _flipped(whole)
    yield "ZIP of a photo", zipped({"photo.jpg": b"\xff\xd8\xff\xe0" + bytes(500)})


def _bomb() -> bytes:
    """Return an archive of some 200 KB with a member of 200 MB of zeros."""
    out = io.BytesIO()
    info = zipfile.ZipInfo("pupils.csv", (2026, 6, 15, 7, 30, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w") as archive, archive.open(info, "w") as member:
        for _ in range(_ZEROS // 1_000_000):
            member.write(bytes(1_000_000))
    return out.getvalue()


def _lying(content: bytes) -> bytes:
    """Return a ZIP with headers claiming a member of 100 bytes."""
    honest = zipped({"pupils.csv": content})
    size = struct.pack("<I", len(content))
    return honest.replace(size, struct.pack("<I", 100))


def _encrypted(whole: bytes) -> bytes:
    """Return `whole` with the encryption bit of its member set in both headers."""
    central = whole.rindex(b"PK\x01\x02")
    out = bytearray(whole)
    out[6] |= 1
    out[central + 8] |= 1
    return bytes(out)


def _flipped(whole: bytes) -> bytes:
    """Return `whole` with a changed byte in the middle of its compressed member."""
    out = bytearray(whole)
    out[len(out) // 2] ^= 0xFF
    return bytes(out)


def _workbooks(book: bytes) -> Iterator[tuple[str, bytes]]:
    parts = _members(book)
    sheet = next(name for name in parts if name.startswith("xl/worksheets/"))
    row = b"<row><c><v>1</v></c></row>"
    yield "workbook bomb", zipped({**parts, sheet: _SHEET_HEAD + row * 4_000_000})
    yield "workbook of entities", zipped({**parts, sheet: _entities(_SHEET_HEAD)})
    yield "workbook without a sheet", zipped({n: c for n, c in parts.items() if n != sheet})
    yield "workbook with a broken sheet", zipped({**parts, sheet: parts[sheet][: len(parts[sheet]) // 2]})
    yield "workbook cut off", book[: len(book) // 2]


def _members(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _entities(head: bytes) -> bytes:
    levels = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))
    doctype = b'<!DOCTYPE worksheet [<!ENTITY e0 "ha">' + levels + b"]>"
    start = head.index(b"<worksheet")
    cell = b"<row><c t='str'><v>&e9;</v></c></row></sheetData></worksheet>"
    return head[:start] + doctype + head[start:] + cell
