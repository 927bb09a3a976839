"""The classifier: an isolated child without secrets, given one content to classify.

The classifier reads XML, spreadsheets and archives from anybody. So it has no secret, no home and no
network, can open no file and start no program. The service makes digests of the pupils' numbers sent back.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from datetime import date
from functools import partial
from string import ascii_letters
from typing import BinaryIO

from gateway.classify import Rules, classify, load_rules
from gateway.classify.sensitive import ACCENTED, is_latin
from gateway.examiner.confinement import Cell
from gateway.examiner.persons import PersonCollector, RollCollector, as_lines
from gateway.examiner.process_pool import Answer, Work, serve
from gateway.examiner.protocol import ANSWER, READER_SETUP, REQUEST, Read, Reading
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused
from gateway.zones.failpoints import passing

REHEARSALS = 12
"""Python runs a function faster from about its tenth call on, and a process for files begins with that."""
_DAY, _NEXT_YEAR = date(2026, 6, 15), date(2026, 10, 15)
"""Days of two school years, so that the rules of both law packs are made."""
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
    """Judge a value of each field and classify a text of each kind, so all rules are loaded early."""
    for letter in ascii_letters + ACCENTED + ACCENTED.upper():
        is_latin(letter)  # Its answer is kept.
    for day in (_DAY, _NEXT_YEAR):
        of_pack = rules.on(day)
        for key in of_pack.fields:
            if (check := of_pack.check(key)) is not None:
                check("X Town")  # A word of a phrase, for which all phrases are compiled.
            for with_queries in (False, True):
                if (quick := of_pack.quick(key, with_queries=with_queries)) is not None:
                    quick(("X Y",))
        of_pack.report_wording.is_line("X")
        of_pack.telling_elsewhere.isdisjoint("X")  # Made at first use, by a look at every code.
    return [
        classify(
            io.BytesIO(text),
            name,
            limits,
            rules,
            today=_DAY,
            on_pupils=RollCollector(),
            on_persons=PersonCollector(),
        )
        for _ in range(REHEARSALS)
        for name, text in TEXTS.items()
    ]


def work(rules: Rules, limits: ClassifyLimits, message: bytes, descriptors: Sequence[int]) -> Answer:
    """Classify the content sent with a request."""
    request = REQUEST.validate_json(message)
    if not isinstance(request, Reading):
        raise TypeError(request.kind)
    with os.fdopen(descriptors[0], "rb", closefd=False) as content:
        return ANSWER.dump_json(_read(rules, limits, request, content)), ()


def _read(rules: Rules, limits: ClassifyLimits, request: Reading, content: BinaryIO) -> Read:
    """Classify a content; collect the persons in the content and, for a roll, the pupils."""
    roll, persons = RollCollector() if request.rolls else None, PersonCollector()
    found = classify(
        content,
        request.name,
        limits,
        rules.with_stated(request.stated),
        today=request.today,
        on_pupils=roll,
        on_persons=persons,
    )
    if isinstance(found, ContentRefused):
        persons.scan(content)
    passing("examine.classified")
    is_roll = isinstance(found, Classified) and found.data_type in request.rolls
    return Read(
        reference=request.reference,
        content=found,
        pupils=roll.pupils() if roll is not None and is_roll else None,
        numbers=as_lines(sorted(persons.numbers)),
        names=as_lines(sorted(persons.names)),
        left_out=persons.left_out,
    )


def prepared(message: bytes) -> tuple[Cell, Work]:
    """Return the child's confinement and request handler, by the setup message."""
    setup = READER_SETUP.validate_json(message)
    rules, limits = load_rules(setup.rules), setup.limits
    rehearse(rules, limits.classify)
    return Cell(limits.open.memory_bytes), partial(work, rules, limits.classify)


if __name__ == "__main__":
    serve(prepared)
