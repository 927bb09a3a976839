"""Files of other kinds: pictures, documents, noise, nothing."""

from __future__ import annotations

import base64
import gzip
import io
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from random import Random

from gateway.samples import make
from gateway.samples.presentation import zipped
from tests.negatives.tables import Negative

# The smallest grey JPEG: one pixel.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////"
    "////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
_DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    "<w:p><w:r><w:t>A letter to parents</w:t></w:r></w:p></w:body></w:document>"
)
_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="word/document.xml"/></Relationships>'
)
_DOCX = {"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS, "word/document.xml": _DOCUMENT}


def files(rng: Random) -> Iterator[Negative]:
    """Yield one of each."""
    noise = rng.randbytes
    contents = {
        "photo.jpg": JPEG,
        "pixel.png": _png(),
        "letter.pdf": pdf(),
        "letter.docx": zipped({name: text.encode() for name, text in _DOCX.items()}),
        "old.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
        "book.sqlite": _sqlite(),
        "pupils.csv.gz": gzip.compress(b"UPN,Surname,Forename\r\n" * 50, mtime=0),
        "backup.tar": _tar(),
        "message.eml": b"From: a@example.org\r\nTo: b@example.org\r\nSubject: attendance\r\n\r\nSee it.\r\n",
        "page.html": b"<!DOCTYPE html><html><body><p>Attendance marks</p></body></html>",
        "notes.txt": b"Please find the attendance of class 3B.\r\nMany thanks\r\n" * 20,
        "settings.json": b'{"UPN": ["A1"], "Surname": ["Mock"]}',
        "nothing.xml": b"",
        "blank.csv": b" \r\n\r\n\t\r\n",
        "mark only.csv": b"\xef\xbb\xbf",
        "zeros.bin": bytes(100_000),
        "long line.txt": b"x" * 5_000_000,
        "commas.csv": b"," * 2_000_000,
        "line ends.csv": b"\r\n" * 500_000,
        **{f"noise {size}.bin": noise(size) for size in (1, 7, 512, 65_536, 1_000_000)},
    }
    for name, content in contents.items():
        yield Negative(name, "binary", name, content)


def pdf(text: str = "A letter to parents") -> bytes:
    """Return a PDF of one page showing `text`, with a correct cross-reference table."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"xref\n0 5\n0000000000 65535 f \n%strailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(out) + tail % (table, len(out))


def _png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return len(body).to_bytes(4, "big") + kind + body + checksum.to_bytes(4, "big")

    size = (1).to_bytes(4, "big") * 2
    header, pixel = chunk(b"IHDR", size + b"\x08\x00\x00\x00\x00"), chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + header + pixel + chunk(b"IEND", b"")


def _sqlite() -> bytes:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE pupil (upn TEXT, surname TEXT)")
    content = database.serialize()
    database.close()
    return content


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        body = b"UPN,Surname,Forename\r\n"
        member = tarfile.TarInfo("pupils.csv")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return out.getvalue()


# Hostile archives: bombs, false headers, nested archives, several files or none.

_ZEROS = 200_000_000
_SHEET_HEAD = (
    b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b"<sheetData>"
)


def archives(rng: Random) -> Iterator[Negative]:
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
    # Its headers claim a member of 100 bytes.
    honest, size = zipped({"pupils.csv": b"x" * 50_000_000}), struct.pack("<I", 50_000_000)
    yield "ZIP that lies about its size", honest.replace(size, struct.pack("<I", 100))
    yield "ZIP in a ZIP", zipped({"inner.zip": whole})
    yield "ZIP of two kinds of files", zipped({"a.xml": ctf, "b.txt": b"a note" * 90})
    yield "ZIP of ten thousand files", zipped({f"{n}.txt": b"" for n in range(10_000)})
    yield "ZIP of nothing", zipped({})
    yield "ZIP with a password", _encrypted(whole)
    yield "ZIP cut off", whole[: len(whole) // 2]
    half = len(whole) // 2
    yield "ZIP with a wrong checksum", whole[:half] + bytes([whole[half] ^ 0xFF]) + whole[half + 1 :]
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


def _encrypted(whole: bytes) -> bytes:
    """Return `whole` with the encryption bit of its member set in both headers."""
    central = whole.rindex(b"PK\x01\x02")
    out = bytearray(whole)
    out[6] |= 1
    out[central + 8] |= 1
    return bytes(out)


def _workbooks(book: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = next(name for name in parts if name.startswith("xl/worksheets/"))
    row = b"<row><c><v>1</v></c></row>"
    yield "workbook bomb", zipped({**parts, sheet: _SHEET_HEAD + row * 4_000_000})
    yield "workbook of entities", zipped({**parts, sheet: _entities(_SHEET_HEAD)})
    yield "workbook without a sheet", zipped({n: c for n, c in parts.items() if n != sheet})
    yield "workbook with a broken sheet", zipped({**parts, sheet: parts[sheet][: len(parts[sheet]) // 2]})
    yield "workbook cut off", book[: len(book) // 2]


def _entities(head: bytes) -> bytes:
    levels = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))
    doctype = b'<!DOCTYPE worksheet [<!ENTITY e0 "ha">' + levels + b"]>"
    start = head.index(b"<worksheet")
    cell = b"<row><c t='str'><v>&e9;</v></c></row></sheetData></worksheet>"
    return head[:start] + doctype + head[start:] + cell
