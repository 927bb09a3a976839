"""Files that are no pupil data, or want to do harm. None may get a data type.

Each is made when it is asked for: together they take seconds, and every worker reads the list of the tests.
"""

import io
import os
import random
import zipfile
from collections.abc import Callable

from tests.classify import made
from tests.corpus import books

CORE = made.as_csv(made.core_rows()).encode()
ATTENDANCE = made.attendance_around(map(made.attendance_pupil, made.children())).encode()
CTF = made.ctf([made.pupil(c, made.CORE_INSIDE) for c in made.children()]).encode()


def _zip(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


_RELATIONS = (
    b"<Relationships><Relationship Id='a' Target='worksheets/sheet1.xml' Type='x/worksheet'/></Relationships>"
)


def _workbook(sheet: bytes, strings: bytes = b"<sst/>", styles: bytes = b"<styleSheet/>") -> bytes:
    relation = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return _zip(
        ("[Content_Types].xml", b"<Types/>"),
        (
            "xl/workbook.xml",
            b"<workbook xmlns:r='%s'><sheets><sheet r:id='a'/></sheets></workbook>" % relation,
        ),
        (
            "xl/_rels/workbook.xml.rels",
            _RELATIONS,
        ),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/sharedStrings.xml", strings),
        ("xl/styles.xml", styles),
    )


def _laughs() -> bytes:
    entities = b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol") for n in range(12)
    )
    return b'<?xml version="1.0"?><!DOCTYPE CTfile [%s]>' % entities + CTF.partition(b"?>\n")[2]


def _csv(header: str, row: str, count: int = 200) -> bytes:
    return "\n".join([header, *[row] * count]).encode()


def _noise(size: int) -> bytes:
    return random.Random(5).randbytes(size)


def _ods(rows: str) -> bytes:
    """A spreadsheet with these rows before the others."""
    first = b"<table:table-row>"
    content = books.ods(books.Page([["UPN", "Surname"], ["A", "B"]]))
    return books.with_member(content, "content.xml", lambda xml: xml.replace(first, rows.encode() + first, 1))


def _circle(content: bytes) -> bytes:
    """The old workbook whose table of sectors points back to its first for ever."""
    first = 512 * (1 + int.from_bytes(content[76:80], "little"))
    return content[:first] + bytes(4) * 128 + content[first + 512 :]


def _lying_bomb() -> bytes:
    """An archive whose directory promises much less than its member unpacks to."""
    content = bytearray(_zip(("a.csv", CORE + b"\n" * 60_000_000)))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = len(CORE).to_bytes(4, "little")
    return bytes(content)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"\0",
    "one letter": lambda: b"A",
    "blanks": lambda: b" \n" * 100_000,
    "random": lambda: _noise(3_000_000),
    "random letters": lambda: bytes(97 + byte % 26 for byte in _noise(3_000_000)),
    "zeros": lambda: bytes(5_000_000),
    "one line": lambda: b"a" * 5_000_000,
    "CIN": lambda: made.census_around(map(made.census_pupil, made.children()), collection="CIN").encode(),
    "workforce": lambda: made.census_around(
        map(made.census_pupil, made.children()), collection="SWF"
    ).encode(),
    "payroll": lambda: _csv(
        "Employee Number,Surname,Forename,Date of Birth,NI Number,Gender,Email,Postcode,Basic Pay,Grade",
        "100200,Brown,Ann,1980-01-02,QQ123456C,F,a@example.org,TA1 1AA,2500.00,5",
    ),
    "workforce table": lambda: _csv(
        "Teacher Number,Surname,Forename,DOB,Gender,Ethnicity,Contract Type,Start Date,Role,Hours",
        "1234567,Brown,Ann,1980-01-02,F,WBRI,PRM,01/09/2010,TCHR,32.5",
    ),
    "another LA's figures": lambda: _csv(
        "LA,LA Name,URN,School Name,Pupils,FSM,EAL,SEN Support,Persistent Absence,Attendance,Exclusions",
        "801,Bristol,123456,A School,210,21,14,30,12.1,94.5,3",
    ),
    "another LA's places": lambda: _csv(
        "DfE Number,School,Phase,PAN,Year R,Year 1,Year 2,Postcode",
        "8012345,A School,Primary,30,28,30,29,BS1 1AA",
    ),
    "contacts": lambda: _csv("Name,Phone,Email,Address", "Ann Brown,01823 000000,a@example.org,1 Low Road"),
    "shopping": lambda: _csv("Item,Price,Date,Category,Reason", "Chairs,20.00,2026-01-01,Furniture,New room"),
    "JPEG": lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF" + _noise(500_000),
    "PNG": lambda: b"\x89PNG\r\n\x1a\n" + _noise(500_000),
    "PDF": lambda: b"%PDF-1.7\n" + _noise(500_000) + b"\n%%EOF",
    "PDF and CSV": lambda: b"%PDF-1.7\n" + CORE + b"%%EOF",
    "CSV and PDF": lambda: CORE[:900] + b"\n%PDF-1.7\n" + CORE,
    "CSV and ZIP": lambda: CORE + _zip(("a.csv", CORE)),
    "XML and ZIP": lambda: CTF + _zip(("a.csv", CORE)),
    "ZIP and CSV": lambda: _zip(("a.csv", CORE)) + CORE,
    "JPEG and CSV": lambda: b"\xff\xd8\xff\xe0" + CORE,
    "program and CSV": lambda: b"MZ\x90\x00" + CORE,
    "DOCX": lambda: _zip(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<document/>")),
    "old Office": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100_000),
    "HTML": lambda: b"<!DOCTYPE html><html><body><table><tr><td>UPN</td></tr></table></body></html>",
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<path d='M0 0'/>" * 100_000 + b"</svg>",
    "SVG around pupils": lambda: (
        b"<svg xmlns='http://www.w3.org/2000/svg'><metadata xmlns=''>%s</metadata></svg>" % ATTENDANCE
    ),
    "HTML around pupils": lambda: b"<html><body>%s</body></html>" % ATTENDANCE,
    "JSON": lambda: b'[{"UPN":"A","Surname":"Brown"}]' * 10_000,
    "entities": _laughs,
    "external entity": lambda: (
        b'<!DOCTYPE CTfile [<!ENTITY x SYSTEM "file:///etc/passwd">]><CTfile>&x;</CTfile>'
    ),
    "external DTD": lambda: (
        b'<!DOCTYPE CTfile SYSTEM "http://127.0.0.1:9/x.dtd">' + CTF.partition(b"?>\n")[2]
    ),
    "DTD in UTF-16": lambda: '<!DOCTYPE CTfile [<!ENTITY x "y">]><CTfile/>'.encode("utf-16"),
    "deep": lambda: b"<CTfile>" + b"<a>" * 500_000,
    "deep and closed": lambda: b"<CTfile>" + b"<a>" * 1_000 + b"</a>" * 1_000 + b"</CTfile>",
    "deep in a pupil": lambda: CTF.replace(
        b"<BasicDetails>", b"<a>" * 90 + b"x" + b"</a>" * 90 + b"<BasicDetails>", 1
    ),
    "deep of no kind": lambda: b"<a>" * 500_000,
    "wide": lambda: b"<CTfile><Header>" + b"<a/>" * 2_000_000,
    "many attributes": lambda: CTF.replace(
        b"<BasicDetails>", b"<b " + b" ".join(b"a%d=''" % n for n in range(5_000)) + b"/><BasicDetails>", 1
    ),
    "many names": lambda: b"<CTfile><CTFpupilData>" + b"".join(b"<a%d/>" % n for n in range(300_000)),
    "long text": lambda: CTF.replace(b"TA1 1AA", b"x" * 12_000_000, 1),
    "long name": lambda: b"<CTfile><" + b"a" * 12_000_000,
    "endless comment": lambda: b"<!--" + b"a" * 12_000_000,
    "XML cut off": lambda: CTF[:-200],
    "two documents": lambda: CTF + CTF,
    "junk first": lambda: b"\0\0" + CTF,
    "UTF-8 that lies": lambda: CTF.replace("Zoë".encode(), b"Zo\xeb"),
    "unknown encoding": lambda: b'<?xml version="1.0" encoding="x-none"?><CTfile/>',
    "10,000 columns": lambda: _csv(",".join(["UPN", "Surname", *(f"C{n}" for n in range(10_000))]), "A,B", 5),
    "wide rows": lambda: CORE + b"x," * 400_000,
    "unclosed quotation": lambda: CORE + b'"' + b"a,b\n" * 200_000,
    "unclosed quotation at the end": lambda: CORE + b'A,"B\n',
    "formula": lambda: CORE.replace(b"1 Low Road", b"=cmd|'/C calc'!A0", 1),
    "formula with plus": lambda: CORE.replace(b"Brown", b"+WEBSERVICE(A1)", 1),
    "formula with minus": lambda: CORE.replace(b"Brown", b"-2+3+cmd|'x'!A0", 1),
    "formula with at": lambda: CORE.replace(b"Brown", b"@CALL(A1)", 1),
    "formula behind blanks": lambda: CORE.replace(b"Brown", b'"  =HYPERLINK(""http://x"")"', 1),
    "formula in the header": lambda: CORE.replace(b"Mobile Number", b"=cmd|x!A1", 1),
    "control characters": lambda: CORE.replace(b"Brown", b"Br\x1bown", 1),
    "ZIP bomb": lambda: _zip(("a.csv", CORE + b"\n" * 60_000_000)),
    "ZIP bomb that lies": _lying_bomb,
    "ZIP of ZIPs": lambda: _zip(("a.zip", _zip(("b.zip", _zip(("a.csv", CORE)))))),
    "ZIP of two": lambda: _zip(("a.csv", CORE), ("b.exe", b"MZ")),
    "ZIP of a file without a name": lambda: _zip(("?.csv", CORE)).replace(b"?.csv", b"\0.csv"),
    "ZIP with a path": lambda: _zip(("../../etc/passwd", b"root:x:0:0")),
    "workbook of one far cell": lambda: _workbook(
        b"<worksheet><sheetData><row><c r='A1' t='str'><v>UPN</v></c></row>"
        b"<row r='1048576'><c r='XFD1048576'><v>1</v></c></row></sheetData></worksheet>"
    ),
    "workbook bomb": lambda: _workbook(b"<worksheet><sheetData>" + b"<row/>" * 20_000_000),
    "workbook of strings": lambda: _workbook(b"<worksheet/>", b"<sst>" + b"<si><t>a</t></si>" * 1_600_000),
    "workbook of styles": lambda: _workbook(
        b"<worksheet/>", styles=b"<styleSheet><cellXfs>" + b"<xf/>" * 2_000_000
    ),
    "workbook with entities": lambda: _workbook(b"<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet/>"),
    "workbook with a formula": lambda: _workbook(
        b"<worksheet><sheetData><row><c t='str'><v>UPN</v></c><c t='str'><v>DOB</v></c></row>"
        b"<row><c t='str'><f>1+1</f><v>2</v></c><c><v>1</v></c></row></sheetData></worksheet>"
    ),
    "JSON, deep": lambda: b'[{"a":' * 100_000,
    "JSON, deep lists": lambda: b"[" * 3_000_000,
    "JSON of one long text": lambda: b'[{"UPN":"' + b"A" * 12_000_000 + b'"}]',
    "JSON of one long number": lambda: b'[{"UPN":' + b"1" * 3_000_000 + b"}]",
    "JSON of many names": lambda: (
        b'[{"UPN":"A","Surname":"B",%s}]' % b",".join(b'"c%d":1' % n for n in range(200_000))
    ),
    "JSON cut off": lambda: b'[{"UPN":"A","Surname":"Brown"},',
    "JSON and more": lambda: b'[{"UPN":"A","Surname":"Brown"}]' * 2,
    "JSON of lists": lambda: b'{"UPN":[%s]}' % b",".join([b"[1]"] * 200_000),
    "spreadsheet of endless rows": lambda: _ods(
        '<table:table-row table:number-rows-repeated="99999999"><table:table-cell><text:p>UPN</text:p>'
        "</table:table-cell><table:table-cell><text:p>DOB</text:p></table:table-cell></table:table-row>"
    ),
    "spreadsheet of endless columns": lambda: _ods(
        '<table:table-row><table:table-cell table:number-columns-repeated="99999999"><text:p>UPN</text:p>'
        "</table:table-cell></table:table-row>"
    ),
    "spreadsheet of endless blanks": lambda: _ods(
        '<table:table-row><table:table-cell><text:p>UPN<text:s text:c="99999999"/></text:p>'
        '</table:table-cell><table:table-cell table:number-columns-repeated="99999999"/></table:table-row>'
        * 50
    ),
    "spreadsheet in a spreadsheet": lambda: _ods(
        "<table:table-row><table:table-cell><table:table><table:table-row/></table:table>"
        "</table:table-cell></table:table-row>"
    ),
    "spreadsheet of many rows": lambda: _ods("<table:table-row/>" * 2_000_000),
    "binary workbook of two far cells": lambda: books.xlsb(
        more={"xl/worksheets/sheet1.bin": books.xlsb_sheet([["UPN"]]) + books.xlsb_sheet([["x"]], 1_048_000)}
    ),
    "binary workbook of noise": lambda: books.xlsb(more={"xl/worksheets/sheet1.bin": _noise(300_000)}),
    "old workbook of two far cells": lambda: books.xls(
        books.Page([["UPN", "Surname"], *[[]] * 65_000, [*[""] * 255, "x"]])
    ),
    "old workbook cut off": lambda: books.xls(books.Page(made.core_rows()))[:5_000],
    "old workbook of noise": lambda: books.compound({"Workbook": b"\x09\x08\x10\x00" + _noise(50_000)}),
    "old workbook that turns in a circle": lambda: _circle(books.xls(books.Page(made.core_rows()))),
    "password": lambda: b"Salted__" + os.urandom(100),
}
