"""CTF, census and other XML with elements, attributes and texts that nobody lists."""

from __future__ import annotations

from tests.classify import made
from tests.corpus.children import NOTE
from tests.corpus.corpus import Files
from tests.corpus.extra_columns import nhs_number


def _ctf(inside: str, *, around: str = "") -> bytes:
    text = made.ctf([made.pupil(child, made.CORE_INSIDE + inside) for child in made.children()])
    return text.replace("<CTFpupilData>", f"<CTFpupilData>{around}").encode()


def _nhs() -> bytes:
    pupils = (
        made.pupil(c, f"{made.CORE_INSIDE}<NHSNumber>{nhs_number(c)}</NHSNumber>") for c in made.children()
    )
    return made.ctf(pupils).encode()


def _census(inside: str, *, around: str = "") -> bytes:
    pupils = [
        made.census_pupil(child).replace("</PupilOnRoll>", f"{inside}</PupilOnRoll>")
        for child in made.children()
    ]
    return made.census_around(pupils).replace("<School>", f"<School>{around}").encode()


def _attendance(inside: str) -> bytes:
    pupils = [made.attendance_pupil(c).replace("</Pupil>", f"{inside}</Pupil>") for c in made.children()]
    return made.attendance_around(pupils).encode()


def _exclusions(inside: str) -> bytes:
    pupils = [made.exclusion_pupil(c).replace("<EndDate/>", f"<EndDate/>{inside}") for c in made.children(4)]
    return made.exclusions_around(pupils).encode()


_GCSE = made.assessments("KS4", ("MAT", "MAT", "TT", "GG", "7"), ("ENG", "ENG", "TT", "GG", "5"))
_SECTIONS = "<Pupil><UPN>"

FILES: Files = {
    "core.xml": lambda: _ctf(""),
    "core-notes.xml": lambda: _ctf(f"<Notes>{NOTE}</Notes>"),
    "core-note-in-an-attribute.xml": lambda: _ctf('<Address note="leave the parcel next door"/>'),
    "core-note-between-elements.xml": lambda: _ctf("She has moved in with her aunt."),
    "core-note-beside-the-pupils.xml": lambda: _ctf("", around=f"<Remark>{NOTE}</Remark>"),
    "core-commented.xml": lambda: _ctf("").replace(
        b"<CTfile>", b"<CTfile><!-- exported for the authority -->"
    ),
    "core-sensitive-comment.xml": lambda: _ctf("").replace(
        b"</Pupil>", b"<!-- social worker: A -->\n</Pupil>", 1
    ),
    "core-comments.xml": lambda: _ctf("<!-- lives with her aunt -->"),
    "core-nhs-number.xml": _nhs,
    "children-missing.xml": lambda: _ctf("").replace(b"Common Transfer File", b"Children Missing Education"),
    "joiners.xml": lambda: (
        _ctf("")
        .replace(b"<DataDescriptor>", b"")
        .replace(b"<SupplierID>", b"<DataDescriptor>CMJ</DataDescriptor><SupplierID>")
    ),
    "leavers.xml": lambda: _ctf("").replace(b"CTfile>", b"CMLfile>"),
    "core-version-old.xml": lambda: _ctf("").replace(b"25.0", b"12.0"),
    "core-version-unknown.xml": lambda: _ctf("").replace(b"25.0", b"99.9"),
    "core-looked-after.xml": lambda: _ctf("<LookedAfter><InCare>true</InCare></LookedAfter>"),
    "core-social-worker.xml": lambda: _ctf("<SocialWorker>A Person</SocialWorker>"),
    "core-camhs.xml": lambda: _ctf("<Support><CamhsReferral>true</CamhsReferral></Support>"),
    "core-medical.xml": lambda: _ctf("<MedicalNotes>Carries an inhaler</MedicalNotes>"),
    "core-assessments.xml": lambda: made.ctf(
        [made.pupil(c, made.CORE_INSIDE + made.HISTORY + made.KS2) for c in made.children()], qualifier="full"
    ).encode(),
    "core-examinations.xml": lambda: made.ctf(
        [made.pupil(c, made.CORE_INSIDE + _GCSE) for c in made.children()], qualifier="full"
    ).encode(),
    "ks2.xml": lambda: made.ctf([made.pupil(c, made.KS2) for c in made.children()]).encode(),
    "phonics.xml": lambda: made.ctf([made.pupil(c, made.PHONICS) for c in made.children()]).encode(),
    "phonics-comment.xml": lambda: made.ctf(
        [
            made.pupil(c, made.PHONICS.replace("</Result>", f"</Result><Comment>{NOTE}</Comment>"))
            for c in made.children()
        ]
    ).encode(),
    "census.xml": lambda: _census(""),
    "census-looked-after.xml": lambda: _census(
        "<PostLookedAfterArrangements>A</PostLookedAfterArrangements>"
    ),
    "census-social-care.xml": lambda: _census(
        "<ChildProtection><PlanDate>2026-01-01</PlanDate></ChildProtection>"
    ),
    "census-unknown.xml": lambda: _census("<LockerNumber>A12</LockerNumber>"),
    "census-unknown-of-the-school.xml": lambda: _census("", around="<HeadsRemark>Quiet year</HeadsRemark>"),
    "attendance.xml": lambda: _attendance(""),
    "attendance-reason-text.xml": lambda: _attendance(f"<Remark>{NOTE}</Remark>"),
    "attendance-behaviour.xml": lambda: _attendance("<BehaviourPoints>4</BehaviourPoints>"),
    "exclusions.xml": lambda: _exclusions(""),
    "exclusions-narrative.xml": lambda: _exclusions(f"<Narrative>{NOTE}</Narrative>"),
    "exclusions-police.xml": lambda: _exclusions("<PoliceReference>AB 12</PoliceReference>"),
}
