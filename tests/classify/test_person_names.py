"""What tells a person apart who has no number, and who is taken out of a file for the index."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
import zlib
from base64 import b64encode, encodebytes
from datetime import date
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.classify import Rules, classify
from gateway.classify.identifiers import name_keys
from gateway.examiner import persons
from gateway.examiner.persons import PersonCollector, name_digests, number_digest, person_digests
from gateway.examiner.protocol import PERSONS
from gateway.home.settings import ClassifyLimits
from gateway.model import ContentRefused
from tests.classify.made import Child, ctf, pupil
from tests.classify.test_workbook import workbook

BORN = date(2015, 2, 1)
KEY = b"k" * 32


@pytest.mark.parametrize(
    ("surname", "forename", "whole"),
    [
        ("O'Néill", "Zoë Ann", ""),
        ("ONEILL", " zoe", ""),
        ("o neill", "ZOE-", ""),
        ("", "", "O'Neill, Zoe Ann"),
        ("", "", "Zoe O'Neill"),
        ("", "", "O'NEILL Zoe"),
        ("", "", "Zoe O Neill"),
    ],
)
def test_one_child_is_known_however_the_name_is_spelt(surname: str, forename: str, whole: str) -> None:
    assert name_keys("O\u2019Neill", "Zoë", "", BORN) <= name_keys(surname, forename, whole, BORN)


@pytest.mark.parametrize(
    ("surname", "forename", "born"),
    [("Neill", "Zoe", BORN), ("ONeill", "Zoey", BORN), ("ONeill", "Zoe", date(2015, 1, 2))],
)
def test_another_child_is_another(surname: str, forename: str, born: date) -> None:
    assert name_keys("O'Neill", "Zoë", "", BORN).isdisjoint(name_keys(surname, forename, "", born))


@pytest.mark.parametrize(("surname", "forename", "whole"), [("", "Zoe", ""), ("-", "'", ""), ("", "", "Zoe")])
def test_half_a_name_is_none(surname: str, forename: str, whole: str) -> None:
    assert name_keys(surname, forename, whole, BORN) == frozenset()
    assert name_keys("O'Neill", "Zoe", "", None) == frozenset()


@given(st.text(), st.text(), st.text())
def test_any_text_is_a_name_or_none(surname: str, forename: str, whole: str) -> None:
    for key in name_keys(surname, forename, whole, BORN):
        last, first, born = key.split("|")
        assert last.isalpha()
        assert first.isalpha()
        assert born == "2015-02-01"


def test_digests_on_record_are_found_again() -> None:
    """They are literal: a digest that changes with the code finds no child of an earlier file."""
    first, second = bytes(range(32)), bytes(range(64))
    assert [number_digest("A999999999999", key).hex() for key in (first, second)] == [
        "cb2abd467fd6dd3c416241ea1277f3b8",
        "a8f91e1a4e1eef5bec0fe569a6722867",
    ]
    (name,) = name_digests("SMITH", "Ann", date(2015, 3, 2), second)
    assert name.hex() == "7f2d9324d1f2e05150ffc9bc75f5d123"


def test_who_has_a_number_is_known_by_it_alone() -> None:
    taker = PersonCollector()
    one, other = Child(1).upn, Child(2).upn
    named = {"surname": "Smith", "forename": "Ann", "birth-date": "01/02/2015"}
    no_upn = "X99900000000"  # The name tells.
    columns = {key: (text,) * 3 for key, text in named.items()} | {"former-upn": (other.lower(), "", "")}
    taker((one, one, no_upn), columns, {one})
    assert taker.numbers == {one, other}
    assert taker.names == {"smith|ann|2015-02-01"}
    asked = {number_digest(one, KEY), number_digest(other, KEY), *name_digests("SMITH", "Ann", BORN, KEY)}
    assert person_digests(taker.numbers, taker.names, KEY) == asked


def test_who_stands_before_an_obstacle_is_told_of(rules: Rules) -> None:
    taker, child = PersonCollector(), Child(1)
    text = ctf([pupil(child, upn="none"), "<x:Pupil xmlns:x='urn:x'/>"])
    found = classify(io.BytesIO(text.encode()), "x", ClassifyLimits(), rules, on_persons=taker)
    assert isinstance(found, ContentRefused)
    assert len(taker.names) == 1


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le", "utf-16-be"])
def test_numbers_are_seen_in_what_nobody_can_read_also_across_pieces(encoding: str) -> None:
    text = f"{'x' * (1024**2 - 6)}{Child(1).upn},{Child(2).upn.lower()} B1234567890123"
    taker = PersonCollector()
    taker.scan(io.BytesIO(text.encode(encoding)))
    assert taker.numbers == {Child(1).upn, Child(2).upn}


def packed(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files:
            made.writestr(name, content)
    return out.getvalue()


def scanned(data: bytes) -> PersonCollector:
    taker = PersonCollector()
    taker.scan(io.BytesIO(data))
    return taker


def test_numbers_are_seen_in_workbooks_and_archives_that_nobody_can_read() -> None:
    behaviour = [["UPN", "Behaviour points"], [Child(1).upn, "5"]]
    book, table = workbook(behaviour), f"UPN,Points\r\n{Child(2).upn},7\r\n".encode()
    for data in (book, packed(("a.xlsx", book)), packed(("notes.txt", b"PK\x03\x04"), ("b.xlsx", book))):
        assert scanned(data).numbers == {Child(1).upn}
    assert scanned(packed(("a.xlsx", book), ("b.csv", table))).numbers == {Child(1).upn, Child(2).upn}


def test_a_damaged_archive_hides_no_more_than_what_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (f"{Child(number).upn} {'x' * 50}".encode() for number in (1, 2))
    data = bytearray(packed(("a", one), ("b", two)))
    data[data.index(b"a") + 3] ^= 0xFF
    assert Child(2).upn in scanned(bytes(data)).numbers
    monkeypatch.setattr(persons, "_UNPACKED", len(one) + 1)
    taker = scanned(packed(("a", one), ("b", two)))
    assert (taker.numbers, taker.left_out) == ({Child(1).upn}, 1)


def test_an_archive_with_a_name_in_no_encoding_is_no_fault() -> None:
    data = packed(("é", Child(1).upn.encode()))
    assert scanned(data.replace("é".encode(), b"\xff\xff")).numbers == set()


def test_a_pupil_in_a_file_attached_to_an_e_mail_is_found() -> None:
    message = EmailMessage()
    message.set_content(f"About {Child(3).upn}. " * 9, cte="base64")
    for content in (f"UPN,Name\n{Child(1).upn},Ann\n".encode(), packed(("a.csv", Child(2).upn.encode()))):
        message.add_attachment(content, maintype="application", subtype="octet-stream")
    message.set_boundary("of-the-parts")  # One drawn at random may hold what looks like a pupil number.
    assert scanned(message.as_bytes()).numbers == {Child(number).upn for number in (1, 2, 3)}


def test_a_pupil_in_a_workbook_packed_into_an_attached_archive_is_found() -> None:
    message = EmailMessage()
    book = workbook([["UPN", "Behaviour points"], [Child(1).upn, "5"]])
    message.add_attachment(packed(("a.xlsx", book)), maintype="application", subtype="zip")
    taker = scanned(message.as_bytes())
    assert (taker.numbers, taker.left_out) == ({Child(1).upn}, 0)


def test_an_archive_in_an_archive_in_an_archive_is_left_out() -> None:
    data = packed(("a.csv", Child(1).upn.encode()))
    for depth, found in enumerate((({Child(1).upn}, 0), ({Child(1).upn}, 0), (set(), 1)), 1):
        taker = scanned(data)
        assert (taker.numbers, taker.left_out) == found, depth
        data = packed(("inner.zip", data))


def test_recipients_whose_names_are_encoded_hide_no_pupil() -> None:
    names = "".join(f" =?utf-8?B?QW5u?= <a{number}@oak.example>,\n" for number in range(45))
    attached = encodebytes(f"UPN,Name\n{Child(1).upn},Ann\n".encode())
    head = f"To:\n{names}Subject: =?utf-8?B?{b64encode(Child(2).upn.encode()).decode()}?=\n"
    taker = scanned(f"{head}Content-Transfer-Encoding: base64\n\n".encode() + attached)
    assert (taker.numbers, taker.left_out) == ({Child(1).upn, Child(2).upn}, 0)


def test_each_encoded_part_that_is_not_read_is_left_out() -> None:
    part = b"\n\n" + encodebytes(b"Nothing of note is here.")
    head = b"Content-Transfer-Encoding: base64\n"
    assert [scanned(head + part * parts).left_out for parts in (40, 43)] == [0, 3]


@pytest.mark.parametrize("length", range(2))
def test_a_pupil_in_an_attached_table_of_more_than_12_mib_is_found(length: int) -> None:
    table = b64encode(f"UPN,Name\n{Child(1).upn},Ann\n".encode() + b"x" * 13 * 1024**2)
    lines = b"\n".join(table[at : at + 76] for at in range(0, len(table), 76))
    taker = scanned(b"A: " + b"a" * length + b"\nContent-Transfer-Encoding: base64\n\n" + lines)
    assert (taker.numbers, taker.left_out) == ({Child(1).upn}, 1)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_in_an_unusual_way_is_left_out(method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        made.writestr("a", Child(1).upn)
    taker = scanned(out.getvalue())
    assert (taker.numbers, taker.left_out) == (set(), 1)


def test_an_archive_that_states_a_false_size_is_unpacked_no_further() -> None:
    data, stated = packed(("a", bytes(50_000_000))), (50_000_000).to_bytes(4, "little")
    assert data.count(stated) == 2
    tracemalloc.start()
    taker = scanned(data.replace(stated, (10).to_bytes(4, "little")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taker.left_out == 1
    assert peak < 10_000_000


def test_no_file_takes_more_room_than_it_has_whatever_size_it_states() -> None:
    data, size = packed(("a", bytes(1_501)), ("b", Child(1).upn.encode())), (1_501).to_bytes(4, "little")
    assert data.count(size) == 2
    taker = scanned(data.replace(size, (64 * 2**20).to_bytes(4, "little")))
    assert (taker.numbers, taker.left_out) == ({Child(1).upn}, 0)


def test_what_cannot_be_unpacked_counts_as_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    long, short = bytes(1_000), Child(1).upn.encode()
    data = packed(("a", long), ("b", short))
    check = zlib.crc32(long).to_bytes(4, "little")
    monkeypatch.setattr(persons, "_UNPACKED", len(long) + 1)
    taker = scanned(data.replace(check, bytes(4)))
    assert (taker.numbers, taker.left_out) == (set(), 2)


def test_no_more_are_collected_than_are_indexed_though_a_name_has_several_keys() -> None:
    taker = PersonCollector()
    taker.numbers = set(map(str, range(PERSONS - 1)))
    taker(("",), {"full-name": ("Ann Bea Cole",), "birth-date": ("2016-05-04",)}, frozenset())
    assert (len(taker.names), taker.left_out) == (0, 1)
    taker(("",), {"full-name": ("Cole, Ann",), "birth-date": ("2016-05-04",)}, frozenset())
    assert (len(taker.names), taker.left_out) == (1, 1)
