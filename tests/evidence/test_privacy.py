"""Markers are planted in every field that comes from outside, end to end: none is seen where it must not be.

Whatever a file holds, in whichever field, attribute, heading or cell, nothing of it reaches a leaf of the
log, a receipt, a notice, a published file or a line of the service's own log.
"""

from __future__ import annotations

import atexit
import io
import json
import logging
import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree
from sqlmodel import select

from gateway.home import shown_name
from gateway.model import Refused
from gateway.registry import log, transfers
from gateway.registry.tables import ReceiptRow, TransferRow
from tests.classify import cases
from tests.classify.made import as_csv
from tests.clock import THIS_YEAR
from tests.workshop import Desk

pytestmark = pytest.mark.long

MARKERS = (
    "Zebedee Quillfeather, A999123456780, born 04/03/2015, 12 Hobblewick Lane TA19 9ZZ",
    "Quillfeather",
    "A999123456780",
    "2015-03-04",
    "12 Hobblewick Lane",
)
TELLING = re.compile(
    r"quillfeather|zebedee|a9991|123456780|2015-03-04|04/03/2015|hobblewick|ta19 9zz", re.IGNORECASE
)
XML = ("leaver", "eyfs", "ks2", "census", "attendance-xml", "exclusions-reasons-xml")
TABLES = ("core-csv", "marks-csv", "census-csv", "exclusions-csv", "ks4-csv", "gcse-csv", "fft-csv")


def planted() -> Iterator[tuple[str, bytes]]:
    """Every file with what was planted in it: where, and what the file is then."""
    for case in (one for one in cases.XML if one.name in XML):
        yield from in_xml(case.name, case.text().encode())
    for table in (one for one in cases.TABLES if one.name in TABLES):
        yield from in_table(table.name, table.rows())
        yield from in_workbook(table.name, table.rows())
    for marker in MARKERS:
        yield f"text {marker[:3]}", f"Dear all,\n{marker}\n".encode()
        yield f"csv {marker[:3]}", f"{marker},{marker}\n1,2\n".encode()
        yield f"xml {marker[:3]}", f"<a b='{marker}'>{marker}</a>".encode()


def in_xml(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A marker as the text of each kind of element, as an attribute, a comment, elements of their own."""
    tags = sorted({str(one.tag) for one in etree.fromstring(data).iter("*") if not len(one)})
    for number, tag in enumerate(tags):
        root = etree.fromstring(data)
        for one in root.iter(tag):
            one.text = MARKERS[number % len(MARKERS)]
        yield f"{name} {tag}", etree.tostring(root)
    attributes = sorted({str(key) for one in etree.fromstring(data).iter("*") for key in one.attrib})
    for number, attribute in enumerate(attributes):
        root = etree.fromstring(data)
        for one in root.iter("*"):
            if attribute in one.attrib:
                one.set(attribute, MARKERS[number % len(MARKERS)])
        yield f"{name} @{attribute}", etree.tostring(root)
    root = etree.fromstring(data)
    root.addprevious(etree.ProcessingInstruction("quillfeather", MARKERS[0]))
    yield f"{name} instruction", etree.tostring(root.getroottree())
    root = etree.fromstring(data)
    root.tag = "Quillfeather"
    yield f"{name} root", etree.tostring(root)
    root = etree.fromstring(data)
    root.set("note", MARKERS[0])
    root.append(etree.Comment(MARKERS[0]))
    yield f"{name} attribute and comment", etree.tostring(root)
    root = etree.fromstring(data)
    for one in list(root.iter("*")):
        if not len(one):
            etree.SubElement(one.getparent(), "Quillfeather").text = MARKERS[0]
    yield f"{name} unknown elements", etree.tostring(root)


def in_table(name: str, rows: list[list[str]]) -> Iterator[tuple[str, bytes]]:
    """The marker in the cells of each column, in each heading, in a column of its own, in rows above."""
    for column in range(len(rows[0])):
        marker = MARKERS[column % len(MARKERS)]
        cells = [[*row[:column], marker, *row[column + 1 :]] for row in rows[1:]]
        yield f"{name} column {column}", as_csv([rows[0], *cells]).encode()
        heading = [*rows[0][:column], marker, *rows[0][column + 1 :]]
        yield f"{name} heading {column}", as_csv([heading, *rows[1:]]).encode()
    for marker in MARKERS:
        further = [[*row, marker] for row in rows]
        yield f"{name} further column", as_csv(further).encode()
        yield f"{name} row above", as_csv([[marker], *rows]).encode()


def in_workbook(name: str, rows: list[list[str]]) -> Iterator[tuple[str, bytes]]:
    """The marker in a cell, as a sheet's name, as who made the workbook; around it, in a ZIP archive."""
    for where in ("cell", "sheet", "author"):
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in rows:
            sheet.append(row)
        if where == "cell":
            sheet.cell(len(rows), 1).value = MARKERS[0]
        elif where == "sheet":
            sheet.title = "Zebedee Quillfeather"
        else:
            book.properties.creator = book.properties.title = book.properties.keywords = MARKERS[0]
        out = io.BytesIO()
        book.save(out)
        yield f"{name} workbook {where}", out.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("Zebedee Quillfeather A999123456780.csv", as_csv(rows))
        archive.comment = MARKERS[0].encode()
    yield f"{name} archive", out.getvalue()


NAMES = ("oak's Quillfeather, Zebedee.pgp", "A999123456780.csv.pgp", "12 Hobblewick Lane.pgp")
NAMED = "the name of the file"


@cache
def world() -> tuple[Desk, dict[str, str], str]:
    """A home in which all of it was sent, what was planted by reference, and all that was logged."""
    root = Path(tempfile.mkdtemp(prefix="privacy-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    desk = Desk(root)
    with logged(root / "log"):
        oak = desk.provider("oak", years=THIS_YEAR)
        sent = {desk.send(oak, data, f"{n}.pgp"): where for n, (where, data) in enumerate(planted())}
        for name in NAMES:
            sent[desk.land(oak, b"nonsense about Quillfeather", name)] = NAMED
        desk.process()
        held = next(reference for reference in sent if desk.state(reference) == "held")
        desk.gateway("held", "refuse", held, "--why", f"it is about {MARKERS[0]}")
        desk.gateway("breach", "record", "--aware-at", "2026-11-24", "--transfer", held)
    return desk, sent, (root / "log").read_text("utf-8", "replace")


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """All that this process and its children log, at the most talkative, goes to `path`."""
    root, before = logging.getLogger(), os.dup(2)
    level = root.level
    with path.open("w", encoding="utf-8") as file:
        handler = logging.StreamHandler(file)
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            root.removeHandler(handler)
            root.setLevel(level)


def unhashed(text: str) -> str:
    """Without digests, keys and signatures, in which anything may occur."""
    return re.sub(r"[A-Za-z0-9+/]{20,}={0,2}", "", text)


def test_much_of_it_is_recognised_nevertheless() -> None:
    desk, sent, _ = world()
    states = [desk.state(reference) for reference in sent]
    assert states.count("accepted") > 100
    assert "landed" not in states


def test_no_leaf_holds_a_marker() -> None:
    desk, _, _ = world()
    with desk.registry.read() as session:
        found = [leaf for leaf in log.leaves(session) if TELLING.search(unhashed(leaf.decode()))]
    assert found == []


def test_no_receipt_or_notice_holds_a_marker_but_in_the_sender_s_own_file_name() -> None:
    desk, sent, _ = world()
    found = []
    with desk.registry.read() as session:
        for row in session.exec(select(ReceiptRow)):
            for text in (row.text, row.json_text):
                shown = unhashed(" ".join(text.split()))
                if TELLING.search(shown) and sent.get(row.reference) != NAMED:
                    found.append((sent.get(row.reference), TELLING.search(shown)))
    assert found == []


def test_no_line_of_the_log_holds_a_marker() -> None:
    _, _, lines = world()
    assert "are in force" in lines
    assert [line for line in lines.splitlines() if TELLING.search(line)] == []


def test_no_other_published_file_holds_a_marker() -> None:
    """Receipts and the page of what came bear the names that the sender itself gave to its files."""
    desk, sent, _ = world()
    with desk.registry.read() as session:
        names = [escape(shown_name(row.name)) for row in session.exec(select(TransferRow))]

    def told(path: Path) -> str:
        text = unhashed(path.read_text("utf-8", "replace"))
        for name in names if path.name == "status.html" else ():
            text = text.replace(name, "")
        return text

    found = [
        path
        for path in desk.home.published.root.rglob("*")
        if path.is_file() and path.parent.name != "receipts" and TELLING.search(told(path))
    ]
    assert sent
    assert found == []


def telling_columns(desk: Desk) -> set[tuple[str, str]]:
    """The tables and columns of the registry in which a marker stands."""
    found = set()
    with closing(sqlite3.connect(desk.home.registry)) as db:
        for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
            names = [column[1] for column in db.execute(f"pragma table_info({table})")]
            for row in db.execute(f"select * from {table}"):
                found |= {
                    (table, name)
                    for name, value in zip(names, row, strict=True)
                    if isinstance(value, str) and TELLING.search(unhashed(value))
                }
    return found


def test_the_registry_holds_no_marker_but_in_file_names_and_in_what_people_wrote() -> None:
    desk, _, _ = world()
    of_names = {("transfer", "name"), ("receipt", "name"), ("receipt", "text"), ("receipt", "json_text")}
    waiting = {("transfer", "content")}  # The names of unlisted columns; the next test says of which files.
    assert telling_columns(desk) == of_names | waiting | {("event", "note")}


def test_the_name_of_an_unlisted_column_is_kept_while_its_file_waits_and_no_longer() -> None:
    desk, _, _ = world()
    with desk.registry.read() as session:
        rows = [row for row in session.exec(select(TransferRow)) if row.content]
    telling = [row for row in rows if TELLING.search(unhashed(row.content or ""))]
    assert telling
    assert {row.state for row in telling} == {"held"}
    for row in telling:
        content = json.loads(row.content or "")
        for one in unlisted_in(content):
            one["header"] = ""
        assert not TELLING.search(unhashed(json.dumps(content)))
    with desk.registry.write() as session:
        decided = [(row.reference, Refused(reasons=())) for row in telling]
        transfers.record_decisions(session, decided, desk.now)
        assert not any(
            TELLING.search(unhashed(row.content or "")) for row in session.exec(select(TransferRow))
        )


def unlisted_in(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is unlisted in a content as the registry has it, and in its parts."""
    yield from content.get("unlisted", ())
    for part in content.get("parts", ()):
        yield from unlisted_in(part)


def test_the_search_would_find_each_marker() -> None:
    for marker in MARKERS:
        assert TELLING.search(unhashed(marker)), marker
