"""Lists of core data, attendance or results with something beside it that nobody lists, or is sensitive."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.classify import made
from tests.classify.made import Child
from tests.corpus.children import CORE, NOTE, Columns, Value, among, csv, rows, xlsx
from tests.corpus.corpus import Files


def nhs_number(child: Child) -> str:
    """An NHS number of the range that is kept for tests (999 ...), with its check digit."""
    number = 10 + child.number
    while True:
        digits = f"999{number:06}"
        check = 11 - sum(w * int(d) for w, d in zip(range(10, 1, -1), digits, strict=True)) % 11
        if check != 10:
            return digits + str(check % 11)
        number += 1000


def _with(header: str, value: Value) -> Callable[[], bytes]:
    return partial(csv, CORE | {header: value})


def _beside(table: list[list[str]], header: str, value: str) -> bytes:
    return made.as_csv([[*table[0], header], *([*row, value] for row in table[1:])]).encode()


_SAFEGUARDING: Columns = CORE | {
    "Incident": NOTE,
    "Category": among("Neglect", "Peer on peer"),
    "Agencies": among("MASH", "CAMHS", "Police"),
}
_BEHAVIOUR: Columns = CORE | {"Behaviour Points": among("3", "12"), "Detentions": among("0", "2")}
_MANY: Columns = CORE | {f"Locker {number}": among("A", "B") for number in range(150)}
_CROWDED = f"{'Locker':<6}"


def _rows_longer_than_the_header() -> bytes:
    table = rows(CORE)
    return made.as_csv([table[0], *([*row, NOTE] for row in table[1:])]).encode()


FILES: Files = {
    # Nobody lists these.
    "locker.csv": _with("Locker Number", among("A12", "B7")),
    "locker.xlsx": partial(xlsx, CORE | {"Locker Number": among("A12", "B7")}),
    "shoe-size.csv": _with("Shoe Size", among("3", "4")),
    "notes.csv": _with("Notes", NOTE),
    "nameless.csv": _with("", among("yes", "perhaps")),
    "nameless-long-rows.csv": _rows_longer_than_the_header,
    "headed-with-a-child.csv": _with("Tamsin Quillfeather", among("3", "4")),
    "leaving-reason.csv": _with("Reason for Leaving", among("Moved", "Home educated")),
    "ewo.csv": _with("EWO Involved", among("Y", "N")),
    "many.csv": partial(csv, _MANY),
    "system-number-with-a-story.csv": _with("Person ID", NOTE),
    "class-with-a-story.csv": partial(csv, CORE | {"Reg Group": NOTE}),
    "sibling.csv": _with("Sibling Names", among("Ann Brown", "")),
    "phone.csv": _with("Home Telephone", "01632 960123"),
    "first-aid-trained.csv": _with("Trip Consent", among("Y", "N")),
    "marks-comment.csv": lambda: _beside([row[:-1] for row in made.mark_rows()], "Comment", NOTE),
    "exclusions-narrative.csv": lambda: _beside(made.exclusion_rows(), "Narrative", NOTE),
    "eyfs-notes.csv": lambda: _beside(made.eyfs_rows(), "Teacher Comment", NOTE),
    "phonics-group.csv": lambda: _beside(made.phonics_rows(), "Intervention Group", "Red"),
    "ks2-extra.csv": lambda: _beside(made.ks2_rows(), "Reader needed", "Y"),
    "ks4-extra.csv": lambda: _beside(made.ks4_rows(), "Mentor", "Ms A Person"),
    "fft-extra.csv": lambda: _beside(made.fft_rows(), "Parent View", NOTE),
    "census-extra.csv": lambda: _beside(made.giap_census_rows(), "Locker Number", "A12"),
    # Sensitive, by the header.
    "safeguarding-log.csv": partial(csv, _SAFEGUARDING),
    "safeguarding-log.xlsx": partial(xlsx, _SAFEGUARDING),
    "behaviour.csv": partial(csv, _BEHAVIOUR),
    "medical-list.csv": partial(
        csv, CORE | {"Medical Conditions": among("Asthma", "Nut allergy"), "GP": "Dr A"}
    ),
    "camhs.csv": _with("CAMHS Referral", among("Y", "N")),
    "allergies.csv": _with("Allergies", among("Nuts", "")),
    "allergy-camel-case.csv": _with("FoodAllergyDetail", among("Nuts", "Milk")),
    "social-worker.csv": _with("Social Worker Phone", "01632 960123"),
    "child-protection.csv": _with("CP Plan", among("Y", "N")),
    "order-of-a-court.csv": _with("Extra", among("", "Interim care order")),
    "order-of-another-kind.csv": _with(
        "Extra", among("After care order", "Skin care order", "Day care order form returned")
    ),
    "child-in-need.csv": _with("CIN", among("Y", "N")),
    "looked-after.csv": _with("LAC", among("Y", "N")),
    "pep-date.csv": _with("PEP Date", "01/10/2026"),
    "ten-day-absence.csv": partial(
        csv, CORE | {"Continuous Absence": among("10", "12"), "Consecutive Days Absent": among("10")}
    ),
    "deletion.csv": partial(
        csv, CORE | {"Date of Deletion": among("2026-11-20"), "Ground for Deletion": among("D", "F")}
    ),
    "home-educated-ticks.csv": _with("Electively Home Educated", among("\u2713", "\u2714")),
    "new-starters-ticks.csv": _with("New Starter", among("\u2713", "\u2714")),
    "primary-reason-bullying.csv": _with("Primary Reason", among("", "Bullying")),
    "ehcp-date-pending.csv": _with("EHCP Date", among("", "Pending")),
    "part-time-timetable.csv": partial(
        csv,
        CORE
        | {"Part-time Timetable Start": among("2026-11-02"), "Part-time Timetable End": among("2026-12-04")},
    ),
    "young-carer.csv": _with("Young Carer", among("Y", "N")),
    "disability.csv": _with("Disability", among("HEAR", "NONE")),
    "nationality.csv": _with("Country of Birth", among("GBR", "UKR")),
    "passport.csv": _with("Passport No", among("925665416", "925665417")),
    "asylum.csv": _with("Asylum Seeker", among("Y", "N")),
    "visa.csv": _with("Visa Expiry", "01/10/2027"),
    "biometric.csv": _with("Biometric Consent", among("Y", "N")),
    "photograph.csv": _with("Photo", "pupil.jpg"),
    "police.csv": _with("Police involvement", among("Y", "N")),
    "youth-offending.csv": _with("YOT Worker", "A Person"),
    "gender-identity.csv": _with("Gender Identity", among("Same as at birth", "Other")),
    "domestic-abuse.csv": _with("Operation Encompass", among("Y", "N")),
    "income.csv": _with("Household Income", among("12000", "31000")),
    "detention.csv": _with("DETENTIONS", among("1", "2")),
    "self-harm.csv": _with("Self-harm risk", among("Low", "High")),
    "ehcp.csv": _with("EHCP", among("Y", "N")),
    "nhs-number.csv": _with("NHS Number", nhs_number),
    "national-insurance.csv": _with("Parent NI Number", "QQ123456C"),
    "marks-primary-reason.csv": lambda: _beside(
        [row[:-1] for row in made.mark_rows()], "Primary Reason", "Illness"
    ),
    "marks-reason.csv": lambda: _beside(made.mark_rows(), "Reason", "Unwell"),
    "marks-behaviour.csv": lambda: _beside(made.mark_rows(), "Behaviour", "2"),
    "exclusions-police.csv": lambda: _beside(made.exclusion_rows(), "Police informed", "Y"),
    "results-medical.csv": lambda: _beside(made.result_rows(["9", "4"]), "Medical evidence", "Y"),
    "phonics-safeguarding.csv": lambda: _beside(made.phonics_rows(), "Phonics Safeguarding", "Y"),
    "eyfs-health.csv": lambda: _beside(made.eyfs_rows(), "FSP Health Visitor", "A Person"),
    "census-looked-after.csv": lambda: _beside(made.giap_census_rows(), "Children Looked After", "Y"),
    "census-social-care.csv": lambda: _beside(made.giap_census_rows(), "Social Worker", "A Person"),
    "titled-safeguarding.csv": partial(csv, CORE, above=["Safeguarding register - strictly confidential"]),
    # Sensitive, by what stands under a harmless header.
    "nhs-number-unsaid.csv": _with("Hosp ID", nhs_number),
    "nhs-number-as-admission-number.csv": _with("Admission Number", nhs_number),
    "national-insurance-unsaid.csv": _with(
        "Parent Ref", among("QQ123456C", "AB123456C", "AB123457D", "CE123456A")
    ),
    "national-insurance-of-one-as-house.csv": _with("House", among("Red", "Blue", "AB 12 34 56 C")),
    "national-insurance-of-one-in-notes.csv": _with("Notes", among("", NOTE, "Mother AB123456C")),
    "notes-camhs.csv": _with("Notes", among(NOTE, "Referred to CAMHS by the school in October", "")),
    "notes-social-worker.csv": _with("Comment", among("", "Social worker is A Person", "")),
    "medical-flag.csv": _with("Medical Flag", among("Y", "N")),
    "medical-flag-with-words.csv": _with("Medical Flag", among("Asthma", "", "Diabetes type 1")),
    "medical.csv": _with("Medical", among("Carries an inhaler", "None")),
    "address-with-a-story.csv": _with(
        "Address", among("1 Low Road, women's refuge, do not disclose", "2 Low Road")
    ),
}
