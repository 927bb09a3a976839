"""A reader of Common Transfer Files, as a system of an authority reads one. It knows nothing of the gateway.

Written from the published order of a CTF (header, then pupils with their sections), with the standard
library's own parser, so that it fails where the shape of a view is not that of a CTF.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from xml.etree import ElementTree as ET


@dataclass
class Child:
    """One pupil of a file."""

    upn: str
    surname: str
    forename: str
    born: date | None
    details: dict[str, str] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    address: list[str] = field(default_factory=list)
    contacts: int = 0
    results: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class TransferFile:
    """A whole file."""

    version: str
    source: tuple[str, str]
    destination: tuple[str, str]
    pupils: list[Child]


def read(data: bytes) -> TransferFile:
    """The file; ValueError where it is none."""
    root = ET.fromstring(data)
    if root.tag != "CTfile" or [child.tag for child in root][:2] != ["Header", "CTFpupilData"]:
        raise ValueError("not a Common Transfer File")
    header = root[0]
    if header.findtext("DocumentName") != "Common Transfer File":
        raise ValueError("another document")
    return TransferFile(
        version=header.findtext("CTFversion", ""),
        source=_school(header, "SourceSchool"),
        destination=_school(header, "DestSchool"),
        pupils=[_child(each) for each in root[1]],
    )


def _school(header: ET.Element, which: str) -> tuple[str, str]:
    return header.findtext(f"{which}/LEA", ""), header.findtext(f"{which}/Estab", "")


def _child(pupil: ET.Element) -> Child:
    if pupil.tag != "Pupil":
        raise ValueError("something else among the pupils")
    born = pupil.findtext("DOB")
    basic = pupil.find("BasicDetails")
    return Child(
        upn=pupil.findtext("UPN", ""),
        surname=pupil.findtext("Surname", ""),
        forename=pupil.findtext("Forename", ""),
        born=date.fromisoformat(born) if born else None,
        details={each.tag: each.text or "" for each in basic or [] if not len(each)},
        needs=[each.text or "" for each in pupil.iter("SENtype")]
        + [e.text or "" for e in pupil.iter("SENneed") if not len(e)],
        address=[each.text or "" for each in pupil.iterfind("Address//*") if not len(each)],
        contacts=len(pupil.findall("Contacts/Contact")),
        results=[
            (r.findtext("Subject", ""), r.findtext("Component", ""), r.findtext("Result", ""))
            for r in pupil.iter("StageAssessment")
        ],
    )
