"""Files whose headers are all known, and that tell something all the same: in a value, or around the table.

One pupil's note in a column of a thousand, words where a flag belongs, a number under another's name, a
second table. Everything in them is invented.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from stdnum.gb import nhs

from tests.classify import made
from tests.corpus.books import Page, ods, with_member, xls, xlsb, xlsx, zipped
from tests.corpus.containers import text
from tests.corpus.corpus import Files

_CORE = ["UPN", "Surname", "Forename", "DOB", "Year", "Reg", "Ethnicity"]


def _of_core(c: made.Child) -> list[str]:
    return [c.upn, c.surname, c.forename, c.born, "4", "4B", "WBRI"]


def _core(
    header: str = "", fill: Callable[[made.Child], Sequence[str]] = lambda _: (), count: int = 12
) -> made.Rows:
    more = header.split(",") if header else []
    return [[*_CORE, *more], *([*_of_core(c), *fill(c)] for c in made.children(count))]


def _one(header: str, told: str, else_: str = "", *, at: int = 3, count: int = 12) -> bytes:
    """Core data with one more column, in which one record tells something."""
    return text(
        _core(header, lambda c: [told if c.number == at else else_ and else_.format(c.number)], count)
    )


def _all(header: str, *told: str) -> bytes:
    return text(_core(header, lambda _: told))


def _instead(column: str, told: str) -> bytes:
    """Core data in which one record tells something in one of its own columns."""
    rows = _core()
    rows[4][_CORE.index(column)] = told
    return text(rows)


def _nhs(number: int) -> str:
    """A number of those that are kept for tests, with the check digit that fits."""
    start = f"{999000000 + number * 7:09}"
    return next((start + d for d in "0123456789" if nhs.is_valid(start + d)), "") or _nhs(number + 5_000)


def _numbers(header: str, form: Callable[[int], str], count: int = 12) -> bytes:
    return text(_core(header, lambda c: [form(c.number)], count))


def _spaced(number: int) -> str:
    whole = _nhs(number)
    return f"{whole[:3]} {whole[3:6]} {whole[6:]}"


def _excluded(reason: str, header: str = "Reason") -> bytes:
    head, *rows = made.exclusion_rows(8)
    head[4] = header
    return text([head, *([*row[:4], reason, *row[5:]] for row in rows)])


def _absent(reason: str, *, every: int = 1) -> bytes:
    head, *rows = [row[:-1] for row in made.mark_rows(8)]
    return text(
        [[*head, "Absence Reason"], *([*row, "" if n % every else reason] for n, row in enumerate(rows))]
    )


def _ctf(old: str, new: str) -> bytes:
    whole = made.ctf([made.pupil(c, made.CORE_INSIDE) for c in made.children(4)])
    assert old in whole
    return whole.replace(old, new).encode()


def _in_a_pupil(element: str) -> bytes:
    return _ctf("</Pupil>", f"{element}</Pupil>")


def _phonics(old: str, new: str) -> bytes:
    whole = made.ctf([made.pupil(c, made.PHONICS) for c in made.children(4)])
    assert old in whole
    return whole.replace(old, new).encode()


def _census(old: str, new: str) -> bytes:
    whole = made.census_around(made.census_pupil(c) for c in made.children(4))
    assert old in whole
    return whole.replace(old, new).encode()


def _far_address() -> bytes:
    refuge = made.CORE_INSIDE.replace("1 Low Road", "The women's refuge")
    pupils = (made.pupil(c, refuge if c.number == 700 else made.CORE_INSIDE) for c in made.children(800))
    return made.ctf(pupils).encode()


def _comment_in_two_pieces() -> bytes:
    whole = _ctf("<CTFpupilData>", "<!--@--><CTFpupilData>")
    before = whole.index(b"@")
    filling = b"x" * (64 * 1024 - before - 20)
    return whole.replace(b"@", filling + b" Ann Brown is on a child protection plan ")


def _json(around: dict[str, object] | None = None, inside: dict[str, object] | None = None) -> bytes:
    def record(c: made.Child) -> dict[str, object]:
        known = {"upn": c.upn, "surname": c.surname, "forename": c.forename, "year": "4"}
        born = {"date": f"{c.born} 00:00:00.000000", "timezone_type": 3, "timezone": "Europe/London"}
        return {**known, "date_of_birth": born, "registration_group": "4B", **(inside or {})}

    pages = {"pagination": {"next": "https://a.test/students?page=2", "more": True, "per_page": 50}}
    return json.dumps(
        {"data": [record(c) for c in made.children(5)], "meta": pages, **(around or {})}
    ).encode()


_ROWS = _core()
_SHEET = "xl/worksheets/sheet1.xml"
_PLAN = "Ann Brown is on a child protection plan"


def _book(part: str, before: str, more: str) -> bytes:
    """A workbook with something more before the end of some element of a part."""
    end = before.encode()
    return with_member(
        xlsx(Page(_ROWS)), part, lambda xml: xml.replace(end, more.encode() + end) or more.encode()
    )


_POINTS = [["Name", "Points", "When"], *(["Ann Brown", "12", "Mon"] for _ in range(4))]
_OTHERS = [["Pupil", "When", "What happened", "Who was told"], ["Ann Brown", "03/11/2026", "pushed", "Head"]]
_LOG = [["Name", "Incident", "Category", "Agencies", "Date", "By", "Action"]]
_LOG.append(["Ann Brown", "Bruise", "Physical", "Police", "03/11/2026", "DSL", "MASH"])
_WIDE = [["Ann Brown", "pushed", "by", "brother", "again", "Mon", "x"]]
_BESIDE = [_CORE, *(_of_core(made.Child(c.number + 40)) for c in made.children(12))]

FILES: Files = {
    # One record among many, and words where a flag or a code belongs.
    "flag-far-down.csv": lambda: _one("Medical Flag", "Epilepsy", "N", at=700, count=800),
    "flag-of-some.csv": lambda: text(
        _core("Medical Flag", lambda c: ["N" if c.number % 8 else "Asthma"], 40)
    ),
    "flag-in-capitals.csv": lambda: _all("Medical Flag", "ASTHMA"),
    "flag-in-words.csv": lambda: _all("Medical Flag", "No"),
    "address-far-down.csv": lambda: _one(
        "Address", "A domestic abuse shelter", "{} Low Road", at=700, count=800
    ),
    "guardian-in-another-batch.csv": lambda: _one(
        "Guardians", "Mr Brown (foster carer, section 47)", "Mrs Brown {}", at=2400, count=2500
    ),
    "status-in-a-word.csv": lambda: _one("Status", "CAMHS", "Current"),
    "status-looked-after.csv": lambda: _all("Status", "Looked After"),
    "house-in-a-word.csv": lambda: _one("House", "Asthma", "Red"),
    "group-of-a-plan.csv": lambda: _all("Group Name", "Child Protection"),
    "cohort-looked-after.csv": lambda: _all("Cohort", "LAC"),
    "year-with-a-story.csv": lambda: _instead("Year", "PRU (permanently excluded)"),
    "sex-with-a-word.csv": lambda: _one("Gender", "Trans boy", "M"),
    "known-as-with-a-story.csv": lambda: _one("Known As", "Not to be used - adopted, was Smith", "Bo"),
    "religion-with-a-note.csv": lambda: _one("Religion", "Dad was radicalised", "Christian"),
    "meals-with-a-note.csv": lambda: _one("FSM Eligible", "Yes, no recourse to public funds", "N"),
    "tutor-with-a-note.csv": lambda: _instead("Reg", "Unit for pregnant pupils"),
    "long-names.csv": lambda: _instead("Forename", "Maria de los Angeles Ana Bo Zoe Ifan"),
    "sen-need-with-a-story.csv": lambda: _all("SEN Status,SEN Need", "K", "ADHD, says that he self harms"),
    "sen-need-in-words.csv": lambda: _all(
        "SEN Status,SEN Need", "K", "SEMH - Social, Emotional and Mental Health"
    ),
    "sen-history-with-a-story.csv": lambda: _all(
        "SEN Status,SEN History", "K", "On a CP plan, social worker"
    ),
    "exclusion-story.csv": lambda: _excluded("Threw a chair at Miss Green after he had left the room"),
    "exclusion-story-reason.csv": lambda: _excluded(
        "Threw a chair at Miss Green after he had left the room", "Exclusion Reason"
    ),
    "exclusion-disclosure.csv": lambda: _excluded(
        "Says stepfather hits him, social worker told", "Exclusion Reason"
    ),
    "exclusion-words.csv": lambda: _excluded(
        "Verbal abuse / threatening behaviour against a pupil", "Exclusion Reason"
    ),
    "exclusion-bullying.csv": lambda: _excluded("Bullying", "Exclusion Reason"),
    "absence-story.csv": lambda: _absent("CAMHS appointment"),
    "absence-story-once.csv": lambda: _absent("at a refuge, domestic violence", every=40),
    "absence-dentist.csv": lambda: _absent("Dentist", every=3),
    # Numbers of people under another name.
    "nhs-of-one-pupil.csv": lambda: _numbers("Ref", _nhs, 1),
    "nhs-of-two-pupils.csv": lambda: _numbers("Ref", _nhs, 2),
    "nhs-as-learner-number.csv": lambda: _numbers("ULN", _nhs),
    "nhs-as-telephone.csv": lambda: _numbers("Phone", _nhs),
    "nhs-spaced.csv": lambda: _numbers("ID", _spaced),
    "nhs-prefixed.csv": lambda: _numbers("Ref", lambda n: f"NHS{_nhs(n)}"),
    "nhs-among-others.csv": lambda: _numbers("ID", lambda n: _nhs(n) if n % 2 else str(1000 + n)),
    "nhs-far-down.csv": lambda: _numbers("ID", lambda n: _nhs(n) if n > 450 else str(n), 800),
    "nhs-in-an-address.csv": lambda: _numbers("Address", lambda n: f"1 Low Road, NHS {_nhs(n)}"),
    "telephones-without-nought.csv": lambda: _numbers("Phone", lambda n: str(1823000000 + 13 * n)),
    # More than one table, and what stands around it.
    "above-a-story.csv": lambda: text(
        [["Please keep from the dad of Ann where she lives now, he is out since May"], *_ROWS]
    ),
    "above-a-table.csv": lambda: text([*_POINTS, [], *_ROWS]),
    "above-far-up.csv": lambda: text([*([f"Oak School {n} {'data ' * 20}"] for n in range(37)), *_ROWS]),
    "above-a-title.csv": lambda: text(
        [["Oak Primary School"], ["Class list", "Year 4", "24/11/2026"], [], *_ROWS]
    ),
    "above-a-notice.csv": lambda: text(
        [
            ["This report contains personal data and must be kept secure at all times; do not share it."],
            *_ROWS,
        ]
    ),
    "below-a-table.csv": lambda: text([*_ROWS, [], *_OTHERS]),
    "below-a-log.csv": lambda: text([*_ROWS, [], *_LOG]),
    "below-without-header.csv": lambda: text([*_ROWS, *_WIDE]),
    "below-the-same-header.csv": lambda: text([*_ROWS[:6], _ROWS[0], *_ROWS[6:]]),
    "below-without-a-number.csv": lambda: _instead("UPN", "Not yet"),
    "beside-another-table.csv": lambda: text([[*a, "", *b] for a, b in zip(_ROWS, _BESIDE, strict=True)]),
    "beside-without-a-header.csv": lambda: text([[*row, "hit" if n else ""] for n, row in enumerate(_ROWS)]),
    # Workbooks and archives.
    "named.xlsx": lambda: xlsx(Page(_ROWS, "Child Protection")),
    "named.xlsb": lambda: xlsb(Page(_ROWS, "Child Protection")),
    "named.xls": lambda: xls(Page(_ROWS, "Child Protection")),
    "named.ods": lambda: ods(Page(_ROWS, "Child Protection")),
    "named.zip": lambda: zipped({"child protection register.csv": text(_ROWS)}),
    "folder.zip": lambda: zipped({"CAMHS/pupils.csv": text(_ROWS)}),
    "flag.xlsb": lambda: xlsb(Page(_core("Medical Flag", lambda c: ["N" if c.number else "Asthma"]))),
    "above.ods": lambda: ods(Page([*_POINTS, *_ROWS])),
    "page-header.xlsx": lambda: _book(
        _SHEET, "</worksheet>", f"<headerFooter><oddHeader>{_PLAN}</oddHeader></headerFooter>"
    ),
    "page-number.xlsx": lambda: _book(
        _SHEET, "</worksheet>", "<headerFooter><oddFooter>Page &amp;P of &amp;N</oddFooter></headerFooter>"
    ),
    "hint.xlsx": lambda: _book(
        _SHEET,
        "</worksheet>",
        f'<dataValidations><dataValidation prompt="{_PLAN}" sqref="A1"/></dataValidations>',
    ),
    "described.xlsx": lambda: _book(
        "docProps/core.xml", "</cp:coreProperties>", f"<cp:category>{_PLAN}</cp:category>"
    ),
    "property.xlsx": lambda: _book(
        "docProps/custom.xml", "</none>", f"<Properties><property><v>{_PLAN}</v></property></Properties>"
    ),
    "defined.xlsx": lambda: _book(
        "xl/workbook.xml",
        "</workbook>",
        f'<definedNames><definedName name="a">"{_PLAN}"</definedName></definedNames>',
    ),
    "stored.xlsx": lambda: _book("customXml/item1.xml", "</none>", f"<a>{_PLAN}</a>"),
    # Elements.
    "own-text-of-a-pupil.xml": lambda: _ctf("<Pupil><UPN>", "<Pupil>father in prison<UPN>"),
    "own-text-of-a-header.xml": lambda: _ctf("<Header>", "<Header>Ann Brown is on a plan"),
    "own-text-in-a-census.xml": lambda: _census("<PupilOnRoll>", "<PupilOnRoll>her father hits her"),
    "instruction.xml": lambda: _ctf("<CTFpupilData>", "<?note Ann Brown is on a plan?><CTFpupilData>"),
    "style-sheet.xml": lambda: _ctf("<CTfile>", '<?xml-stylesheet href="ctf.xsl" type="text/xsl"?><CTfile>'),
    "long-comment.xml": lambda: _ctf(
        "<CTFpupilData>", f"<!-- {'Ann lives with her nan. ' * 9}--><CTFpupilData>"
    ),
    "comment-in-two-pieces.xml": _comment_in_two_pieces,
    "address-far-down.xml": _far_address,
    "contact-court-order.xml": lambda: _in_a_pupil(
        "<Contacts><Contact><CourtOrder>Y</CourtOrder></Contact></Contacts>"
    ),
    "contact-note.xml": lambda: _in_a_pupil("<Contacts><Contact><Note>Violent</Note></Contact></Contacts>"),
    "contact.xml": lambda: _in_a_pupil("<Contacts><Contact><Surname>Brown</Surname></Contact></Contacts>"),
    "admission-story.xml": lambda: _in_a_pupil("<Admissions><Reason>Brother in prison</Reason></Admissions>"),
    "country-asylum.xml": lambda: _in_a_pupil("<NAWdetails><UKcountry>asylum</UKcountry></NAWdetails>"),
    "sen-panel.xml": lambda: _in_a_pupil("<SENhistory><Panel>CAMHS</Panel></SENhistory>"),
    "aim-pregnant.xml": lambda: _census(
        "</PupilOnRoll>", "<LearningAim><Note>pregnant</Note></LearningAim></PupilOnRoll>"
    ),
    "class-note.xml": lambda: _census(
        "<Pupils>", "<School><Class><Note>Ann hit Bo</Note></Class></School><Pupils>"
    ),
    "result-with-a-comment.xml": lambda: _phonics(
        "<Result>WA<", "<Result>WA<Comment>hit by father</Comment><"
    ),
    "result-in-words.xml": lambda: _phonics("<Result>WA<", "<Result>did not take it, in a refuge<"),
    "locale-in-words.xml": lambda: _phonics("<Locale>ENG<", "<Locale>father in prison<"),
    # JSON.
    "pages.json": _json,
    "note-beside.json": lambda: _json({"meta": {"note": "Ann Brown is on a plan"}}),
    "list-beside.json": lambda: _json({"meta": {"others": [{"pupil": "Ann", "told": "hit"}]}}),
    "no-name.json": lambda: _json(inside={"": "hit by father"}),
    "time-zone.json": lambda: _json(
        inside={"entry_date": {"date": "2021-09-01", "timezone": "adopted from care"}}
    ),
    "status.json": lambda: _json(inside={"status": "Looked After"}),
}
