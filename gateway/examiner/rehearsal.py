"""Warm up a classifier before the first file.

Patterns, look-ups in the rules and the parser's tables are made on first use. Every process for files
inherits them from its parent; without the warm-up, each process would make them again for its first file.
"""

from __future__ import annotations

import io
from datetime import date

from gateway.classify import Rules, classify
from gateway.examiner.persons import PersonTaker
from gateway.examiner.rolls import RollTaker
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused

_DAY, _NEXT_YEAR = date(2026, 6, 15), date(2026, 10, 15)
"""Days in two school years whose law packs judge files side by side."""
# An invented pupil, with the number of a local authority that does not exist.
_XML = b"""<?xml version='1.0' encoding='utf-8'?>
<CTfile><Header><DocumentName>Common Transfer File</DocumentName><CTFversion>25.0</CTFversion>
<DateTime>2026-06-15T07:30:00</DateTime><DocumentQualifier>full</DocumentQualifier><SupplierID>X</SupplierID>
<SourceSchool><LEA>999</LEA><Estab>4001</Estab><SchoolName>X</SchoolName><AcademicYear>2025</AcademicYear>
</SourceSchool><DestSchool><LEA>999</LEA><Estab>LLLL</Estab></DestSchool></Header>
<CTFpupilData><Pupil><UPN>W999400123000</UPN><Surname>X</Surname><Forename>X</Forename><DOB>2019-07-02</DOB>
<Sex>M</Sex><BasicDetails><PreferredSurname>X</PreferredSurname><NCyearActual>2</NCyearActual>
<EnrolStatus>C</EnrolStatus></BasicDetails><Address><PostCode>ZZ54 2ZZ</PostCode></Address>
<SchoolHistory><School><LEA>999</LEA><Estab>4001</Estab><EntryDate>2023-09-04</EntryDate>
<LastSchool>true</LastSchool></School></SchoolHistory></Pupil></CTFpupilData></CTfile>
"""
_TABLE = b"""UPN,Surname,Forename,DOB,Gender,NC Year,Enrolment Status,Postcode
W999400123000,X,X,2019-07-02,M,2,C,ZZ54 2ZZ
"""
TEXTS = {"rehearsal.xml": _XML, "rehearsal.csv": _TABLE}


def rehearse(rules: Rules, limits: ClassifyLimits) -> list[Classified | ContentRefused]:
    """Judge a value of each field and classify a text of each kind; return the results."""
    for day in (_DAY, _NEXT_YEAR):
        of_pack = rules.on(day)
        for key in of_pack.fields:
            if (check := of_pack.check(key)) is not None:
                check("X Y")
            for with_queries in (False, True):
                if (quick := of_pack.quick(key, with_queries=with_queries)) is not None:
                    quick(("X Y",))
        of_pack.furniture.is_line("X")
    return [
        classify(
            io.BytesIO(text), name, limits, rules, today=_DAY, on_pupil=RollTaker(), on_person=PersonTaker()
        )
        for name, text in TEXTS.items()
    ]
