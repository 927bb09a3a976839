import io
import zipfile
from random import Random

import pytest
from lxml import etree

from tests.negatives import Negative, negatives
from tests.negatives.binaries import JPEG, pdf


@pytest.fixture(scope="module")
def all_of_them() -> dict[str, Negative]:
    found = list(negatives(Random(3)))
    assert len({negative.what for negative in found}) == len(found)
    return {negative.what: negative for negative in found}


@pytest.mark.long
def test_every_kind_is_there_and_no_file_is_unreasonably_large(all_of_them):
    kinds = {negative.kind for negative in all_of_them.values()}
    assert kinds == {"outside", "table", "binary", "broken", "trap", "archive"}
    assert max(len(negative.content) for negative in all_of_them.values()) < 25_000_000


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes(all_of_them):
    again = {negative.what: negative.content for negative in negatives(Random(3))}
    assert again == {what: negative.content for what, negative in all_of_them.items()}


def test_outside_returns_are_well_formed_and_not_the_school_census(all_of_them):
    for negative in all_of_them.values():
        if negative.kind == "outside":
            root = etree.fromstring(negative.content)
            assert root.findtext("Header/CollectionDetails/Collection") != "SC"


def test_the_bomb_is_small_and_expands_to_200_mb(all_of_them):
    content = all_of_them["ZIP bomb"].content
    assert len(content) < 300_000
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.infolist()[0].file_size == 200_000_000


def test_the_lying_archive_lies(all_of_them):
    with zipfile.ZipFile(io.BytesIO(all_of_them["ZIP that lies about its size"].content)) as archive:
        assert archive.infolist()[0].file_size == 100


def test_the_archive_with_a_password_asks_for_one(all_of_them):
    content = io.BytesIO(all_of_them["ZIP with a password"].content)
    with zipfile.ZipFile(content) as archive, pytest.raises(RuntimeError, match="password required"):
        archive.read("ctf.xml")


def test_polyglots_are_archives_for_a_reader_that_looks_from_the_end(all_of_them):
    for what in ("PDF and ZIP of a CTF", "JPEG and ZIP of a CTF", "CTF followed by its ZIP"):
        with zipfile.ZipFile(io.BytesIO(all_of_them[what].content)) as archive:
            assert archive.read("ctf.xml").startswith(b"<?xml")


@pytest.mark.parametrize(
    "what", ["CTF cut off", "CTF with two declarations", "CTF followed by another", "CTF with a zero byte"]
)
def test_broken_xml_is_broken(all_of_them, what):
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(all_of_them[what].content)


def test_documents_have_the_marks_of_their_kind():
    assert JPEG.startswith(b"\xff\xd8\xff")
    document = pdf()
    place = int(document.split(b"startxref\n")[1].split(b"\n")[0])
    assert document[place : place + 4] == b"xref"
