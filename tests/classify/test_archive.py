"""ZIP archives: one file inside is read; everything that hides or explodes is refused."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest

from gateway.classify.sensitive import Sensitive
from gateway.classify.topics import topics_in
from gateway.home.settings import read_toml
from gateway.model import Classified, ContentRefused
from tests.classify import made
from tests.classify.cases import TEXTS
from tests.classify.conftest import POLICIES, Classify
from tests.classify.test_workbook import with_shared_strings, workbook
from tests.corpus import books

NO_FLAGS = re.compile("(?!)")
CORE = made.as_csv(made.core_rows()).encode()
MARKS = made.as_csv(made.mark_rows()).encode()


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as new:
        for name, content in members:
            new.writestr(name, content)
        new.comment = comment
    return out.getvalue()


@pytest.mark.parametrize("name", ["core", "census", "core-csv", "gcse-jcq", "exclusions-xml"])
def test_one_file_inside_is_what_it_is(classify: Classify, name: str) -> None:
    text, data_type = TEXTS[name]
    found = classify(archive(("a.dat", text.encode())))
    assert isinstance(found, Classified), found
    assert (found.data_type, found.extension) == (data_type, "zip")
    assert found.format.endswith(" in ZIP")


def test_a_folder_beside_it_is_nothing(classify: Classify) -> None:
    assert isinstance(classify(archive(("folder/", b""), ("folder/a.csv", CORE))), Classified)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (archive(("a.csv", CORE), ("b.csv", MARKS)), "classify:several-kinds"),
        (archive(("a.csv", CORE), ("b.csv", b"a note")), "classify:several-kinds"),
        (archive(("a.pdf", b"%PDF-1.7"), ("b.pdf", b"%PDF-1.7")), "classify:document"),
        (archive(("a.zip", archive(("a.csv", CORE)))), "classify:packed"),
        (archive(("a.csv", CORE), method=zipfile.ZIP_LZMA), "classify:unknown"),
        (archive(("a.csv", CORE), comment=b"hidden"), "classify:malformed"),
        (archive(("a.csv", CORE)) + b"hidden", "classify:malformed"),
        (archive(("a.csv", CORE))[:-40], "classify:malformed"),
        (archive(("a.csv", CORE + b"\n" * 5_000_000)), "classify:malformed"),
        (archive(("word/document.xml", b"<w/>"), ("[Content_Types].xml", b"<Types/>")), "classify:document"),
        (archive(("a.csv", b"")), "classify:unknown"),
        (archive(), "classify:malformed"),
        (CORE + archive(("a.csv", CORE)), "classify:malformed"),
        (archive(("b.csv", b"hidden")) + archive(("a.csv", CORE)), "classify:malformed"),
    ],
    ids=[
        "two kinds",
        "one and a note",
        "two of no kind",
        "nested",
        "lzma",
        "comment",
        "behind",
        "cut",
        "bomb",
        "docx",
        "empty",
        "none",
        "before",
        "before, a ZIP",
    ],
)
def test_what_is_refused(classify: Classify, content: bytes, code: str) -> None:
    found = classify(content)
    assert isinstance(found, ContentRefused), found
    assert found.code == code


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (archive(("a.csv", CORE)).replace(b"a.csv", b"\0.csv"), "an archive with a file without a name"),
        (
            archive(("a.csv", CORE), ("b.csv", CORE)).replace(b"b.csv", b"a.csv"),
            "an archive with two files of one name",
        ),
        (
            archive(("a.csv", CORE), method=zipfile.ZIP_LZMA),
            "an archive with an unusual way of compressing",
        ),
        (archive(("a.csv", CORE), comment=b"hidden"), "something stands behind the archive"),
        (archive(("b.csv", b"hidden")) + archive(("a.csv", CORE)), "something stands before the archive"),
        (
            archive(("a.csv", CORE + b"\n" * 5_000_000)),
            "an archive that unpacks to far more than it is",
        ),
    ],
)
def test_why_an_archive_is_not_opened_is_told_with_its_format(
    classify: Classify, content: bytes, why: str
) -> None:
    found = classify(content)
    assert isinstance(found, ContentRefused)
    assert (found.format, found.evidence) == ("ZIP", (why,))


def test_a_size_that_lies_is_malformed(classify: Classify) -> None:
    content = bytearray(archive(("a.csv", CORE)))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    found = classify(bytes(content))
    assert isinstance(found, ContentRefused), found


def test_flipped_bytes_are_malformed(classify: Classify) -> None:
    content = bytearray(archive(("a.csv", CORE)))
    middle = len(content) // 2
    content[middle : middle + 8] = bytes(8)
    found = classify(bytes(content))
    assert isinstance(found, ContentRefused), found
    assert found.code == "classify:malformed"


def test_a_password_is_told(classify: Classify) -> None:
    content = bytearray(archive(("a.csv", CORE)))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    found = classify(bytes(content))
    assert isinstance(found, ContentRefused), found
    assert found.code == "classify:locked"


@pytest.mark.parametrize(("count", "is_too_many"), [(200, False), (201, True)])
def test_an_archive_has_two_hundred_files_at_most(
    classify: Classify, count: int, *, is_too_many: bool
) -> None:
    found = classify(archive(*((f"{number}.csv", b"x") for number in range(count))))
    assert isinstance(found, ContentRefused)
    assert (found.evidence == ("an archive of more than 200 files",)) is is_too_many


@pytest.mark.parametrize("beside", [(), (("core.csv", CORE),)])
def test_what_is_sensitive_in_a_workbook_or_archive_within_is_seen(
    classify: Classify, beside: tuple[tuple[str, bytes], ...]
) -> None:
    told = "Child protection plan, sexual abuse disclosed"
    book = workbook([["Name", "Concern", "Action"], ["Ann B", told, "MASH referral"]])
    for name, content in (
        ("log.xlsx", book),
        ("log", book),
        ("log.zip", archive(("log.txt", told.encode()))),
        ("log.md", told.encode()),
        ("Child_protection_plan_Ann_B.pdf", b"%PDF-1.4"),
    ):
        found = classify(archive(*beside, (name, content)))
        assert isinstance(found, ContentRefused)
        assert "safeguarding" in found.sensitive, name


def test_what_is_sensitive_is_seen_behind_a_large_file_or_sheet(classify: Classify) -> None:
    told = "Child protection plan, sexual abuse disclosed"
    book = with_shared_strings(workbook([["Name", "Concern", "Action"], ["Ann B", told, "MASH referral"]]))
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").replace(b"<sheetData>", b"<sheetData>" + b" " * 2**21)
        packed = {name: parts.read(name) for name in parts.namelist()} | {"xl/worksheets/sheet1.xml": sheet}
    as_excel = sorted(packed.items(), key=lambda part: part[0] == "xl/sharedStrings.xml")
    many = made.as_csv(made.core_rows(30_000)).encode()
    log = f"A,{told},B\r\n".encode()
    for members in (as_excel, [("core.csv", many), ("log.csv", log)]):
        found = classify(archive(*members, method=zipfile.ZIP_STORED))
        assert isinstance(found, ContentRefused)
        assert "safeguarding" in found.sensitive


def test_what_is_sensitive_is_seen_beside_what_cannot_be_unpacked(classify: Classify) -> None:
    told = b'A,"Child protection plan, sexual abuse disclosed",B\r\n'
    packed = bytearray(archive(("photo.jpg", b"x"), ("notes.csv", told)))
    packed[packed.index(b"PK\1\2") + 10] = 9  # Deflate64, which Python does not unpack.
    found = classify(bytes(packed))
    assert isinstance(found, ContentRefused)
    assert "safeguarding" in found.sensitive


def test_the_search_of_an_archive_has_an_end_however_much_is_packed_within() -> None:
    seen: list[int] = []

    class Counting(Sensitive):
        def of_text(self, text: str) -> str:
            seen.append(len(text))
            return ""

    rules = read_toml(POLICIES / "sensitive.toml", Counting)
    lines = b"A,B,C\r\n" * (2**20 // 7)
    inner = archive(*((f"{number}.csv", lines) for number in range(8)))
    topics_in(io.BytesIO(archive(*((f"{number}.zip", inner) for number in range(4)))), rules, NO_FLAGS)
    assert 7 * 2**20 < sum(seen) < 9 * 2**20


@pytest.mark.parametrize("beside", ["{}.jpg", "{}.png", "__MACOSX/._{}.csv"])
def test_many_small_files_take_no_place_of_a_note(classify: Classify, beside: str) -> None:
    told = "A,Child protection plan, sexual abuse disclosed\r\n" * 20
    small = [(beside.format(number), b"x" * 300) for number in range(90)]
    found = classify(archive(*small, ("notes.csv", told.encode())))
    assert isinstance(found, ContentRefused)
    assert "safeguarding" in found.sensitive


def test_texts_of_an_archive_take_no_room_of_what_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    most = list[int]()
    read = zipfile.ZipExtFile.read
    monkeypatch.setattr(
        zipfile.ZipExtFile,
        "read",
        lambda self, n=-1: most.append(n) or read(self, n),  # type: ignore[func-returns-value]
    )
    members = [(f"{number}.bin", b"\0" * 2**24) for number in range(4)]
    text, last = b"A,B,C\r\n" * (5 * 2**19), b"\0" * (18 * 2**20)
    packed = archive(*members, ("a.csv", text), ("z.bin", last))
    topics_in(io.BytesIO(packed), read_toml(POLICIES / "sensitive.toml", Sensitive), NO_FLAGS)
    assert min(most) == 0
    assert max(most) == 2**24


def test_what_a_document_of_many_parts_says_is_seen(classify: Classify) -> None:
    told = b"<w>Child protection plan, sexual abuse disclosed</w>" + b" " * 5_000
    headers = [(f"word/header{number}.xml", b"<h/>") for number in range(60)]
    kind = ("[Content_Types].xml", b"<Types/>")
    found = classify(archive(kind, ("word/document.xml", told), *headers))
    assert isinstance(found, ContentRefused)
    assert "safeguarding" in found.sensitive


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_sensitive_is_seen_at_the_end_of_a_long_text(classify: Classify, encoding: str) -> None:
    long, told = "Nothing to see here,1,2\r\n" * 100_000, "Child protection\r\nplan of Ann\r\n"
    for text in (long + told, long[: 2**20 - 20] + "\r\n" + told):
        assert classify(text.encode(encoding)).sensitive == ("safeguarding",)
        if encoding == "utf-8":
            packed = archive(("a.txt", text.encode()), method=zipfile.ZIP_STORED)
            assert classify(packed).sensitive == ("safeguarding",)
    assert classify(long.encode(encoding)).sensitive == ()


@pytest.mark.parametrize(
    ("name", "packed"),
    [("export.log", False), ("export.zip", True)],
    ids=["of another name", "packed within"],
)
def test_a_long_text_takes_no_room_of_the_beginning_of_another(
    classify: Classify, name: str, packed: bool
) -> None:
    long, told = b"Nothing to see here,1,2\r\n" * 400_000, b"Child protection plan of Ann\r\n"
    beside = archive(("export.txt", long)) if packed else long
    for both in ([(name, beside), ("notes.txt", told + long)], [("notes.dat", told + long), (name, beside)]):
        assert classify(archive(*both, method=zipfile.ZIP_STORED)).sensitive == ("safeguarding",)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_what_a_text_of_an_archive_says_is_seen_with_any_byte_order_mark(
    classify: Classify, encoding: str
) -> None:
    told = ("A note\r\n" + "Child protection plan of Ann\r\n" * 3).encode(encoding)
    assert classify(archive(("notes.txt", told), ("b.txt", b"b"))).sensitive == ("safeguarding",)


def test_what_a_long_binary_workbook_says_at_its_end_is_seen(classify: Classify) -> None:
    rows = [[f"Colour {number} of all", "red", "1"] for number in range(30_000)]
    page = books.Page([["Number", "Colour", "Note"], *rows, ["1", "red", "Child protection plan"]])
    assert classify(books.xlsb(page)).sensitive == ("safeguarding",)


@pytest.mark.parametrize("told", ["At risk of neglect", "In Care"])
@pytest.mark.parametrize("kind", [books.xls, books.xlsb, books.ods, books.xlsx])
def test_what_a_workbook_of_any_kind_says_is_seen_where_nobody_recognises_it(
    classify: Classify, kind: Callable[..., bytes], told: str
) -> None:
    rows = [["Number", "Colour", told], ["1", "red", "Y"], ["2", "blue", "N"]]
    hidden = kind(books.Page(made.core_rows()), books.Page([["Kit", told]], shown="hidden"))
    for packed in (data := kind(books.Page(rows)), archive(("book.bin", data)), hidden):
        found = classify(packed)
        assert isinstance(found, ContentRefused)
        assert found.sensitive
