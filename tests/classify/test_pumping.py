"""Reading takes work in proportion to the size of a content, whatever repeats in it.

Each construct of each format is pumped: repeated until it fills a content of two sizes, the larger of which
is four times the smaller. Where the work grows with the size, the larger one takes about four times as many
lines of Python as the smaller one; where it grows with its square, sixteen times. What functions of C do is
seen by `tests/faults/test_pumping_times.py`, which measures the processor time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest

from gateway.classify import Rules, classify
from gateway.classify.content import Unreadable
from gateway.classify.views.view import make_view
from gateway.home.settings import ClassifyLimits
from gateway.model import Basis, Classified
from tests.classify import made
from tests.classify.conftest import TODAY
from tests.corpus.books import Page, ods, with_member, xls, xlsb, xlsx, zipped
from tests.costs import lines

pytestmark = pytest.mark.long

SMALL, TIMES = 8 * 1024, 4
MOST = 8  # between 4 and 16

Pump = Callable[[int], bytes]


class InHalves(io.BytesIO):
    """A content that is read in two pieces: what repeats goes from one to the next."""

    def read(self, size: int | None = -1) -> bytes:
        half = len(self.getbuffer()) // 2 + 1
        return super().read(size if size is None or size < 0 else min(size, half))


def fill(pump: str, size: int) -> str:
    """Repeat a text until it has a size, or nearly."""
    return pump * (size // max(1, len(pump)))


def in_ctf(before: str, pump: str, after: str, *, place: str = "<CTFpupilData>") -> Pump:
    """Put a text between two others, right behind a tag of a Common Transfer File that is correct else."""
    around = made.ctf([made.pupil(child, made.CORE_INSIDE) for child in made.children(3)])
    first, tag, last = around.partition(place)
    return lambda size: f"{first}{tag}{before}{fill(pump, size)}{after}{last}".encode()


def in_pupil(before: str, pump: str, after: str) -> Pump:
    return in_ctf(before, pump, after, place="</DOB>")


def pupils(inside: Callable[[int], str]) -> Pump:
    """A Common Transfer File of as many pupils as fill it; `inside` says what each has by its number."""

    def whole(size: int) -> bytes:
        one = len(made.pupil(made.Child(1), inside(1)))
        return made.ctf([made.pupil(c, inside(c.number)) for c in made.children(size // one)]).encode()

    return whole


def in_csv(before: str, pump: str, after: str = "\r\n", *, below: bool = True) -> Pump:
    """Put a text between others, below a table of core data or above it."""
    rows = made.as_csv(made.core_rows(3))
    if below:
        return lambda size: f"{rows}{before}{fill(pump, size)}{after}".encode()
    return lambda size: f"{before}{fill(pump, size)}{after}{rows}".encode()


def in_cell(pump: str, *, column: int = 10) -> Pump:
    """Put a text into a cell of each of three pupils."""

    def whole(size: int) -> bytes:
        header, *rows = made.core_rows(3)
        texts = [[*row[:column], fill(pump, size // 3), *row[column + 1 :]] for row in rows]
        return made.as_csv([header, *texts]).encode()

    return whole


def in_header(pump: str) -> Pump:
    header, *rows = made.core_rows(3)
    return lambda size: made.as_csv([[*header, fill(pump, size)], *([*row, "x"] for row in rows)]).encode()


def columns(name: Callable[[int], str]) -> Pump:
    """A table of as many columns as fill a size, up to what is read at all."""

    def whole(size: int) -> bytes:
        header, *rows = made.core_rows(3)
        more = [name(number) for number in range(size // 64)]
        return made.as_csv([[*header, *more], *([*row, *("1" for _ in more)] for row in rows)]).encode()

    return whole


def in_json(before: str, pump: str, after: str) -> Pump:
    """Put a text between others, into the second of three records."""
    c = made.Child(1)
    who = f'"UPN":"{c.upn}","Surname":"{c.surname}","Forename":"{c.forename}","DOB":"{c.born}"'
    return lambda size: f"[{{{who}}},{{{who}{before}{fill(pump, size)}{after}}},{{{who}}}]".encode()


def in_jcq(pump: str) -> Pump:
    """Repeat a text from record to record of a JCQ file."""
    head, *others = made.jcq(["8300H 9"]).splitlines(keepends=True)
    width = max(map(len, others))
    return lambda size: (
        head + "".join(others[:3]) + f"R5C543210001{fill(pump, width)}"[:width].ljust(width) + "\r\n"
        if size < width
        else head
        + "".join(others[:3])
        + "".join(f"R5C54321{n:04}{fill(pump, width)}"[:192] + "\r\n" for n in range(size // 200))
    ).encode()


CORE = made.core_rows(3)


def xlsx_part(name: str, before: str, pump: str, after: str) -> Pump:
    """Put a text before the last tag of a part of a workbook."""

    def put(part: bytes, text: str) -> bytes:
        head, mark, tail = part.rpartition(b"</")
        return head + text.encode() + mark + tail

    book = xlsx(Page(CORE))
    return lambda size: with_member(book, name, lambda part: put(part, f"{before}{fill(pump, size)}{after}"))


def texts(make: Callable[..., bytes], pump: str) -> Pump:
    """A workbook in whose cells a text repeats, up to what a cell may hold."""

    def whole(size: int) -> bytes:
        each = fill(pump, 4_000)
        return make(Page([*CORE, *([*CORE[1][:10], each, *CORE[1][11:]] for _ in range(size // 4_000))]))

    return whole


def long_jcq_records(size: int) -> bytes:
    """Make a results file of fifty records, however large it is."""
    head, *others = made.jcq(["8300H 9"]).splitlines(keepends=True)
    record = fill("8300H 9 8461F 5 ", size // 50)
    return (head + "".join(others[:3]) + "".join(f"R5C54321{n:04}{record}\r\n" for n in range(50))).encode()


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
NOTHING_ELSE: Pump = lambda size: fill("Name,Form,Note\r\n", size).encode()  # noqa: E731 - as the others

CONSTRUCTS: Mapping[str, Pump] = {
    # XML: what the parser leaves out, and what only looks like it
    **{
        f"XML comment of {pump!r}": in_ctf("<!-- ", pump, " -->")
        for pump in ("<?", "<!", "</", "/>", "?>", "]]>", "<![CDATA[", "a", " ", "- ", "=", "&", "<a b='")
    },
    **{
        f"XML instruction of {pump!r}": in_ctf("<?x ", pump, " ?>")
        for pump in ("<?", "<!--", "-->", "</", "?")
    },
    **{
        f"XML CDATA of {pump!r}": in_pupil("<X><![CDATA[", pump, "]]></X>")
        for pump in ("<!--", "<?", "</", "]")
    },
    "XML many comments": in_ctf("", "<!---->", ""),
    "XML many instructions": in_ctf("", "<?x?>", ""),
    "XML many CDATA": in_pupil("<X>", "<![CDATA[]]>", "</X>"),
    "XML comment that never ends": in_ctf("<!-- ", "<? </ ", ""),
    "XML prolog of comments": lambda size: fill("<!-- <? -->", size).encode() + made.ctf([]).encode(),
    "XML prolog of instructions": lambda size: fill("<?x <!-- ?>", size).encode() + made.ctf([]).encode(),
    # XML: whitespace, entities, code points, names, attributes, namespaces, nesting, text between elements
    "XML blanks": in_ctf("", " \r\n", ""),
    "XML blanks in a tag": in_ctf("<X", " ", "/>"),
    "XML blanks in an end tag": in_ctf("<X></X", " ", ">"),
    "XML blanks after an empty element": in_pupil("", "<X/>   ", ""),
    "XML entities": in_pupil("<X>", "&amp;", "</X>"),
    "XML entities that are none": in_pupil("<X>", "&nothing;", "</X>"),
    "XML character references": in_pupil("<X>", "&#x1F600;", "</X>"),
    "XML code points": in_pupil("<X>", "\U0001f600\u0301\u202e", "</X>"),
    "XML combining characters in a name": in_pupil("<Surname>", "e\u0301", "</Surname>"),
    "XML long name": in_pupil("<", "fft", "/>"),
    "XML long text": in_pupil("<Surname>", "fft ", "</Surname>"),
    "XML long attribute": in_pupil("<X a='", "x&lt;", "'/>"),
    "XML quotes": in_pupil("<X>", "\"'", "</X>"),
    "XML many empty elements": in_pupil("", "<X/>", ""),
    "XML many elements": in_pupil("", "<X>1</X>", ""),
    "XML texts between elements": in_pupil("", "<X/>t", ""),
    "XML texts beside records": in_ctf("", "<X/>t", ""),
    "XML new names": pupils(lambda number: f"<N{number}>1</N{number}>"),
    "XML new names around": pupils(lambda number: f"<N{number}><X>1</X></N{number}>"),
    "XML new attributes": pupils(lambda number: f'<X a{number}="1"/>'),
    "XML new namespaces": pupils(
        lambda number: f'<n{number}:X xmlns:n{number}="urn:n:{number}">1</n{number}:X>'
    ),
    "XML namespaces in one tag": lambda size: in_ctf(
        "<X " + "".join(f'xmlns:n{n}="u:{n}" ' for n in range(size // 20)), " ", "/>"
    )(0),
    "XML attributes in one tag": lambda size: in_ctf(
        "<X " + "".join(f'n{n}="{n}" ' for n in range(size // 12)), " ", "/>"
    )(0),
    "XML attributes of a record": lambda size: in_ctf(
        "<Pupil " + "".join(f'n{n}="{n}" ' for n in range(size // 12)), " ", "/>"
    )(0),
    "XML depth": lambda size: in_ctf("<X>" * (size // 3), " ", "</X>" * (size // 3))(0),
    "XML depth of records": lambda size: in_ctf("<Pupil>" * (size // 7), " ", "</Pupil>" * (size // 7))(0),
    "XML depth, again and again": in_pupil("", "<A>" * 20 + "1" + "</A>" * 20, ""),
    "XML records in records": in_ctf("", "<Pupil>" * 20 + "</Pupil>" * 20, ""),
    "XML pupils": pupils(lambda _: made.CORE_INSIDE),
    "XML pupils with assessments": pupils(lambda _: made.KS1),
    "XML new subjects": pupils(lambda n: made.assessments(f"K{n}", (f"S{n}", f"C{n}", "TA", "NC", "EXS"))),
    "XML census": lambda size: made.census_around(
        map(made.census_pupil, made.children(size // 600))
    ).encode(),
    # CSV
    **{
        f"CSV cell of {pump!r}": in_cell(pump)
        for pump in (
            "=",
            "+",
            "@-",
            "(|",
            "=A(",
            "[",
            "://",
            " ",
            "\n",
            '"',
            "a ",
            "1 ",
            "1/",
            "fft",
            "e\u0301",
            "\U0001f600",
        )
    },
    **{
        f"CSV heading of {pump!r}": in_header(pump)
        for pump in ("fft", "afft", "achance", "a ", "1", "_", "e\u0301", "aB")
    },
    **{f"CSV cells of {pump!r}": in_csv("", f"{pump},") for pump in ("", "a", "=1", " ", '""')},
    **{
        f"CSV rows of {pump!r}": in_csv("", f"{pump}\r\n")
        for pump in ("", ",", "a,b", "Report", '"', " ,,,", "2026")
    },
    **{
        f"CSV above the table {pump!r}": in_csv("", pump, below=False)
        for pump in ("\r\n", ",", "a,", "a", '"', "Report\r\n", "\t", ";|", "999 ", "school ")
    },
    "CSV quote that never ends": in_csv('"', "a,\r\n"),
    "CSV quotes": in_csv("", '"",', ""),
    "CSV pupils": lambda size: made.as_csv(made.core_rows(size // 110)).encode(),
    "CSV wrong pupils": lambda size: made.as_csv(
        [CORE[0], *([f"X{n}", "", "", f"{n}/13/2026", *CORE[1][4:]] for n in range(size // 80))]
    ).encode(),
    "CSV new headings": columns(lambda number: f"Heading {number}"),
    "CSV the same heading": columns(lambda _: "Note"),
    "CSV headings of estimates": columns(lambda number: f"Maths {number} FFT50 estimate"),
    "CSV headings of subjects": columns(lambda _: "Maths"),
    "CSV with returns only": lambda size: made.as_csv(made.core_rows(size // 110), end="\r").encode(),
    "CSV in UTF-16": lambda size: made.as_csv(made.core_rows(size // 220)).encode("utf-16"),
    "text without a table": NOTHING_ELSE,
    # JSON
    "JSON depth": lambda size: in_json(',"X":' + "[" * size, " ", "]" * size)(1),
    "JSON objects in objects": lambda size: in_json(',"X":' + '{"A":' * (size // 5), "1", "}" * (size // 5))(
        1
    ),
    "JSON long name": in_json(',"', "fft", '":"1"'),
    "JSON long text": in_json(',"Note":"', "a ", '"'),
    "JSON escapes": in_json(',"Note":"', "\\u00e9", '"'),
    "JSON surrogates": in_json(',"Note":"', "\\ud83d\\ude00", '"'),
    "JSON one name": in_json("", ',"Note":"a"', ""),
    "JSON list": in_json(',"Note":[1', ",2", "]"),
    "JSON numbers": in_json(',"Note":1', "0", ""),
    "JSON blanks": in_json("", " \n", ""),
    "JSON blanks first": lambda size: fill(" \n", size).encode() + in_json("", " ", "")(1),
    "JSON quote that never ends": in_json(',"', "a", ""),
    "JSON records": lambda size: in_json(
        "", " ", "},{" + ",".join(f'"N{n % 50}":"{n}"' for n in range(size // 12))
    )(1),
    # JCQ
    **{
        f"JCQ records of {pump!r}": in_jcq(pump)
        for pump in ("A", " ", "8300H 9 ", "9", "A1 ", ":", "M090510")
    },
    "JCQ one line": lambda size: ("R1" + fill("A ", size) + "\r\nR5").encode(),
    "long records of a JCQ file": long_jcq_records,
    "JCQ results": lambda size: made.jcq(["8300H 9", "8461F 5-4"], count=size // 200).encode(),
    # workbooks and archives
    **{
        f"XLSX {name} of {pump!r}": xlsx_part(name, before, pump, after)
        for name, before, pump, after in (
            (SHEET, "<!-- ", "<? </ ", " -->"),
            (SHEET, "<headerFooter><oddHeader>", "&amp;C ", "</oddHeader></headerFooter>"),
            (SHEET, "", "<mergeCells/>", ""),
            (SHEET, "<x>", "&amp;", "</x>"),
            ("xl/styles.xml", "<!-- ", "<?", " -->"),
            ("xl/styles.xml", "", "<xf/>", ""),
            ("docProps/core.xml", "<x>", "a ", "</x>"),
            ("docProps/core.xml", "", "<title xmlns='x'>a</title>", ""),
            ("[Content_Types].xml", "", "<Default Extension='x' ContentType='y'/>", ""),
            ("xl/workbook.xml", "<definedNames>", "<definedName name='a'>x</definedName>", "</definedNames>"),
        )
    },
    **{
        f"{make.__name__} cells of {pump!r}": texts(make, pump)
        for make in (xlsx, xls, xlsb, ods)
        for pump in ("=(", "a ")
    },
    "XLSX many sheets": lambda size: xlsx(*[Page(CORE, f"S{n}") for n in range(size // 4_000)]),
    "XLSX rows": lambda size: xlsx(Page(made.core_rows(size // 200))),
    "ZIP of many files": lambda size: zipped({f"{n}.csv": made.as_csv(CORE) for n in range(size // 2_000)}),
    "ZIP of names": lambda size: zipped({f"{'a' * 200}{n}/": "" for n in range(size // 300)}),
    "a Word document": lambda size: zipped(
        {"[Content_Types].xml": "<Types/>", "word/document.xml": fill("<w:t><fft </w:t>", size)}
    ),
    "an HTML page": lambda size: fill("<p <a>fft</a> <", size).encode(),
    "zeros": bytes,
}


def read(content: bytes, rules: Rules) -> None:
    """Classify a content, and make a view of it where it is of some type."""
    reader, limits = io.BytesIO if content.startswith((b"PK", b"\xd0\xcf")) else InHalves, ClassifyLimits()
    found = classify(reader(content), "file.dat", limits, rules, today=TODAY)
    if isinstance(found, Classified):
        basis = Basis(data_type=found.data_type, items=("upn", "surname"), unlisted=found.unlisted)
        with suppress(Unreadable):
            make_view(reader(content), basis, rules, limits, lambda _: None)


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_reading_takes_work_in_proportion_to_the_size(name: str, rules: Rules) -> None:
    size = (2 if "JCQ" in name else 1) * SMALL  # A shorter one is no record of a JCQ file.
    small, large = CONSTRUCTS[name](size), CONSTRUCTS[name](TIMES * size)
    shorter, longer = (lines(lambda content=content: read(content, rules))[1] for content in (small, large))
    assert longer <= MOST * shorter
