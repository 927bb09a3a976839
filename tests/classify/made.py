"""Small files made for these tests: pupils, and one file of each kind, written from the public formats.

Everything here is invented; every UPN carries LA 999.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stdnum.gb.upn import calc_check_digit as upn_check_letter

SURNAMES = ("O'Neill", "Brown", "Świątek", "Ng", "De la Cruz", "Patel")
FORENAMES = ("Zoë", "Amir", "Bo", "Grace", "Ifan")


@dataclass(frozen=True)
class Child:
    number: int

    @property
    def upn(self) -> str:
        digits = f"9991234{20 + self.number // 1000 % 5:02}{self.number % 1000:03}"
        return upn_check_letter(digits) + digits

    @property
    def surname(self) -> str:
        return SURNAMES[self.number % len(SURNAMES)]

    @property
    def forename(self) -> str:
        return FORENAMES[self.number % len(FORENAMES)]

    @property
    def born(self) -> str:
        return f"2016-{1 + self.number % 12:02}-{1 + self.number % 28:02}"

    @property
    def asked(self) -> tuple[str, ...]:
        """The options by which a command is told of the child."""
        named = ("--surname", self.surname, "--forename", self.forename, "--born", self.born)
        return ("--upn", self.upn, *named)

    @property
    def sex(self) -> str:
        return "MF"[self.number % 2]


def children(count: int = 12) -> list[Child]:
    return [Child(number) for number in range(count)]


def ctf(
    pupils: Iterable[str],
    *,
    qualifier: str = "partial",
    descriptor: str = "",
    kind: str = "CTF",
) -> str:
    described = f"<DataDescriptor>{descriptor}</DataDescriptor>" if descriptor else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<CTfile>\n<Header>'
        "<DocumentName>Common Transfer File</DocumentName><CTFversion>25.0</CTFversion>"
        "<DateTime>2026-06-20T10:00:00</DateTime>"
        f"<DocumentQualifier>{qualifier}</DocumentQualifier>{described}<SupplierID>Arbor</SupplierID>"
        f"<SourceSchool><LEA>999</LEA><Estab>1234</Estab><URN>123456</URN><SchoolName>A School</SchoolName>"
        f"<AcademicYear>2025</AcademicYear></SourceSchool><DestSchool><LEA>999</LEA><Estab>LLLL</Estab></DestSchool>"
        f"</Header>\n<{kind}pupilData>\n{''.join(pupils)}</{kind}pupilData>\n</CTfile>\n"
    )


def pupil(child: Child, inside: str = "", *, upn: str | None = None) -> str:
    return (
        f"<Pupil><UPN>{upn or child.upn}</UPN><Surname>{child.surname}</Surname>"
        f"<Forename>{child.forename}</Forename><DOB>{child.born}</DOB><Sex>{child.sex}</Sex>{inside}</Pupil>\n"
    )


CORE_INSIDE = (
    "<BasicDetails><NCyearActual>4</NCyearActual><Ethnicity>WBRI</Ethnicity><MedicalFlag>false</MedicalFlag>"
    "<EnrolStatus>C</EnrolStatus></BasicDetails><SENhistory><SEN><StartDate>2024-09-01</StartDate>"
    "<SENprovision>K</SENprovision></SEN></SENhistory><Address><AddressLines>"
    "<AddressLine1>1 Low Road</AddressLine1></AddressLines><PostCode>TA1 1AA</PostCode></Address>"
    "<Phones><Phone><PhoneNo>01823 000000</PhoneNo></Phone></Phones>"
)
HISTORY = (
    "<SchoolHistory><School><LEA>999</LEA><Estab>1234</Estab><SchoolName>A School</SchoolName>"
    "<EntryDate>2020-09-01</EntryDate><LeavingDate>2026-07-20</LeavingDate></School></SchoolHistory>"
)


def assessments(stage: str, *rows: tuple[str, str, str, str, str]) -> str:
    """Rows of (subject, component, method, qualifier, result)."""
    inside = "".join(
        f"<StageAssessment><Locale>ENG</Locale><Year>2026</Year><Subject>{s}</Subject><Method>{m}</Method>"
        f"<Component>{c}</Component><ResultStatus>R</ResultStatus><ResultQualifier>{q}</ResultQualifier>"
        f"<Result>{r}</Result></StageAssessment>"
        for s, c, m, q, r in rows
    )
    return f"<StageAssessments><KeyStage><Stage>{stage}</Stage>{inside}</KeyStage></StageAssessments>"


PHONICS = assessments("KS1", ("PHO", "CHK", "TT", "NM", "35"), ("PHO", "CHK", "TT", "NY", "WA"))
KS1 = assessments(
    "KS1",
    ("ENG", "REA", "TA", "NC", "EXS"),
    ("ENG", "WRI", "TA", "NC", "WTS"),
    ("MAT", "MAT", "TA", "NC", "GDS"),
    ("SCI", "SCI", "TA", "NC", "EXS"),
)
KS1_WITH_PHONICS = KS1.replace(
    "</KeyStage>",
    PHONICS.partition("</Stage>")[2].removesuffix("</KeyStage></StageAssessments>") + "</KeyStage>",
)
KS2 = assessments("KS2", ("ENG", "WRI", "TA", "NC", "EXS"), ("MAT", "MTC", "TT", "MT", "25"))
_AREAS = (
    ("COM", 1, 2),
    ("PSE", 3, 5),
    ("PHY", 6, 7),
    ("LIT", 8, 10),
    ("MAT", 11, 12),
    ("UTW", 13, 15),
    ("EXP", 16, 17),
)
EYFS = assessments(
    "EYF",
    *((area, f"E{n:02}", "FA", "FD", "2") for area, first, last in _AREAS for n in range(first, last + 1)),
)


def census_pupil(child: Child, name: str = "PupilOnRoll") -> str:
    return (
        f"<{name}><PupilIdentifiers><UPN>{child.upn}</UPN><Surname>{child.surname}</Surname>"
        f"<Forename>{child.forename}</Forename><DOB>{child.born}</DOB><Sex>{child.sex}</Sex></PupilIdentifiers>"
        "<PupilStatus><EnrolStatus>C</EnrolStatus><EntryDate>2020-09-01</EntryDate></PupilStatus>"
        "<Attendance><TermlyAttendance><SessionsPossible>120</SessionsPossible></TermlyAttendance></Attendance>"
        f"<Exclusions><TermlyExclusion><Category>SUSP</Category></TermlyExclusion></Exclusions></{name}>\n"
    )


def census_around(on_roll: Iterable[str], left: Iterable[str] = (), collection: str = "SC") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Message><Header><CollectionDetails>'
        f"<Collection>{collection}</Collection><Term>AUT</Term><Year>2026</Year>"
        "<ReferenceDate>2026-10-01</ReferenceDate></CollectionDetails><Source><SourceLevel>L</SourceLevel>"
        "<LEA>999</LEA><Estab>1234</Estab><SoftwareCode>SIMS</SoftwareCode><Release>7.222</Release>"
        "<SerialNo>1</SerialNo><DateTime>2026-10-02T09:00:00</DateTime></Source></Header>\n"
        f"<School><Classes/></School><Pupils><PupilsOnRoll>{''.join(on_roll)}</PupilsOnRoll>"
        f"<PupilsNoLongerOnRoll>{''.join(left)}</PupilsNoLongerOnRoll></Pupils></Message>\n"
    )


Rows = list[list[str]]


def as_csv(rows: Iterable[Sequence[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO()
    # The csv module does not quote a line feed where lines end in a bare return.
    quoting = csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return out.getvalue()


def table(header: str, record: Callable[[Child], str | list[str]], count: int) -> Rows:
    """A header of names with commas between them, and one record a child: a list, or text likewise."""
    records = [record(child) for child in children(count)]
    return [header.split(","), *(r.split(",") if isinstance(r, str) else r for r in records)]


def core_rows(count: int = 12) -> Rows:
    header = "UPN,Legal Surname,Forename,DOB,Gender,Year Group,Reg Group,Ethnicity,SEN Status,FSM Eligible"
    tail = ["4", "4B", "WBRI", "K", "N", "1 Low Road,\nTaunton", "TA1 1AA", "ENG", "07700 900000"]
    return table(
        f"{header},Address,Postcode,Home Language,Mobile Number",
        lambda c: [c.upn, c.surname, c.forename, c.born, c.sex, *tail],
        count,
    )


def mark_rows(count: int = 12) -> Rows:
    marks = ("/", "\\", "C1", "I", "J1", "O", "L")
    header = ["UPN", "Surname", "Forename", "Date", "Session", "Mark", "Comment"]
    records = [
        [c.upn, c.surname, c.forename, f"{day:02}/09/2026", session, marks[(c.number + day) % len(marks)], ""]
        for c in children(count)
        for day in (2, 3, 4)
        for session in ("AM", "PM")
    ]
    return [header, *records]


def week_rows(count: int = 12) -> Rows:
    return table(
        "UPN,Surname,Forename,Reg,Week Commencing,Marks",
        lambda c: f"{c.upn},{c.surname},{c.forename},4B,07/09/2026,/\\/\\C1\\/\\--",
        count,
    )


def day_columns_rows(count: int = 12) -> Rows:
    days = ",".join(f"{day} {half}" for day in ("Mon", "Tue", "Wed", "Thu", "Fri") for half in ("AM", "PM"))
    return table(
        f"UPN,Surname,Forename,DOB,Year,Reg,{days}",
        lambda c: [c.upn, c.surname, c.forename, c.born, "4", "4B", *["/", "\\"] * 4, "I", "I"],
        count,
    )


def totals_rows(count: int = 12) -> Rows:
    return table(
        "UPN,Name,Sessions Possible,Sessions Attended,Authorised Absence,Unauthorised Absence",
        lambda c: f"{c.upn},{c.surname},120,110,8,2",
        count,
    )


def exclusion_rows(count: int = 4) -> Rows:
    return table(
        "UPN,Surname,Forename,Category,Reason,Start Date,End Date,School Days",
        lambda c: (
            f"{c.upn},{c.surname},{c.forename},SUSP,{('PP', 'DB')[c.number % 2]},05/10/2026,06/10/2026,2"
        ),
        count,
    )


def exclusion_pupil(child: Child, reasons: str = "<Reason>DB</Reason>") -> str:
    return (
        f"<Pupil><UPN>{child.upn}</UPN><Surname>{child.surname}</Surname><Exclusions><Exclusion>"
        f"<Category>PERM</Category>{reasons}<StartDate>2026-10-09</StartDate><EndDate/>"
        "<SchoolDays>1.500000</SchoolDays><StartTime>PM</StartTime></Exclusion></Exclusions></Pupil>\n"
    )


def exclusion_reasons_pupil(child: Child) -> str:
    return exclusion_pupil(child, "<Reasons><Reason>PP</Reason><Reason>DB</Reason></Reasons>")


def exclusions_around(pupils: Iterable[str]) -> str:
    return f"<PupilExclusions>{''.join(pupils)}</PupilExclusions>"


def attendance_pupil(child: Child) -> str:
    return (
        f"<Pupil><UPN>{child.upn}</UPN><Attendance><StartDate>2026-09-07</StartDate>"
        "<AttendanceMarks>/\\/\\/\\/\\C1\\</AttendanceMarks></Attendance></Pupil>\n"
    )


def attendance_around(pupils: Iterable[str]) -> str:
    return (
        f"<AttendanceData><Header><LEA>999</LEA></Header><Pupils>{''.join(pupils)}</Pupils></AttendanceData>"
    )


def giap_census_rows(count: int = 12) -> Rows:
    return table(
        "PupilMatchingRef,AcademicYear,CensusTerm,LA,Estab,LAEstab,URN,PHASE,UPN,Surname,Forename,Sex,DOB,"
        "FSMeligible,Language,EnrolStatus,NCyearActual,SENProvision",
        lambda c: (
            f"{c.number},2025/26,Autumn,999,1234,9991234,123456,PS,{c.upn},{c.surname},{c.forename},{c.sex},"
            f"{c.born},0,ENG,C,4,N"
        ),
        count,
    )


def blade_rows(count: int = 12) -> Rows:
    return table(
        "pupilonrolltableid,NativeId,UPN,Surname,Forename,DOB,termlysessionspossible",
        lambda c: f"{c.number},{c.number},{c.upn},{c.surname},{c.forename},{c.born},120",
        count,
    )


def session_blade_rows(count: int = 12) -> Rows:
    return table(
        "termlysessiondetailsonrolltableid,pupilonrolltableid,NativeId,attendancereason,sessions",
        lambda c: f"{c.number},{c.number},1,I,2",
        count,
    )


def eyfs_rows(count: int = 12) -> Rows:
    goals = ",".join(f"FSP_{area}_E{n:02}" for area, first, last in _AREAS for n in range(first, last + 1))
    return table(
        "FSP_ACADYR,FSP_PupilMatchingRef,FSP_UPN,FSP_SURNAME,FSP_FORENAME,FSP_DOB,FSP_SEX,FSP_LA,FSP_ESTAB,"
        f"{goals},FSP_GLD",
        lambda c: (
            f"2025/26,{c.number},{c.upn},{c.surname},{c.forename},{c.born},{c.sex},999,1234{',2' * 17},1"
        ),
        count,
    )


def phonics_rows(count: int = 12) -> Rows:
    return table(
        "Phonics_ACADYR,Phonics_UPN,Phonics_SURNAME,Phonics_FORENAMES,Phonics_DOB,Phonics_LA,Phonics_ESTAB,"
        "Phonics_PHONICS_MARK,Phonics_PHONICS_OUTCOME",
        lambda c: f"2025/26,{c.upn},{c.surname},{c.forename},{c.born},999,1234,35,WA",
        count,
    )


def ks1_rows(count: int = 12) -> Rows:
    return table(
        "ACADYR,PUPILMATCHINGREF,KS1_ID,UPN,SURNAME,FORENAMES,DOB,SEX,LA,ESTAB,READ_OUTCOME,WRIT_OUTCOME,"
        "MATH_OUTCOME,SCI_OUTCOME",
        lambda c: f"2025/26,1,1,{c.upn},{c.surname},{c.forename},{c.born},{c.sex},999,1234,EXS,WTS,GDS,EXS",
        count,
    )


def ks2_rows(count: int = 12) -> Rows:
    return table(
        "ACADYR,PupilMatchingRef,CANDNO,UPN,SURNAME,FORENAMES,DOB,YEARGRP,SEX,LA,ESTAB,READOUTCOME,MATOUTCOME,"
        "GPSOUTCOME,READSCORE,MATSCORE,GPSSCORE,KS1AVERAGE_GRP_P",
        lambda c: (
            f"2025/26,1,1,{c.upn},{c.surname},{c.forename},{c.born},6,{c.sex},999,{1000 + c.number},AS,AS,NS,"
            "104,110,98,12"
        ),
        count,
    )


def ks4_rows(count: int = 12) -> Rows:
    return table(
        "KS4_ACADYR,KS4_UPN,KS4_SURNAME,KS4_FORENAMES,KS4_DOB,KS4_SEX,KS4_LAESTAB,KS4_ATT8,KS4_P8SCORE,"
        "KS4_EBACC_94,KS4_L2BASICS_94",
        lambda c: f"2025/26,{c.upn},{c.surname},{c.forename},{c.born},{c.sex},9991234,45.5,0.12,1,1",
        count,
    )


def result_rows(grades: Sequence[str], count: int = 12) -> Rows:
    return table(
        "Centre Number,Candidate Number,Surname,Forename,UCI,Subject,Grade",
        lambda c: (
            f"54321,{4000 + c.number},{c.surname},{c.forename},,French,{grades[c.number % len(grades)]}"
        ),
        count,
    )


def series_rows(series: str, count: int = 12) -> Rows:
    return table(
        "Forename,Surname,Result Series,Result Year,CandNo,Subject/Discount,Grade",
        lambda c: f"{c.forename},{c.surname},{series},2026,{4000 + c.number},French,U",
        count,
    )


def fft_rows(count: int = 12) -> Rows:
    return table(
        "UPN,Surname,Forename,DOB,Year,Reg,Subject,FFT50 Estimate,FFT20 Estimate",
        lambda c: f"{c.upn},{c.surname},{c.forename},{c.born},10,10B,Maths,5,6",
        count,
    )


def alps_rows(count: int = 12) -> Rows:
    return table(
        "UPN,Surname,Forename,Subject,Average GCSE Score,MEG,Alps grade",
        lambda c: f"{c.upn},{c.surname},{c.forename},Physics,6.1,B,3",
        count,
    )


def jcq(results: Sequence[str], *, letter: str = "R", count: int = 12, trailer: bool = True) -> str:
    """A fixed-width file; every candidate has all of `results`, each written as CODE OPTION GRADE."""

    def candidate(child: Child) -> str:
        name = f"{child.surname}:{child.forename}".upper()[:40].encode("ascii", "replace").decode()
        who = f"{letter}5C54321{4000 + child.number}{name:40}{child.sex}090510{'':13}{child.upn}9276308686"
        return f"{who:108}{''.join(f'{r:10}' for r in results)}"[:192]

    lines = [f"{letter}154321707006A26", f"{letter}354321"]
    lines += [candidate(child) for child in children(count)]
    lines += [f"{letter}7{count:06}"] + ([f"{letter}9{count + 4:06}"] if trailer else [])
    return "".join(f"{line:192}\r\n" for line in lines).replace("6A26", "  26")
