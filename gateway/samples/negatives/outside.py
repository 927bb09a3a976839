"""DfE returns in the census's envelope other than the School Census."""

from collections.abc import Iterator
from random import Random

from lxml import etree

from gateway.samples.drawing import Element, branch, leaf
from gateway.samples.negatives.negative import Negative
from gateway.samples.people import LA, upn


def files(rng: Random) -> Iterator[Negative]:
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
