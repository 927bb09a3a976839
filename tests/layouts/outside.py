"""Files as a school or the DfE would write them, told from published layouts and from no rule of the product.

The names come from the census specifications, the CBDS, the CTF specifications, SI 2024/208, and the public
repositories SocialFinanceDigitalLabs/liia-tools-pipeline and DFE-Digital/get-information-about-pupils. The
generator of the product's own samples takes no part in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_DATA = frozenset({"central-data-team"})
_WELFARE = frozenset({"education-welfare"})
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


@dataclass(frozen=True)
class Outside:
    """A file, the day on which it comes, its type, exactly its teams, and what only one of them may see."""

    name: str
    day: str
    content: bytes
    data_type: str
    teams: frozenset[str]
    only: tuple[tuple[str, str], ...] = ()
    sender: str = "school"


def _upn(number: int) -> str:
    digits = f"9994001{number:05d}"
    return LETTERS[sum(int(d) * w for d, w in zip(digits, range(2, 14), strict=True)) % 23] + digits


def _of(text: str, number: int) -> str:
    return text.replace("{upn}", _upn(number)).replace("{day}", f"{number + 10}").replace("{n}", str(number))


def _xml(record: str, lines: str, number: int) -> str:
    """Write a record from lines of a path and its value; a path that begins with + opens its parent anew."""
    root: list[tuple[str, object]] = []
    for line in filter(None, map(str.strip, lines.splitlines())):
        path, _, value = line.partition(" ")
        *around, leaf = path.lstrip("+").split("/")
        here = root
        for depth, name in enumerate(around):
            anew = path.startswith("+") and depth == len(around) - 1
            found = None if anew else next((x for n, x in reversed(here) if n == name), None)
            if found is None:
                found = []
                here.append((name, found))
            assert isinstance(found, list)
            here = found
        here.append((leaf, _of(value, number)))

    def text(nodes: list[tuple[str, object]]) -> str:
        return "".join(f"<{n}>{text(x) if isinstance(x, list) else x}</{n}>" for n, x in nodes)

    return f"<{record}>{text(root)}</{record}>"


# --- the school census ---

_PUPIL = """
PupilIdentifiers/UPN {upn}
PupilIdentifiers/Surname Adams
PupilIdentifiers/Forename Eve
PupilIdentifiers/MiddleNames Jo
PupilIdentifiers/PreferredSurname Adams
PupilIdentifiers/FormerSurname Bell
PupilIdentifiers/DOB 2012-04-{day}
PupilIdentifiers/Sex F
"""
_ON_ROLL = """
PupilCharacteristics/Language ARAS
PupilCharacteristics/SchoolLunchTaken true
FSMperiods/FSMperiod/FSMstartDate 2024-09-05
FSMperiods/FSMperiod/UKcountry ENG
PupilStatus/EnrolStatus C
PupilStatus/ClassType O
PupilStatus/EntryDate 2023-09-05
PupilStatus/PartTime false
PupilStatus/Boarder N
PupilStatus/NCyearActual 9
SpecialEducationalNeeds/SENprovision E
SpecialEducationalNeeds/SENneeds/SENneed/SENtypeRank 1
SpecialEducationalNeeds/SENneeds/SENneed/SENtype SLCN
SpecialEducationalNeeds/SENunitIndicator false
SpecialEducationalNeeds/ResourcedProvisionIndicator false
Exclusions/TermlyExclusion/Category SUSP
Exclusions/TermlyExclusion/Reason PP
Exclusions/TermlyExclusion/StartDate 2025-06-11
Exclusions/TermlyExclusion/Sessions 4
Address/PAON 14
Address/Street High Street
Address/Town Taunton
Address/PostCode TA1 1AA
Address/UniquePropertyReferenceNumber 100040012345
"""
_OF_TERM = {
    "AUT": "PupilCharacteristics/YSSA true\nAttendance/SummerHalfTerm2Attendance/SessionsPossible 60",
    "SPR": """
PupilCharacteristics/Ethnicity WBRI
PupilCharacteristics/ServiceChild N
PupilCharacteristics/PLAA A
PupilCharacteristics/TopUpFunding true
Attendance/TermlyAttendance/SessionsPossible 120
+Attendance/TermlyAttendance/SessionDetails/SessionDetail/AttendanceReason I
Attendance/TermlyAttendance/SessionDetails/SessionDetail/AbsenceSessions 6
+Attendance/TermlyAttendance/SessionDetails/SessionDetail/AttendanceReason C2
Attendance/TermlyAttendance/SessionDetails/SessionDetail/AbsenceSessions 5
""",
    "SUM": "Attendance/TermlyAttendance/SessionsPossible 110",
}
_LEFT = "PupilStatus/EnrolStatus C\nPupilStatus/EntryDate 2021-09-06\nPupilStatus/LeavingDate 2025-07-21"


def _census(term: str, day: str, more: str = "", *, within: int = 3) -> bytes:
    ids = range(1, within + 1)
    on = "".join(_xml("PupilOnRoll", _PUPIL + _ON_ROLL + _OF_TERM[term] + "\n" + more, n) for n in ids)
    off = _xml("PupilNoLongerOnRoll", _PUPIL + _LEFT, 9)
    head = _xml(
        "Header",
        f"""CollectionDetails/Collection SC
CollectionDetails/Term {term}
CollectionDetails/Year {day[:4]}
CollectionDetails/ReferenceDate {day}
Source/SourceLevel S
Source/LEA 999
Source/Estab 6900
Source/SoftwareCode Vendor
Source/Release 7.220
Source/SerialNo 1
Source/DateTime {day}T09:12:41
""",
        0,
    )
    pupils = f"<PupilsOnRoll>{on}</PupilsOnRoll><PupilsNoLongerOnRoll>{off}</PupilsNoLongerOnRoll>"
    return f"<Message>{head}<Pupils>{pupils}</Pupils></Message>".encode()


def _censuses() -> Iterator[Outside]:
    meals = "+FSMperiods/FSMperiod/FSMstartDate 2026-09-05\nFSMperiods/FSMperiod/FSMcategory {}\n"
    carer, kin = "PupilCharacteristics/YoungCarer", "PupilCharacteristics/KinshipCare"
    disabled = "PupilCharacteristics/DisabilityIndicator"
    returns = [
        ("AUT", "2025-10-02", "2025-10-06", ""),
        ("SPR", "2026-01-15", "2026-01-19", f"{carer} N"),
        ("SUM", "2026-05-21", "2026-05-26", ""),
        *(("AUT", "2026-10-01", "2026-10-06", f"{kin} {code}") for code in ("ND", "KF", "KI", "KU")),
        *(
            ("AUT", "2026-10-01", "2026-10-06", meals.format(code) + f"{kin} ND")
            for code in ("TFSM", "EFSM", "OFSM")
        ),
        *(
            ("SPR", "2027-01-21", "2027-01-26", f"{carer} {code}\n{disabled} N\n" + meals.format("EFSM"))
            for code in "NPS"
        ),
        ("SUM", "2027-05-20", "2027-05-25", meals.format("TFSM")),
    ]
    for term, day, comes, more in returns:
        only = tuple(
            (f"{name}>", "central-data-team")
            for name in ("YoungCarer", "KinshipCare", "DisabilityIndicator", "PLAA")
            if name in more + _OF_TERM[term]
        )
        name = f"census {term} {day} {' '.join(more.split())[-40:]}"
        yield Outside(name, comes, _census(term, day, more), "school-census", _DATA, only)


# --- Common Transfer Files, and the messages about children missing education ---

_BASIC = """
UPN {upn}
Surname Adams
Forename Eve
DOB 2012-04-{day}
"""
_DETAILS = """
BasicDetails/PreferredForename Evie
BasicDetails/NCyearActual 9
BasicDetails/Ethnicity WBRI
BasicDetails/EthnicitySource P
BasicDetails/Languages/Type/LanguageType F
BasicDetails/Languages/Type/Language ENG
BasicDetails/ServiceChild N
BasicDetails/MedicalFlag false
BasicDetails/EnrolStatus C
"""
_MEALS = """
FSMhistory/FSMinstance/FSMstartDate 2025-04-14
FSMhistory/FSMinstance/FSMendDate 2026-03-31
FSMhistory/FSMinstance/UKcountry ENG
"""
_SCHOOL = """
SENhistory/SEN/StartDate 2024-09-05
SENhistory/SEN/SENprovision K
Address/BS7666Address/PAON 14
Address/BS7666Address/Street High Street
Address/PostCode TA1 1AA
Contacts/Contact/Order 1
Contacts/Contact/Surname Adams
Contacts/Contact/Forename Ann
Contacts/Contact/Relationship PAM
Attendance/YearData/Year 2025
Attendance/YearData/LEA 999
Attendance/YearData/Estab 6900
Attendance/YearData/SessionsPossible 380
Attendance/YearData/SessionsAttended 360
SchoolHistory/School/LEA 999
SchoolHistory/School/Estab 6900
SchoolHistory/School/EntryDate 2023-09-05
SchoolHistory/School/LeavingDate 2026-10-02
"""
_GROUNDS = "SchoolHistory/School/RemovalGrounds {}\n"
_ELEMENTS = {
    "service child": ("ServiceChildConcern/MoveConcern false", ("MoveConcern>", "education-welfare")),
    "Wales": ("NAWdetails/SpeakWelsh N\nNAWdetails/ALNneeds/ALNType MLD", ("ALNType>", "central-data-team")),
    "tuition": ("TuitionHours 2\nUnitContactTimePupil 3", ("TuitionHours>", "central-data-team")),
    "funding": ("LearnFAMType EHC\nLearnFAMCode 1", ("LearnFAMType>", "central-data-team")),
    "in care": ("LookedAfter/InCare true\nLookedAfter/CareAuthority 999", ("InCare>", "education-welfare")),
    "disabilities": ("BasicDetails/Disabilities/Disability MOB", ("Disability>", "sen")),
    "meals": ("FSMhistory/FSMinstance/FSMCategory OFSM", ()),
    "checked": ("FSMhistory/FSMinstance/FSMEligibilityVerificationDate 2026-09-01", ()),
    "proficiency": ("BasicDetails/EnglishProficiency B", ()),
    "removed": (_GROUNDS.format("9(1)(d)"), ("RemovalGrounds>", "education-welfare")),
    "removed before 2024": (_GROUNDS.format("8(1)(d)"), ("RemovalGrounds>", "education-welfare")),
}
_CORE = frozenset(
    {"central-data-team", "admissions-and-entitlements", "education-welfare", "ethnic-minority-and-traveller",
     "sen"}
)  # fmt: skip


def _ctf(
    version: str, inside: str, day: str, name: str = "Common Transfer File", root: str = "CTfile"
) -> bytes:
    """Write a Common Transfer File of three pupils, of a version and a day."""
    head = _xml(
        "Header",
        f"""DocumentName {name}
CTFversion {version}
DateTime {day}T10:00:00
DocumentQualifier full
SupplierID Vendor
SourceSchool/LEA 999
SourceSchool/Estab 6900
SourceSchool/SchoolName Oak
SourceSchool/AcademicYear {day[:4]}
DestSchool/LEA 999
DestSchool/Estab LLLL
""",
        0,
    )
    pupils = "".join(_xml("Pupil", inside, number) for number in (1, 2, 3))
    return f"<CTfile>{head}<CTFpupilData>{pupils}</CTFpupilData></CTfile>".encode()


def _transfers() -> Iterator[Outside]:
    for number in range(18, 27):
        day = f"{2000 + number}-10-06"
        sex = "Sex F\n" if number >= 23 else "Gender F\n"
        content = _ctf(f"{number}.0", _BASIC + sex + _DETAILS + _MEALS + _SCHOOL + _GROUNDS.format("D"), day)
        only = (("RemovalGrounds>", "education-welfare"),)
        yield Outside(f"CTF {number}", day, content, "student-core", _CORE, only)
    for name, (inside, only_one) in _ELEMENTS.items():
        content = _ctf("26.0", _BASIC + "Sex F\n" + _DETAILS + _MEALS + inside + _SCHOOL, "2026-10-06")
        only = (only_one,) if only_one else ()
        yield Outside(f"CTF {name}", "2026-10-06", content, "student-core", _CORE, only)
    leaver = _BASIC + "Sex F\nBasicDetails/NCyearActual 9" + _SCHOOL + _GROUNDS.format("I")
    joiner = _BASIC + "Sex F\nBasicDetails/NCyearActual 9\nSchoolHistory/School/EntryDate 2026-10-05"
    for name, inside in (("CML", leaver), ("CMJ", joiner)):
        content = _ctf("26.0", inside, "2026-10-06", f"Children Missing Education {name}")
        yield Outside(name, "2026-10-06", content, "children-missing", _WELFARE)


# --- tables ---

_WHO = (("UPN", "{upn}"), ("Surname", "Adams"), ("Forename", "Eve"))


def _table(text: str, who: tuple[tuple[str, str], ...] = (*_WHO, ("DOB", "2012-04-{day}"))) -> bytes:
    """Write a table of four pupils from lines of a heading and its value."""
    lines = [line.strip().partition(": ") for line in text.strip().splitlines()]
    columns = [*who, *((heading, value) for heading, _, value in lines)]
    rows = [",".join(_of(value, number) for _, value in columns) for number in range(1, 5)]
    return "\r\n".join([",".join(heading for heading, _ in columns), *rows, ""]).encode()


_RETURNS = {
    "register-entry": """
        Date Added to Admission Register: 2026-10-05
        Previous School: Elm School
        Address: 14 High Street
        Postcode: TA1 1AA""",
    "register-deletion": """
        Date of Deletion: 2026-10-05
        Ground for Deletion: 9(1)(d)
        New Address: 15 High Street
        Parent Name: Ann Adams""",
    "continuous-absence": """
        First Date of Absence: 2026-09-21
        Sessions Missed: 20
        Absence Code: O""",
    "sickness-return": """
        First Date of Sickness: 2026-09-14
        Number of School Days Absent: 15
        Absence Code: I""",
    "part-time-timetable": """
        Part-time Timetable Start Date: 2026-09-14
        Part-time Timetable End Date: 2026-10-23
        Part-time Timetable Review Date: 2026-10-09""",
    "home-education": """
        Date of Parental Notification: 2026-10-01
        Elective Home Education Start Date: 2026-10-05
        Date Removed from Roll: 2026-10-05
        Address: 14 High Street""",
    "suspension-notice": """
        Exclusion Type: SUSP
        Suspension Reason: PP
        Suspension Start: 2026-10-05
        Number of Sessions: 4
        Date LA Notified: 2026-10-05
        Date Parents Notified: 2026-10-05""",
}
# Returns of which one heading alone says what they are; all others are those of core data.
_OTHERS = (
    ("register-entry", "New Starter: Y\nStart Date: 2026-10-05\nYear Group: 9"),
    ("register-entry", "Date Added to Roll: 2026-10-05\nYear Group: 9\nPostcode: TA1 1AA"),
    ("home-education", "Elective Home Education Start Date: 2026-10-05\nYear Group: 9\nPostcode: TA1 1AA"),
    ("home-education", "Electively Home Educated: Y\nYear Group: 9\nPostcode: TA1 1AA"),
    ("sickness-return", "Days of Illness: 15\nExpected Length of Illness: 20"),
    ("suspension-notice", "Type: SUSP\nReason: PP\nSuspension Start: 2026-10-05\nLA Notified: 2026-10-05"),
    ("continuous-absence", "Continuous Absence Start: 2026-09-21\nDays of Continuous Absence: 10"),
)
_KS5 = """
    KS5_ACADYR: 2025/2026
    KS5_CANDNO: 000{n}
    KS5_EXAMYEAR: 2026
    KS5_SEASON: S
    KS5_BOARDNO: 70
    KS5_GRADE: B
    KS5_POINTS: 40"""
_EXCLUDED = frozenset({"central-data-team", "exclusions", "education-welfare", "admissions-and-entitlements"})
_KS2 = """
    ACADYR: 2025/2026
    PupilMatchingRef: A{n}
    CANDNO: 000{n}
    YEARGRP: 6
    SEX: F
    LAESTAB: 9996900
    URN: 990000
    READOUTCOME: AS
    MATOUTCOME: AS
    GPSOUTCOME: AS
    READSCORE: 104
    MATSCORE: 108
    GPSSCORE: 101
    WRITTAOUTCOME: EXS
    SCITAOUTCOME: EXS
    FSM6CLA1A: 0
    CLA_PP_1_DAY: 0
    CLA_PP_6_MONTHS: 0"""
_KS1 = """
    ACADYR: 2022/2023
    PUPILMATCHINGREF: A{n}
    SEX: F
    LAESTAB: 9996900
    URN: 990000
    READ_OUTCOME: EXS
    WRIT_OUTCOME: EXS
    MATH_OUTCOME: GDS
    SCI_OUTCOME: EXS"""
_PREMIUM = """
    Sex: F
    NCYear: 6
    DeprivationPupilPremium: 1
    ServiceChildPremium: 0
    AdoptedfromCarePremium: 0
    LookedAfterPremium: 1
    PupilPremiumFTE: 1
    PupilPremiumCashAmount: 1480
    PupilPremiumFYStartDate: 2026-04-01
    PupilPremiumFYEndDate: 2027-03-31"""
_GOALS = """Listening Attention and Understanding, Speaking, Self-Regulation, Managing Self,
Building Relationships, Gross Motor Skills, Fine Motor Skills, Comprehension, Word Reading, Writing, Number,
Numerical Patterns, Past and Present, People Culture and Communities, The Natural World,
Creating with Materials, Being Imaginative and Expressive"""


def _tables() -> Iterator[Outside]:
    for number, (data_type, text) in enumerate((*_RETURNS.items(), *_OTHERS)):
        teams = _WELFARE | {"exclusions"} if data_type == "suspension-notice" else _WELFARE
        yield Outside(f"{data_type} {number}", "2026-10-06", _table(text), data_type, teams)
    born = (*_WHO, ("DOB", "2008-04-{day}"))
    yield Outside("KS5 examinations", "2026-09-15", _table(_KS5, born), "a-level-results", _DATA)
    excluded = "Exclusion Type: Suspension\nReason: PP\nStart Date: 2026-10-05\nNumber of Sessions: 4"
    yield Outside("suspension", "2026-10-06", _table(excluded), "exclusions", _EXCLUDED)
    yield Outside("GIAP KS1", "2026-09-15", _table(_KS1), "ks1", _DATA)
    yield Outside("GIAP KS2", "2026-09-15", _table(_KS2), "ks2", _DATA, sender="dfe")
    yield Outside("GIAP pupil premium", "2026-09-15", _table(_PREMIUM), "pupil-premium", _DATA)
    born = (*_WHO, ("DOB", "2022-04-{day}"))
    goals = "\n".join(f"{goal.strip()}: 2" for goal in _GOALS.replace("\n", " ").split(","))
    teams = _DATA | {"early-years"}
    yield Outside("EYFSP", "2027-06-25", _table(goals, born), "eyfs-profile", teams)
    born = (*_WHO, ("DOB", "2020-04-{day}"))
    phonics = "NC Year: 1\nPhonics Mark: 34\nPhonics Outcome: Wa"
    yield Outside("phonics", "2027-06-25", _table(phonics, born), "phonics", _DATA)


# Tables of COLLECT about pupils of the sixth form and in alternative provision.
_COLLECT = {
    "learningaimsonroll": """
        coreaim: 1
        partnerukprn: 10000000
        learningstartdate: 2025-09-04
        qn: 60147052
        scc: CK1
        learningaimstatus: 1
        progtype: 31""",
    "approvisiondetailonroll": """
        prevurn: 990000
        apreason: PEX
        senprovisionentry: E""",
    "schoolarrangedapdetailonroll": """
        ukprn: 10000000
        placementreason: BHS
        apsettingtype: WBP
        apsessionsperweek: 6
        apattendancepattern: PT
        applacementpostcode: TA1 1AA
        senprovisionentry: K
        senprovisionleaving: K""",
    "learnersupportonroll": "supportcode: 55",
}


def _collected() -> Iterator[Outside]:
    for name, text in _COLLECT.items():
        numbers = ((f"{name}tableid", "{n}"), ("NativeId", "9996900-{n}"), ("pupilonrolltableid", "{n}"))
        yield Outside(f"COLLECT {name}", "2027-01-26", _table(text, numbers), "school-census", _DATA)


OUTSIDE = tuple(one for some in (_censuses, _transfers, _tables, _collected) for one in some())
