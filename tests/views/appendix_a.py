"""What each team's view of a file of each data type holds, typed by hand from Appendix A of the agreement.

Appendix A prints one reason beside each group of items, and names three sections of the authority in them.
What a reason does not speak of, its section has no view of. The policy files are held to it.
"""

from __future__ import annotations

# Each item of Appendix A, and the name of a column that carries it.
COLUMNS = {
    "Pupil: Address": "Address",
    "Pupil: Date of Birth": "Date of Birth",
    "Pupil: EAL": "EAL",
    "Pupil: Ethnic Source": "Ethnic Source",
    "Pupil: Ethnicity": "Ethnicity",
    "Pupil: First Language": "First Language",
    "Pupil: Forename": "Forename",
    "Pupil: Former UPN": "Former UPN",
    "Pupil: FSM Eligible/Date": "FSM Eligible",
    "Pupil: Gender": "Gender",
    "Pupil: Guardians": "Guardians",
    "Pupil: Medical Flag": "Medical Flag",
    "Pupil: Middle Names": "Middle Names",
    "Pupil: Mode of Travel": "Mode of Travel",
    "Pupil: NCY": "NCY",
    "Pupil: Preferred Forename": "Preferred Forename",
    "Pupil: Preferred Surname": "Preferred Surname",
    "Pupil: Religion": "Religion",
    "Pupil: Service Family": "Service Family",
    "Pupil: Surname": "Surname",
    "Pupil: Traveller Family": "Traveller Family",
    "Pupil: UPN": "UPN",
    "Pupil: Youth Support Services Agreement Indicator": "YSSA",
    "School History: Boarder": "Boarder",
    "School History: End Date": "Leaving Date",
    "School History: Enrolment Status": "Enrolment Status",
    "School History: LA Number": "LA Number",
    "School History: Part Time": "Part Time",
    "School History: Registration Group": "Registration Group",
    "School History: School Name": "School Name",
    "School History: School Number": "School Number",
    "School History: Start Date": "Entry Date",
    "Attendance: Attendance Mark": "Attendance Mark",
    "Attendance: Absence Reason": "Absence Reason",
    "SEN: NHS Number (Proposed)": "NHS Number",
    "SEN: SEN History": "SEN History",
    "SEN: SEN Need": "SEN Need",
    "SEN: SEN Status/Date": "SEN Status",
    "Exclusions: Category": "Exclusion Category",
    "Exclusions: End Date": "Exclusion End Date",
    "Exclusions: Reason": "Exclusion Reason",
    "Exclusions: Start Date": "Exclusion Start Date",
}

# Columns that say nothing of the agreement's items and never reach a team.
NEVER = ("Telephone", "Locker Number", "Nationality", "Social Worker", "Medical Conditions")

_WHO_AND_WHERE = """
    UPN, Former UPN, Surname, Forename, Middle Names, Preferred Surname, Preferred Forename, Date of Birth,
    Gender, NCY, LA Number, School Number, School Name, Registration Group
"""
_PUPIL = """
    Address, Date of Birth, EAL, Ethnic Source, Ethnicity, First Language, Forename, Former UPN, FSM Eligible,
    Gender, Guardians, Medical Flag, Middle Names, Mode of Travel, NCY, Preferred Forename, Preferred Surname,
    Religion, Service Family, Surname, Traveller Family, UPN, YSSA
"""
_SCHOOL_HISTORY = """
    Boarder, Leaving Date, Enrolment Status, LA Number, Part Time, Registration Group, School Name,
    School Number, Entry Date
"""
_ATTENDANCE = "Attendance Mark, Absence Reason"
# The NHS number is proposed, so nobody has it.
_SEN = "SEN History, SEN Need, SEN Status"
_EXCLUSIONS = "Exclusion Category, Exclusion End Date, Exclusion Reason, Exclusion Start Date"

# Keeps the central record (8.1), and so has what is agreed.
_CENTRAL = (_PUPIL, _SCHOOL_HISTORY, _ATTENDANCE, _SEN, _EXCLUSIONS)
# Beside Pupil; the guidance on exclusions is cited. SEN transport is expressly not among it.
_ADMISSIONS = (_PUPIL, _SCHOOL_HISTORY, _EXCLUSIONS)
# Beside Pupil; safeguarding, which is also printed beside Attendance and Exclusions.
_WELFARE = (_PUPIL, _SCHOOL_HISTORY, _ATTENDANCE, _EXCLUSIONS)
# Beside School History; of the pupil what says which child it is, and to which minority it belongs.
_MINORITY = (
    _WHO_AND_WHERE,
    _SCHOOL_HISTORY,
    "EAL, Ethnic Source, Ethnicity, First Language, Traveller Family",
)
_NEEDS = (_WHO_AND_WHERE, _SEN)
_EXCLUDED = (_WHO_AND_WHERE, _EXCLUSIONS)

VIEWS: dict[tuple[str, str], tuple[str, ...]] = {
    ("student-core", "central-data-team"): _CENTRAL,
    ("student-core", "admissions-and-entitlements"): _ADMISSIONS,
    ("student-core", "education-welfare"): _WELFARE,
    ("student-core", "ethnic-minority-and-traveller"): _MINORITY,
    ("student-core", "sen"): _NEEDS,
    ("attendance", "central-data-team"): _CENTRAL,
    ("attendance", "education-welfare"): _WELFARE,
    ("exclusions", "central-data-team"): _CENTRAL,
    ("exclusions", "exclusions"): _EXCLUDED,
    ("exclusions", "education-welfare"): _WELFARE,
    ("exclusions", "admissions-and-entitlements"): _ADMISSIONS,
    ("school-census", "central-data-team"): _CENTRAL,
    ("pupil-premium", "central-data-team"): _CENTRAL,
    ("eyfs-profile", "central-data-team"): _CENTRAL,
    ("eyfs-profile", "early-years"): (_WHO_AND_WHERE,),
    ("phonics", "central-data-team"): _CENTRAL,
    ("ks1", "central-data-team"): _CENTRAL,
    ("ks2", "central-data-team"): _CENTRAL,
    ("ks4", "central-data-team"): _CENTRAL,
    ("gcse-results", "central-data-team"): _CENTRAL,
    ("a-level-results", "central-data-team"): _CENTRAL,
    ("fft-aspire", "central-data-team"): _CENTRAL,
    ("alps-lpuk", "central-data-team"): _CENTRAL,
}

# Free school meals are checked "for all Somerset schools with the exception of academies".
NOT_OF_ACADEMIES = {"admissions-and-entitlements": {"FSM Eligible"}}


def columns_of(data_type: str, team: str) -> set[str]:
    """The columns in the view of one team."""
    return {name.strip() for group in VIEWS[data_type, team] for name in group.split(",")}


def items_of(data_type: str, team: str) -> set[str]:
    """The items in the view of one team."""
    columns = columns_of(data_type, team)
    return {item for item, column in COLUMNS.items() if column in columns}
