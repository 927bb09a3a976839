"""What stands outside the records of an XML document reaches no view; a pupil there makes the file wait."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO

import pytest
from stdnum.gb.upn import calc_check_digit as upn_check_letter

from gateway.classify import classify
from gateway.examiner.persons import PersonCollector
from gateway.model import Basis, Classified, ContentRefused
from gateway.samples import make, school
from tests.views.making import LIMITS, RULES, TODAY, view_of

EVERY_ITEM = tuple({item.label for item in (*RULES.items.values(), *RULES.others.values())})
NUMBER = upn_check_letter("999123420999") + "999123420999"
NAME, STORY = "Zebedee", "Bo_hit_by_father"
PERSON = f"<UPN>{NUMBER}</UPN><Surname>{NAME}</Surname><Address><PostCode>TA1 1ZZ</PostCode></Address>"
BIRTH = f"<Surname>{NAME}</Surname><Forename>Ann</Forename><DOB>2014-02-03</DOB>"
Change = Callable[[str, str, str], str]
"""A document, what is around its records and what they are called; the document with more in it."""

LAYOUTS = {
    "student-core ctf-full": ("CTFpupilData", "Pupil"),
    "school-census xml-autumn": ("PupilsOnRoll", "PupilOnRoll"),
    "attendance xml-strings": ("Pupils", "Pupil"),
}


def sample(layout: str) -> str:
    rng = random.Random(3)
    return make(*layout.split(), rng=rng, school=school(rng, 1), pupils=30).decode()


def put(before: str, what: str) -> Change:
    """Put something before some markup; `{around}` and `{record}` in it are the layout's names."""

    def change(text: str, around: str, record: str) -> str:
        where = before.format(around=around, record=record)
        assert where in text, where
        return text.replace(where, what.format(around=around, record=record) + where, 1)

    return change


def instead(of: str, what: str) -> Change:
    def change(text: str, around: str, record: str) -> str:
        where = of.format(around=around, record=record)
        assert where in text, where
        return text.replace(where, what.format(around=around, record=record))

    return change


PEOPLE: dict[str, Change] = {
    "in the header": put("</Header>", PERSON),
    "in a second header": put("<{around}>", f"<Header>{PERSON}</Header>"),
    "in a header among the records": put("</{around}>", f"<Header>{PERSON}</Header>"),
    "in an element before the records": put("<{around}>", f"<X>{PERSON}</X>"),
    "in an element between the records": put("<{record}>", f"<X>{PERSON}</X>"),
    "in an element of a known name": put("<{record}>", f"<School>{PERSON}</School>"),
    "bare, between the records": put("<{record}>", PERSON),
    "by name, between the records": put("<{record}>", f"<BasicDetails>{BIRTH}</BasicDetails>"),
    "in a record inside a record": put("</{record}>", f"<{{record}}>{PERSON}</{{record}}>"),
    "by name, in a record inside a record": put("</{record}>", f"<{{record}}>{BIRTH}</{{record}}>"),
    "in a part of a record": put("</{record}>", f"<BasicDetails>{PERSON}</BasicDetails>"),
    "by name, in a part of a record": put("</{record}>", f"<BasicDetails>{BIRTH}</BasicDetails>"),
    "in a contact of a record": put("</{record}>", f"<Contacts><Contact>{PERSON}</Contact></Contacts>"),
    "by a second surname in a record": put("</{record}>", f"<Surname>{NAME}</Surname>"),
    "by a second forename in a record": put("</{record}>", f"<Forename>{NAME}</Forename>"),
    "by a second date of birth in a record": put("</{record}>", "<DOB>2014-02-03</DOB>"),
    "in an attribute": instead("<{around}>", f'<{{around}} of="{NUMBER}">'),
    "in a comment": put("<{around}>", f"<!-- {NUMBER} -->"),
}
NAMES: dict[str, Change] = {
    "an element of nothing before the records": put("<{around}>", f"<{STORY}/>"),
    "an element of nothing between the records": put("<{record}>", f"<{STORY}/>"),
    "an element of nothing in a record": put("</{record}>", f"<{STORY}/>"),
    "an element of nothing in the header": put("</Header>", f"<{STORY}/>"),
    "an element of nothing behind all": put("</{around}>", f"<{STORY}></{STORY}>"),
    "an element around what is known, in a record": put(
        "</{record}>", f"<{STORY}><Forename>Ann</Forename></{STORY}>"
    ),
    "an element far around what is known, in a record": put(
        "</{record}>", f"<{STORY}><BasicDetails><NCyearActual>4</NCyearActual></BasicDetails></{STORY}>"
    ),
    "an element around what is known, in the header": put(
        "</Header>", f"<{STORY}><SourceSchool><LEA>999</LEA></SourceSchool></{STORY}>"
    ),
    "an attribute of nothing around the records": instead("<{around}>", f'<{{around}} {STORY}="">'),
    "an attribute of nothing in a record": instead("<{record}>", f'<{{record}} {STORY}="">'),
    "elements around each record": lambda text, _, record: text.replace(
        f"<{record}>", f"<{STORY}><{record}>"
    ).replace(f"</{record}>", f"</{record}></{STORY}>"),
    "elements around all records": lambda text, around, _: text.replace(
        f"<{around}>", f"<{around}><{STORY}>"
    ).replace(f"</{around}>", f"</{STORY}></{around}>"),
    "a namespace around the records": instead("<{around}>", f'<{{around}} xmlns:a="urn:{STORY}">'),
    "a prefix around the records": instead("<{around}>", f'<{{around}} xmlns:{STORY}="urn:a">'),
    "a namespace of a record": instead("<{record}>", f'<{{record}} xmlns:a="urn:{STORY}">'),
    "a prefix of an element": instead("<Surname>", f'<Surname xmlns:{STORY}="urn:a">'),
    "a schema of a record": instead(
        "<{record}>",
        '<{record} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:noNamespaceSchemaLocation="{STORY}.xsd">',
    ),
    "a record in a namespace": lambda text, _, record: text.replace(
        f"<{record}>", f'<a:{record} xmlns:a="urn:{STORY}">', 1
    ).replace(f"</{record}>", f"</a:{record}>", 1),
    "a record in the namespace of XML, and a long name": lambda text, _, record: text.replace(
        f"<{record}>", f"<xml:{record}><{STORY:_<38}UPN>4</{STORY:_<38}UPN>", 1
    ).replace(f"</{record}>", f"</xml:{record}>", 1),
    "all in a namespace": lambda text, *_: text.replace(
        root := text[text.index("<", 10) :].split(">")[0], f'{root} xmlns="urn:{STORY}"', 1
    ),
    "all in a namespace, and a long name": lambda text, _, record: text.replace(
        root := text[text.index("<", 10) :].split(">")[0], f'{root} xmlns="urn:abcdefghijklm"', 1
    ).replace(f"</{record}>", f'<{STORY}___Surname xmlns="">4</{STORY}___Surname></{record}>', 1),
    "words for the kind of document": put("</Header>", f"<DocumentName>Ann {NAME} Moved</DocumentName>"),
    "words for a number of the header": put("</Header>", f"<DateTime>Ann {NAME} Moved</DateTime>"),
}


def cases(changes: dict[str, Change]) -> list[tuple[str, str]]:
    return [(layout, what) for layout in LAYOUTS for what in changes]


def changed(layout: str, change: Change) -> bytes:
    text = sample(layout)
    assert isinstance(read(text.encode())[0], Classified)
    return change(text, *LAYOUTS[layout]).encode()


def read(data: bytes) -> tuple[Classified | ContentRefused, set[str]]:
    """What a file is, and the numbers of the pupils in it as the classifier takes them."""
    persons = PersonCollector()
    what = classify(BytesIO(data), "x", LIMITS, RULES, today=TODAY, on_persons=persons)
    if isinstance(what, ContentRefused):
        persons.scan(BytesIO(data))
    return what, persons.numbers


@pytest.mark.parametrize(("layout", "what"), cases(PEOPLE))
def test_a_pupil_outside_the_records_is_counted_and_the_file_waits(layout: str, what: str) -> None:
    data = changed(layout, PEOPLE[what])
    known, numbers = read(data)
    assert isinstance(known, ContentRefused)
    assert known.code in {"classify:beside-table", "classify:unknown"}
    assert NUMBER in numbers or NUMBER not in data.decode()


@pytest.mark.parametrize(("layout", "what"), cases(NAMES))
def test_no_name_and_no_namespace_of_somebodys_own_reaches_a_view(layout: str, what: str) -> None:
    data = changed(layout, NAMES[what])
    known, _ = read(data)
    if not isinstance(known, Classified):
        return  # Nobody gets it: it waits for a person.
    view, _ = view_of(data, Basis(data_type=known.data_type, items=EVERY_ITEM, unlisted=known.unlisted))
    text = view.decode()
    assert STORY not in text
    assert NAME not in text
    assert text.count("</UPN>") == data.decode().count("</UPN>")


def test_a_number_in_a_character_reference_is_counted() -> None:
    text = sample("student-core ctf-full")
    hidden = "".join(f"&#{ord(c)};" for c in NUMBER)
    known, numbers = read(text.replace("</Header>", f"<X><UPN>{hidden}</UPN></X></Header>").encode())
    assert isinstance(known, ContentRefused)
    assert NUMBER in numbers


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_known_around_the_records_stays(layout: str) -> None:
    data = sample(layout).encode()
    known, _ = read(data)
    assert isinstance(known, Classified)
    assert (
        view_of(data, Basis(data_type=known.data_type, items=EVERY_ITEM, unlisted=known.unlisted))[0] == data
    )
