"""Files in files: archives of several, workbooks of several sheets, and what may stand beside a table."""

from __future__ import annotations

from struct import pack

from tests.classify import made
from tests.corpus.books import Page, ods, xls, xlsb, xlsx, zipped
from tests.corpus.corpus import Files

CODES = [["Code", "Meaning"], ["WBRI", "White British"], ["AIND", "Indian"], ["CHNE", "Chinese"]]
COVER = [["Exported for the local authority", "Please keep it safe"], ["Report", "24 November"]]
NOTES = [["Ring Mrs Brown before you use this."]]
OLD = b"\xd0\xcf\x11\xe0"
STORE = b"\x00\x00\x00\x01Bud1" + bytes(90)
THUMBNAILS = OLD + bytes(60) + "Catalog".encode("utf-16-le") + bytes(60)


def apple_double(*entries: bytes) -> bytes:
    """A file as a Mac writes it beside another one: what belongs to it and is not its content."""
    start = 26 + 12 * len(entries)
    places = [start + sum(map(len, entries[:n])) for n in range(len(entries))]
    table = [pack(">III", kind, at, len(e)) for kind, at, e in zip((9, 2), places, entries, strict=False)]
    return b"".join([b"\0\5\x16\7\0\2\0\0Mac OS X        ", pack(">H", len(entries)), *table, *entries])


FORK = b"This resource fork intentionally left blank   "
APPLE = apple_double(bytes(50), bytes(100) + FORK + bytes(100))


def core(first: int = 0, count: int = 12, school: str = "1234") -> made.Rows:
    """Core data as a system exports it, with the school's number in each row."""
    header = "UPN,Surname,Forename,DOB,Gender,Year Group,Reg Group,Ethnicity,Estab,LA"
    children = made.children(first + count)[first:]
    rows = [[c.upn, c.surname, c.forename, c.born, c.sex, "4", "4B", "WBRI", school, "999"] for c in children]
    return [header.split(","), *rows]


def text(rows: made.Rows) -> bytes:
    return made.as_csv(rows).encode()


def classes() -> list[Page]:
    return [Page(core(0), "4A"), Page(core(12), "4B"), Page(core(24), "4C")]


def beside(rows: made.Rows, shown: str = "visible") -> list[Page]:
    return [Page(core()), Page(rows, "Other", shown)]


FILES: Files = {
    "classes.zip": lambda: zipped({f"{n}.csv": text(core(12 * n)) for n in range(3)}),
    "core-and-marks.zip": lambda: zipped({"core.csv": text(core()), "marks.csv": text(made.mark_rows())}),
    "core-of-two-schools.zip": lambda: zipped(
        {"a.csv": text(core()), "b.csv": text(core(20, school="4321"))}
    ),
    "core-and-letter.zip": lambda: zipped({"core.csv": text(core()), "letter.pdf": b"%PDF-1.7 x"}),
    "core-and-cut-off.zip": lambda: zipped({"core.csv": text(core()), "ctf.xml": b"<CTfile><Pupil>"}),
    "letters.zip": lambda: zipped({"a.pdf": b"%PDF-1.7 x", "b.pdf": b"%PDF-1.7 y"}),
    "cut-off.zip": lambda: zipped({"a.xml": b"<CTfile><Pupil>", "b.xml": b"<CTfile><Pupil>"}),
    "core-and-unknown-columns.zip": lambda: zipped(
        {"core.csv": text(core()), "list.csv": text([["UPN", "Surname", "Zog"], ["A", "B", "Q"]])}
    ),
    "from-a-mac.zip": lambda: zipped(
        {"core.csv": text(core()), "__MACOSX/._core.csv": APPLE, ".DS_Store": STORE}
    ),
    "from-windows.zip": lambda: zipped(
        {
            "core.csv": text(core()),
            "desktop.ini": b"[.ShellClassInfo]\r\nx=1",
            "a/Thumbs.db": THUMBNAILS,
        }
    ),
    "hidden-as-macs.zip": lambda: zipped({"core.csv": text(core()), "__MACOSX/list.csv": b"A list of names"}),
    "hidden-as-thumbs.zip": lambda: zipped({"core.csv": text(core()), "Thumbs.db": b"A list of names"}),
    "words-behind-a-mac.zip": lambda: zipped(
        {"core.csv": text(core()), "__MACOSX/._core.csv": APPLE + b"Tom is on a child protection plan"}
    ),
    "words-in-a-mac.zip": lambda: zipped(
        {"core.csv": text(core()), "__MACOSX/._core.csv": apple_double(bytes(50), b"Tom has epilepsy")}
    ),
    "names-in-a-store.zip": lambda: zipped(
        {"core.csv": text(core()), ".DS_Store": STORE + "Tom child protection plan".encode("utf-16-be")}
    ),
    "workbook-as-thumbs.zip": lambda: zipped(
        {"core.csv": text(core()), "Thumbs.db": xls(Page(made.mark_rows()))}
    ),
    "workbooks.zip": lambda: zipped({f"{n}.xlsx": xlsx(Page(core(12 * n))) for n in range(2)}),
    "old-workbook.zip": lambda: zipped({"core.xls": xls(Page(core()))}),
    "ctfs.zip": lambda: zipped(
        {f"{n}.xml": made.ctf([made.pupil(made.Child(n), made.PHONICS)]) for n in (1, 2)}
    ),
    "zip-in-zip.zip": lambda: zipped({"a.zip": zipped({"core.csv": text(core())})}),
    "core.xls": lambda: xls(Page(core())),
    "core.xlsb": lambda: xlsb(Page(core())),
    "core.ods": lambda: ods(Page(core())),
    "marks.xls": lambda: xls(Page(made.mark_rows())),
    "marks.xlsb": lambda: xlsb(Page(made.mark_rows())),
    "marks.ods": lambda: ods(Page(made.mark_rows())),
    "classes.xlsx": lambda: xlsx(*classes()),
    "classes.xls": lambda: xls(*classes()),
    "classes.xlsb": lambda: xlsb(*classes()),
    "classes.ods": lambda: ods(*classes()),
    "core-and-marks.xlsx": lambda: xlsx(*beside(made.mark_rows())),
    "core-and-marks.ods": lambda: ods(*beside(made.mark_rows())),
    "codes.xlsx": lambda: xlsx(*beside(CODES)),
    "codes.xls": lambda: xls(*beside(CODES)),
    "codes.ods": lambda: ods(*beside(CODES, "hidden")),
    "cover.xlsx": lambda: xlsx(*beside(COVER)),
    "blank-sheet.xlsx": lambda: xlsx(*beside([])),
    "notes.xlsx": lambda: xlsx(*beside(NOTES)),
    "notes.xls": lambda: xls(*beside(NOTES)),
    "notes.xlsb": lambda: xlsb(*beside(NOTES)),
    "notes.ods": lambda: ods(*beside(NOTES)),
    "names-as-codes.xlsx": lambda: xlsx(*beside([["K", "Ann Brown"], ["K", "Ben Brown"]])),
    "hidden-table.xlsx": lambda: xlsx(*beside(core(20), "hidden")),
    "hidden-table.ods": lambda: ods(*beside(core(20), "hidden")),
    "very-hidden-table.xlsx": lambda: xlsx(*beside(core(20), "veryHidden")),
    "very-hidden-table.xls": lambda: xls(*beside(core(20), "veryHidden")),
    "very-hidden-table.xlsb": lambda: xlsb(*beside(core(20), "veryHidden")),
    "very-hidden-codes.xlsx": lambda: xlsx(*beside(CODES, "veryHidden")),
    "very-hidden-blank.xlsx": lambda: xlsx(*beside([], "veryHidden")),
    "total-below.csv": lambda: text(core()) + b"Total pupils: 12\r\nGenerated 24/11/2026 by SIMS\r\n",
    "note-below.csv": lambda: text(core()) + b"Ann is not to be collected by her uncle\r\n",
}
