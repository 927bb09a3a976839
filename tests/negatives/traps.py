"""Hostile XML, and files of two kinds at once."""

from collections.abc import Iterator
from random import Random

from lxml import etree

from gateway.samples import make
from gateway.samples.drawing import Element, branch, leaf
from gateway.samples.people import LA, upn
from gateway.samples.presentation import zipped
from tests.negatives.binaries import JPEG, pdf
from tests.negatives.tables import Negative

# DfE returns in the census's envelope other than the School Census.


def outside(rng: Random) -> Iterator[Negative]:
    """Yield children in need, and the school workforce census."""
    yield Negative("children in need", "outside", "CIN_999_2026.xml", _written(_children_in_need(rng)))
    yield Negative("school workforce", "outside", "9992000_SWF_999LL26_001.xml", _written(_workforce(rng)))


def _written(root: Element) -> bytes:
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True))


def _message(collection: str) -> Element:
    root = etree.Element("Message")
    header = etree.SubElement(root, "Header")
    details = branch(header, "CollectionDetails", Collection=collection, Year=2026)
    leaf(details, "ReferenceDate", "2026-03-31")
    branch(header, "Source", SourceLevel="L", LEA=LA, SoftwareCode="Local Authority", SerialNo=1)
    branch(etree.SubElement(header, "Content"), "CBDSLevels", CBDSLevel="Child")
    return root


def _children_in_need(rng: Random) -> Element:
    root = _message("CIN")
    children = etree.SubElement(root, "Children")
    for n in range(20):
        child = etree.SubElement(children, "Child")
        identifiers = branch(child, "ChildIdentifiers", LAchildID=f"C{n:05d}", UPN=upn("2000", 2018, n))
        leaf(identifiers, "PersonBirthDate", f"2014-{rng.randrange(1, 13):02d}-11")
        branch(child, "ChildCharacteristics", Ethnicity="WBRI")
        branch(child, "CINdetails", CINreferralDate="2026-01-12", PrimaryNeedCode="N1")
    return root


def _workforce(rng: Random) -> Element:
    root = _message("School Workforce Census")
    school = etree.SubElement(root, "SchoolWorkforceMembers")
    for n in range(20):
        member = etree.SubElement(school, "SchoolWorkforceMember")
        details = branch(member, "StaffDetails", TeacherNumber=f"{9900000 + n}", StaffMemberName=f"Mock {n}")
        leaf(details, "NINumber", f"ZZ{rng.randrange(10**6):06d}A")
        branch(member, "ContractOrServiceGroup", ContractType="PRM", Post="TCH")
        branch(member, "Absence", FirstDayOfAbsence="2026-02-02", AbsenceCategory="SIC")
    return root


# Damaged or imitated files of the agreement: a good beginning, unreadable to the end.


def broken(rng: Random) -> Iterator[Negative]:
    """Yield a CTF and a census return, each spoilt in one way."""
    ctf = make("student-core", "ctf-full", rng=rng)
    census = make("school-census", "xml-summer", rng=rng)
    for what, content in _spoilt(ctf, census):
        yield Negative(what, "broken", f"{what}.xml", content)


def _spoilt(ctf: bytes, census: bytes) -> Iterator[tuple[str, bytes]]:
    declaration = b"<?xml version='1.0' encoding='utf-8'?>\n"
    half = len(ctf) // 2
    yield "CTF cut off", ctf[:half]
    yield "CTF cut off in its last tag", ctf.rstrip()[:-3]
    yield "census cut off", census[: len(census) // 2]
    yield "CTF with two declarations", declaration + ctf
    yield "CTF after junk", b"junk " + ctf
    yield "CTF followed by another", ctf + ctf
    yield "CTF with a tag that does not match", ctf.replace(b"</Forename>", b"</Surname>", 1)
    yield "CTF with bytes that are not UTF-8", ctf[:half] + b"\xff\xfe\xc0" + ctf[half:]
    yield "CTF with a zero byte", ctf[:half] + b"\0" + ctf[half:]
    yield "CTF with an ampersand", ctf.replace(b"GWSAMPLE", b"R&D", 1)
    yield "CTF in an encoding of its own", ctf.replace(b"utf-8", b"x-mock", 1)
    yield "CTF that calls itself UTF-16", ctf.replace(b"utf-8", b"utf-16", 1)
    yield "CTF without content", b"<CTfile/>"
    yield "message without content", b"<Message/>"
    yield "message of an unknown collection", census.replace(b">SC<", b">ZZ<", 1)


_OPEN, _CLOSE = b"<CTfile><CTFpupilData><Pupil>", b"</Pupil></CTFpupilData></CTfile>"


def files(rng: Random) -> Iterator[Negative]:
    """Yield bombs and external entities first, then polyglots."""
    for what, content in _bombs():
        yield Negative(what, "trap", f"{what}.xml", content)
    ctf = make("student-core", "ctf-full", rng=rng)
    table = make("student-core", "csv-core", rng=rng)
    for what, content in _polyglots(ctf, table):
        yield Negative(what, "trap", f"{what}.xml", content)


def _bombs() -> Iterator[tuple[str, bytes]]:
    levels = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12))
    nested = b'[<!ENTITY e0 "ha">' + levels + b"]"
    yield "entities of entities", _with_doctype(nested, b"<UPN>&e11;</UPN>")
    large = b'[<!ENTITY x "' + b"x" * 100_000 + b'">]'
    yield "one large entity many times", _with_doctype(large, b"<UPN>" + b"&x;" * 50_000 + b"</UPN>")
    yield "external entity", _with_doctype(b'[<!ENTITY x SYSTEM "file:///etc/passwd">]', b"<UPN>&x;</UPN>")
    yield (
        "external entity over the network",
        _with_doctype(b'[<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]', b"<UPN>&x;</UPN>"),
    )
    yield "parameter entity", _with_doctype(b'[<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]', b"<UPN/>")
    yield "external document type", _with_doctype(b'SYSTEM "file:///etc/passwd"', b"<UPN>A</UPN>")
    yield "document type without entities", _with_doctype(b"", b"<UPN>A</UPN>")
    yield "a hundred thousand levels", b"<a>" * 100_000 + b"</a>" * 100_000
    yield "CTF of a hundred thousand levels", _OPEN + b"<a>" * 100_000 + b"</a>" * 100_000 + _CLOSE
    attributes = b" ".join(b'a%d="1"' % n for n in range(10_000))
    yield "ten thousand attributes", _OPEN + b"<UPN " + attributes + b"/>" + _CLOSE
    namespaces = b" ".join(b'xmlns:n%d="urn:%d"' % (n, n) for n in range(10_000))
    yield "ten thousand namespaces", _OPEN + b"<UPN " + namespaces + b"/>" + _CLOSE
    yield "attribute of five million characters", _OPEN + b'<UPN a="' + b"x" * 5_000_000 + b'"/>' + _CLOSE
    yield "text of twenty million characters", _OPEN + b"<UPN>" + b"x" * 20_000_000 + b"</UPN>" + _CLOSE
    yield "comment of twenty million characters", _OPEN + b"<!--" + b"x" * 20_000_000 + b"-->" + _CLOSE
    yield "name of a million characters", _OPEN + b"<" + b"x" * 1_000_000 + b"/>" + _CLOSE
    yield "a million empty elements", b"<x>" + b"<y/>" * 1_000_000 + b"</x>"


def _with_doctype(subset: bytes, body: bytes) -> bytes:
    return b"<?xml version='1.0'?><!DOCTYPE CTfile " + subset + b">" + _OPEN + body + _CLOSE


def _polyglots(ctf: bytes, table: bytes) -> Iterator[tuple[str, bytes]]:
    archive = zipped({"ctf.xml": ctf})
    page = b"<!DOCTYPE html><html><body><pre>"
    root = ctf[ctf.index(b"<CTfile>") :]
    yield "PDF and ZIP of a CTF", pdf() + archive
    yield "JPEG and ZIP of a CTF", JPEG + archive
    yield "JPEG followed by a CTF", JPEG + ctf
    yield "PDF that shows a CTF", pdf(root[:2000].decode("latin-1"))
    yield "CTF followed by its ZIP", ctf + archive
    yield "GIF that goes on as a table", b"GIF89a=1;\r\n" + bytes(30) + table
    yield "web page that holds a CTF", page + root + b"</pre></body></html>"
    yield "web page that holds a table", page + table + b"</pre></body></html>"
    yield "picture that holds a CTF", b'<svg xmlns="http://www.w3.org/2000/svg">' + root + b"</svg>"
    yield "CTF in a comment", b"<notes><!--" + root.replace(b"--", b"==") + b"--></notes>"
    yield "CTF in a message", b"<Message><Header/>" + root + b"</Message>"
    yield "CTF in a cell", b'Title,Body\r\n1,"' + root.replace(b'"', b'""') + b'"\r\n'
