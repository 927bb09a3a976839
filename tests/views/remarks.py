"""Remarks as people write them into cells, invented, and the files into which the tests put them."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import openpyxl
from lxml import etree

from gateway.classify.pupil_xml import CTF_RECORDS, MESSAGE_RECORDS
from gateway.samples import make, school, variants
from tests.views.making import RULES

REMARKS = tuple(
    line.strip()
    for line in """
    F (birth M, new name Kit)
    Pashto Came Alone
    SW: J Kane 07700 900123
    was Sam before adoption
    DO NOT TELL DAD
    hide from stepfather
    Non-molestation order, no contact
    in women's refuge since May
    hears voices
    SEMH hears voices
    age dispute, est.
    01/09/2016 est., age dispute
    2016-01-01 10:00 age disputed
    MARAC case
    see DSL before calling
    Mum in prison
    suspected FGM
    on tag until June
    known to police
    overdose in half term
    HIV positive
    gang nominal
    transgender, deadname Tom
    witness protection
    asylum claim pending
    jane.roe@example.org
    NHS 943 476 5919
    N (but looked after by nan)
    4B - sits alone, smells
    Y (asthma, carries inhaler)
    Smith (formerly Brown)
    Jo [do not use old name]
    5 - suicidal, see CAMHS
    K; self-harm
    refuge: 12 Low Road
    Brown / Jones (dispute in court)
    FAMILY FLED, ADDRESS SECRET
    dad's new partner is violent
    Looked after, foster carer collects
    2 days after he hit Miss Green
    pregnant
    Child of a sex offender
    A* (cheated?)
    lives with gran; mum on drugs
    MLD? parents refuse assessment
    Kurdish, traumatised
    Taxi because of safeguarding
    C of E but family converting, threats
    bruise on arm seen 3/10
    Year 4 repeating, neglect
    """.strip().splitlines()
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place for a remark: a file with a blank in it, and where the blank is."""

    data_type: str
    form: str
    about: str
    field: str
    row: int
    text: str

    def filled(self, remark: str) -> bytes:
        """The file with a remark in that place."""
        if self.form in ("ctf", "census"):
            written = remark if self.row % 2 else f"<![CDATA[{remark}]]>"
            return self.text.replace(_BLANK, written.replace("&", "&amp;")).encode()
        rows = [[remark if cell == _BLANK else cell for cell in row] for row in json.loads(self.text)]
        return TABLES[self.form](rows)


_BLANK = "\ue000"
# Headings of fields that the policies know by patterns, and elements that no sample has.
_HEADINGS = {
    "absence-counts": "Termly Reason I Autumn AB",
    "attendance-rate": "Percentage Attendance",
    "census-side-table": "Session Details Table ID",
    "census-table": "Addresses Order Seq Column",
    "deletion-date": "Deletion Date",
    "home-education-date": "EHE Start Date",
    "parental-notice": "Date Parent Notified",
    "part-time-timetable": "Part-time Timetable Start",
    "phonics-other": "Phonics Total",
    "register-entry-date": "Date Entered in the Admission Register",
    "removal-grounds": "Grounds for Deletion",
    "subject-grade": "Geography",
    "teacher-assessment": "Reading",
}
_ELEMENTS = (
    ("LookedAfter", "InCare"),
    ("School", "Email"),
    ("Disabilities", "Disability"),
    ("ServiceChildConcern", "MoveConcern"),
    ("NAWdetails", "SpeakWelsh"),
)
_PUPILS = 24


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _workbook(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _json(rows: list[list[str]]) -> bytes:
    head, *rest = rows
    return json.dumps([dict(zip(head, row, strict=True)) for row in rest]).encode()


TABLES = {"csv": _csv, "workbook": _workbook, "json": _json}


def _sample(data_type: str, variant: str) -> bytes:
    rng = random.Random(5)
    return make(data_type, variant, rng=rng, school=school(rng, 1), pupils=_PUPILS)


def places() -> Iterator[Place]:
    """A place in each column and element of each kind of data that may have any, in each form."""
    yield from _table_places()
    yield from _markup_places("student-core", "ctf-full", "ctf", CTF_RECORDS)
    yield from _markup_places(
        "ks1", next(v for t, v in variants() if t == "ks1" and v.startswith("ctf")), "ctf", CTF_RECORDS
    )
    for variant in ("xml-summer", "xml-autumn", "xml-spring"):
        if ("school-census", variant) in variants():
            yield from _markup_places("school-census", variant, "census", MESSAGE_RECORDS)


def _table_places() -> Iterator[Place]:
    for data_type in RULES.data_types.types:
        variant = next((v for t, v in variants() if t == data_type and v.startswith("csv")), None)
        if variant is None:
            continue
        head, *rows = csv.reader(io.StringIO(_sample(data_type, variant).decode("utf-8-sig"), newline=""))
        keys = [RULES.column_field(name) for name in head]
        columns = {key: index for index, key in enumerate(keys) if key is not None}
        carried = [*RULES.items, *RULES.others, *RULES.working, *sorted(RULES.carried[data_type])]
        if data_type == "student-core":  # Fields of what belongs elsewhere are in files of no type.
            carried += RULES.data_types.fields.keys() - frozenset().union(*RULES.carried.values())
        for number, key in enumerate(dict.fromkeys(carried)):
            row = number % (len(rows) - 2) + 1
            table = [list(head), *map(list, rows)]
            if key in columns:
                table[row][columns[key]] = _BLANK
            elif heading := next(iter(RULES.fields[key].columns), _HEADINGS.get(key)):
                assert RULES.column_field(heading) == key or key == "subject-grade"
                table = [[*line, ""] for line in table]
                table[0][-1] = heading
                table[row][-1] = _BLANK
            else:
                continue
            form = ("csv", "workbook", "json")[number % 3]
            yield Place(data_type, form, table[0][columns.get(key, -1)], key, row, json.dumps(table))


def _markup_places(data_type: str, variant: str, form: str, records: tuple[str, ...]) -> Iterator[Place]:
    text = _sample(data_type, variant)
    if data_type == "student-core":
        added = "".join(f"<{around}><{name}>Y</{name}></{around}>" for around, name in _ELEMENTS)
        text = text.replace(b"</Pupil>", f"{added}</Pupil>".encode(), 5)
    met: set[tuple[str, str]] = set()
    for element in etree.fromstring(text).iter():
        around = element.getparent()
        if len(element) or around is None or not element.text:
            continue
        pair = str(around.tag), str(element.tag)
        if pair in met:
            continue
        met.add(pair)
        root = etree.fromstring(text)
        inside = [one for one in root.iter(element.tag) if not len(one) and one.getparent().tag == around.tag]
        which = inside[len(inside) // 2]
        which.text = _BLANK
        record = next((up for up in which.iterancestors() if up.tag in records), None)
        row = 0
        if record is not None and record.tag != "Header":
            row = [one for one in root.iter() if one.tag in records and one.tag != "Header"].index(record) + 1
        key = RULES.element_field(*pair) or ""
        yield Place(data_type, form, "/".join(pair), key, row, etree.tostring(root, encoding="unicode"))
