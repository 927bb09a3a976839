"""The first look at a file, in the browser: what it is, and headings outside the agreement."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gateway.classify import load_rules
from gateway.classify.load import known_headings
from gateway.classify.sensitive import plain
from gateway.home import Home
from gateway.samples import make, variants
from gateway.samples import school as sample_school
from tests.content import core_data
from tests.web.browsers import BROWSERS
from tests.web.school import PROVED, School, answers, chooses, enrolled, presses, school_at

POLICIES = Path(__file__).parents[2] / "policies"
SKIPPED = "The page did not look into the file"
TABLE = (
    b"Oak School\r\n"
    b'UPN,Surname,Forename,"Date of Birth",Home Telephone,Shoe size\r\n'
    b'A999200019001,"Oak, or ""Elm""",Ann,01/09/2015,"none\r\nsaid",33\r\n'
    b"B999200019002,Birch,Bob,02/09/2015,none,34"
)
WITHOUT = (
    b"Oak School\r\n"
    b'UPN,Surname,Forename,"Date of Birth",Home Telephone\r\n'
    b'A999200019001,"Oak, or ""Elm""",Ann,01/09/2015,"none\r\nsaid"\r\n'
    b"B999200019002,Birch,Bob,02/09/2015,none"
)
CONTENT = "async () => Array.from(new Uint8Array(await at('file').files[0].arrayBuffer()))"
COLUMNS = "([list, names]) => { const of = Look.known(list); return names.map(of.column); }"


@pytest.fixture(scope="module", params=BROWSERS)
def school(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with school_at(tmp_path_factory.mktemp("school"), request.param) as school:
        yield school


@pytest.fixture(scope="module")
def page(school: School, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A browser with keys that are in force, logged in."""
    return enrolled(school, tmp_path_factory.mktemp("keys"))


def shown(page: Page) -> list[str]:
    """The headings that are shown as outside the agreement."""
    page.locator("#seen").wait_for()
    return page.locator("#seen-others li strong").all_inner_texts()


@pytest.mark.long
def test_what_is_outside_the_agreement_is_shown_and_taken_out(school: School, page: Page) -> None:
    chooses(page, "pupils.csv", TABLE)
    assert shown(page) == ["Home Telephone", "Shoe size"]
    page.get_by_text("What is this?").first.click()
    assert "Telephone number: the agreement does not list it." in page.locator("#seen-others").inner_text()
    assert school.faults(page) == []
    presses(page, "Take out Shoe size")
    page.get_by_text("Shoe size is taken out of what is sent.").wait_for()
    assert shown(page) == ["Home Telephone"]
    assert bytes(page.evaluate(CONTENT)) == WITHOUT
    presses(page, "Take out Home Telephone")
    page.get_by_text("Home Telephone is taken out of what is sent.").wait_for()
    assert shown(page) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("letter.csv", b"%PDF-1.7\n", "exports it. Choose the one that your system exported."),
        ("letter.docx", b"PK\x03\x04", "This is a document"),
        ("photo.xml", b"\x89PNG\r\n", "This is a picture"),
        ("empty.csv", b"", "The file is empty."),
        ("book.xlsx", b"PK\x03\x04", "It is a workbook or an archive."),
        ("phonics.csv", b"UPN,Surname\n", "By its name, it is of the kind: Phonics"),
        ("core.xml.gpg", b"\xc1\x0c\x03", "It is encrypted already"),
        ("notes.txt", b"Dear all\n", "The page finds no row of headings"),
    ],
)
def test_what_a_file_is(page: Page, name: str, content: bytes, said: str) -> None:
    page.evaluate("tell('problem', 'The file before was not sent.')")
    chooses(page, name, content)
    page.locator("#seen-said", has_text=said).wait_for()
    expect(page.locator("#problem")).to_be_hidden()


def test_elements_outside_the_agreement_are_shown_and_taken_out(page: Page) -> None:
    content = core_data(1)
    more = content.replace(b"</Surname>", b"</Surname><ShoeSize>33 \xc3\xa9</ShoeSize>")
    chooses(page, "core.xml", more)
    assert shown(page) == ["ShoeSize"]
    presses(page, "Take out ShoeSize")
    page.get_by_text("ShoeSize is taken out of what is sent.").wait_for()
    assert shown(page) == []
    assert bytes(page.evaluate(CONTENT)) == content


def test_what_a_contact_has_is_not_taken_for_the_pupils_own(page: Page) -> None:
    content = core_data(1)
    theirs = (
        b"<Religion>MU</Religion><Address><PostCode>BS9 9ZZ</PostCode></Address>"
        b"<Phones><Phone><PhoneNo>01632 960001</PhoneNo></Phone></Phones>"
    )
    more = content.replace(b"</Contact>", theirs + b"</Contact>")
    assert more != content
    chooses(page, "core.xml", more)
    assert shown(page) == ["Religion, PostCode", "PhoneNo"]
    presses(page, "Take out Religion, PostCode")
    page.get_by_text("Religion, PostCode is taken out of what is sent.").wait_for()
    assert shown(page) == ["PhoneNo"]
    left = re.sub(rb"<(Religion|PostCode)>[^<]*</\1>", b"", theirs)
    assert bytes(page.evaluate(CONTENT)) == content.replace(b"</Contact>", left + b"</Contact>")


@pytest.mark.long
def test_without_the_signed_list_the_look_is_skipped_and_the_file_sent(school: School, page: Page) -> None:
    genuine = Home(school.site.home).published.common / "agreement" / "headings.asc"
    for text in ("", genuine.read_text("utf-8").replace('"words"', '"Words"', 1)):
        answers(page, "**/api/agreement/headings.asc", text)
        chooses(page, "pupils.csv", TABLE)
        page.locator("#seen-said", has_text=SKIPPED).wait_for()
        assert shown(page) == []
        page.unroute("**/api/agreement/headings.asc")
    page.evaluate("Kits.change({ ...here.kit }, { headings: '9' })")  # In another window.
    chooses(page, "core.xml", core_data(2))
    page.locator("#seen-said", has_text=SKIPPED).wait_for()
    presses(page, "Send")
    page.get_by_text(PROVED).wait_for()
    page.evaluate("Kits.change({ ...here.kit }, { headings: '' })")


@pytest.mark.parametrize("school", BROWSERS[:1], indirect=True, scope="module")  # Firefox tells of a change.
def test_a_file_that_is_corrected_and_chosen_again_is_looked_at_again(page: Page, tmp_path: Path) -> None:
    """Chromium tells of the same path as of a cancelled choice; Playwright tells of a change by itself."""
    devtools, file = page.context.new_cdp_session(page), tmp_path / "pupils.csv"
    root = devtools.send("DOM.getDocument")["root"]["nodeId"]
    place = devtools.send("DOM.querySelector", {"nodeId": root, "selector": "#file"})["nodeId"]
    for content, said in ((TABLE, "Shoe size"), (WITHOUT, None)):
        file.write_bytes(content)
        devtools.send("DOM.setFileInputFiles", {"files": [str(file)], "nodeId": place})
        page.locator("#seen-others", has_text="Home Telephone").wait_for()
        expect(page.locator("#seen-others", has_text="Shoe size")).to_have_count(1 if said else 0)


def test_headings_are_known_as_the_gateway_knows_them(page: Page) -> None:
    """Those of samples and policies, and some that only patterns know, or nothing; results go by subjects."""
    rules, rng = load_rules(POLICIES), random.Random(7)
    names = {name for _, name in rules.column_names()}
    for kind, variant in (each for each in variants() if each[1].endswith("-quoted")):
        table = make(kind, variant, rng=rng, school=sample_school(rng, 1), pupils=2)
        names |= {cell.strip() for row in csv.reader(io.StringIO(table.decode("utf-8"))) for cell in row}
    names |= {
        "Pupil UPN",
        "UPN (01/09/2025)",
        "Ethnicity [12 May 2026]",
        "GLD (2026)",
        "KS4 ENG",
        "Shoe size",
    }
    names -= {""}
    subjects = {plain(name) for name in rules.data_types.subjects.names}
    asked = sorted(name for name in names if plain(name) not in subjects)
    told = page.evaluate(COLUMNS, [known_headings(rules), asked])
    fields = [rules.column_field(name) for name in asked]
    expected = [
        None if key is None else rules.others[key].label if key in rules.others else "" for key in fields
    ]
    assert dict(zip(asked, told, strict=True)) == dict(zip(asked, expected, strict=True))
