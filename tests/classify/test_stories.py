"""A story is in no cell of names, labels or addresses, however few its words and however they are written."""

from __future__ import annotations

import pytest

from gateway.classify.inventory import Disclosure
from tests.classify.stories import FURTHER, LATER, NAMES, STORIES, UNSEEN
from tests.views.making import RULES

PLACES = ("surname", "forename", "preferred-forename", "guardians", "house", "registration-group", "address")
# What is a name, the name of a place or a teacher's initials as well, so often that it may stand.
ALSO_NAMES = {
    "Child Bride", "Burns", "Court Case", "Orphan", "Cutting", "Sleeping Rough", "Blind Left Eye", "NFA",
}  # fmt: skip
WAYS = {
    "with dots": ".".join,
    "with blanks": " ".join,
    "with strokes": "-".join,
    "in pieces": lambda word: " ".join(word[at : at + 2].title() for at in range(0, len(word), 2)),
    "with a zero-width space": lambda word: word[:2] + "\u200b" + word[2:],
    "with a soft hyphen": lambda word: word[:2] + "\xad" + word[2:],
    "of full width": lambda word: "".join(chr(ord(letter) + 0xFEE0) for letter in word),
    "struck through": lambda word: "".join(letter + "\u0336" for letter in word),
    "with accents": lambda word: word.replace("e", "\xe9").replace("a", "\xe3"),
    "in small capitals": lambda word: word.translate(
        str.maketrans("eufar", "\u1d07\u1d1c\ua730\u1d00\u0280")
    ),
    "with Cyrillic letters": lambda word: word.translate(
        str.maketrans("eaosc", "\u0435\u0430\u043e\u0455\u0441")
    ),
    "with Greek letters": lambda word: word.translate(str.maketrans("oau", "\u03bf\u03b1\u03c5")),
}
WORDS = ("Refuge", "Safeguarding", "Suicidal", "Prison", "Abused", "Asylum")


@pytest.mark.parametrize("key", PLACES)
def test_a_story_of_a_few_words_stands_in_no_cell(key: str) -> None:
    check = RULES.check(key)
    assert check is not None
    assert {story for story in STORIES if check(story) is None} <= ALSO_NAMES
    assert len(set(STORIES)) >= 100


@pytest.mark.parametrize("guardian", ["Somerset Council", "The Council", "Council"])
def test_a_council_is_no_guardian_by_name(guardian: str) -> None:
    assert fault("guardians", guardian) is not None
    assert fault("surname", guardian) is not None


@pytest.mark.parametrize("key", PLACES)
def test_few_stories_of_two_words_pass_for_names(key: str) -> None:
    check = RULES.check(key)
    assert check is not None
    assert len(FURTHER) >= 180
    assert sum(check(story) is None for story in FURTHER) <= len(FURTHER) / 8


@pytest.mark.parametrize("key", ["surname", "forename", "preferred-forename", "guardians"])
@pytest.mark.parametrize("stories", [LATER, UNSEEN])
def test_few_stories_of_ordinary_words_pass_for_names(key: str, stories: tuple[str, ...]) -> None:
    assert len(stories) >= 180
    assert sum(fault(key, story) is None for story in stories) <= len(stories) / 15
    quick = RULES.quick(key, with_queries=True)
    assert quick is not None
    assert [one for one in stories if fault(key, one) and one in quick([one, "Ann", "Brown"])] == []


SLIPS = """
    Addopted; Adpoted; Adoptd; Fostred; Foster Child; Shared Care; Sec 20; CIC; Safegaurding; Negleted; Abusd;
    Athsma; Alergy; Pregnent; CAHMS; Refugge; Aslyum Seeker; Reffuge; Polcie; Confidental; Mewn Gofal;
    Pod Opiek\u0105; Policja; Uchod\u017aca; God Liya; Le Palak; Panah Guzeen; R\xe9fugi\xe9; Azilant;
    Famille D'Accueil; Abuse; Child Abuse; Care Experienced; Short Term Foster; Ward Of Court; Child Prot.;
    Home Off; Downs Synd; Modern Slavery; Pre-adoptive; Preadoptive; Sucidal; Self Loathing; Self Harmer;
    School Nurse; CPN Nurse; Blood Loss; Pit Bull; On Couch; Swallows Coins;
    Now He; He Knows
"""


@pytest.mark.parametrize("key", PLACES)
def test_a_story_with_a_slip_or_in_another_language_stands_in_no_cell(key: str) -> None:
    slips = [" ".join(slip.split()) for slip in SLIPS.split(";")]
    assert len(slips) >= 30
    assert [slip for slip in slips if not fault(key, slip)] == []
    quick = RULES.quick(key, with_queries=True)
    assert quick is not None
    assert [slip for slip in slips if slip in quick([slip, "Ann Brown"])] == []


def test_ordinary_words_stand_in_labels_and_addresses() -> None:
    quick = RULES.quick("surname", with_queries=True)
    assert quick is not None
    for word in RULES.sensitive.remarks.nobody:
        name = f"Ann {word.title()}"
        assert fault("surname", name), word
        assert name not in quick([name, "Ann Brown"]), word
    for label in ("Twenty Acres", "Business Park", "Surgery Office", "Community Centre"):
        assert [key for key in ("house", "registration-group", "address") if fault(key, label)] == []
    assert [key for key in ("house", "registration-group") if fault(key, "Food Technology")] == []


@pytest.mark.parametrize(
    "name",
    ["Seven Sisters", "Crook", "12A Psychology", "Taunton Pupil Referral Unit",
     "Canal Locks", "The Needles", "Bull Street", "Unit for the Hearing Impaired"],
)  # fmt: skip
def test_names_of_places_and_classes_stay(name: str) -> None:
    for key in ("house", "registration-group", "address"):
        check = RULES.check(key)
        assert check is not None
        assert check(name) is None, key


def fault(key: str, value: str) -> str | None:
    check = RULES.check(key)
    assert check is not None
    return check(value)


LABELS = ("house", "registration-group", "class-group", "subject")
TITLED = [
    "13 Health and Social Care", "Health & Social Care", "10X/Ps1 Psychology", "Deaf Unit",
    "AFTER SCHOOL CLUB", "8B Citizenship", "Children's Play, Learning and Development",
    "Relationships, Sex and Health Education", "10Citizenship1", "8BCitizenship", "10HealthAndSocialCare2",
]  # fmt: skip


@pytest.mark.parametrize("aside", ["PRU", "HMP", "nfa", "Police", "at hospital", "LAC"])
def test_what_stands_in_brackets_behind_a_class_is_no_place_and_no_initials(aside: str) -> None:
    for label in (f"5B ({aside})", f"11XY({aside}) Red"):
        assert [key for key in LABELS if not fault(key, label)] == [], label
    for label in ("5B PRU", "11XY PRU", "5 PRU", "Oak 5B SUI"):
        assert [key for key in LABELS if not fault(key, label)] == [], label
        quick = RULES.quick("class-group", with_queries=True)
        assert quick is not None
        assert label not in quick([label, "Red"])
    for label in (
        "Mr Salt", "5B Mrs Nurse", "5B Pru", "CLASS 2", "BTEC1", "10ABC", "10A ABC",
        "5B (Mr Foster)", "7A (Dr Court)", "10X (Psychology)", "5B (Ash)", "Taunton PRU", "7 RSO",
        "10X (MRS GAY)", "7H (Miss P Gay)", "7H (Mr New)", "7 (New Intake)", "5B (Pru)", "2 (Swallows)",
        "12 (Social Sciences)", "10X (Health and Social Care)", "12A (Speech and Drama)",
    ):  # fmt: skip
        assert [key for key in LABELS if fault(key, label)] == [], label
    assert not fault("forename", "Pru")


def test_a_company_of_two_words_or_more_is_a_school_and_a_class_in_care_is_no_label() -> None:
    for school in ("Somerset Skills and Learning CIC", "Red Balloon CIC"):
        assert [key for key in ("school", "school-name") if fault(key, school)] == [], school
    for remark in (
        "Red Balloon CIC", "Out Of County CIC", "Kent County Council CIC", "Miss Jones CIC",
        "Pupil Premium CIC", "Hedgehog CIC", "5B CIC", "5B (CIC)", "Red Refuge House CIC",
        "RedRefuge House CIC",
        "Hedgehog Class CIC", "Year Ten CIC", "Deaf Unit CIC", "First Aid Club CIC", "Mia Hospital CIC",
        "Mia Jones CIC", "Amir Al Khan CIC",
    ):  # fmt: skip
        assert [key for key in LABELS if not fault(key, remark)] == [], remark


@pytest.mark.parametrize("line", ["12 Llys Gwyn, Bangor", "Maes y Llys", "Llys Derwen"])
def test_llys_in_an_address_is_no_court_of_law(line: str) -> None:
    assert fault("address", line) is None
    assert fault("address", "Llys Teulu")
    for court in ("Llys y Goron", "Llys Ynadon Bangor", "Llys yr Ynadon", "Llys Sirol"):
        assert fault("address", court), court


@pytest.mark.parametrize(
    "line",
    ["12 Gypsy Lane", "Mace Road", "1 Prison Road, Leeds", "Flat 2, 8 Refuge Terrace", "9 TOWN HALL STREET"],
)
def test_a_word_that_a_street_is_called_by_is_no_remark(line: str) -> None:
    assert fault("address", line) is None
    assert fault("school", f"{line.partition(',')[0]} Primary School") is None
    for remark in (
        "The Refuge, Lane End",
        "12Refuge Road",
        "Women's Refuge Road",
        "R.E.F.U.G.E. Road",
        "Mum Close By",
    ):
        assert fault("address", remark), remark


@pytest.mark.parametrize(
    "line", ["Civic Centre", "c/o County Hall, Leeds", "Town Hall", "Council Offices, High Street"]
)
def test_a_council_is_no_address_of_a_child(line: str) -> None:
    assert fault("address", line)
    assert fault("address", "12 Mobile Home Park") is None
    assert fault("address", "Flat 3, The Old Town Hall") is None
    assert fault("address", "12 Town Hall Square") is None
    assert fault("address", "Flat 12, County Hall Apartments, London") is None
    assert fault("school", "Town Hall Nursery") is None
    assert fault("school", "Barton Moss Community Primary School") is None
    assert fault("address", "Barton Moss")
    assert fault("address", "12 Civic Way") is None


@pytest.mark.parametrize(
    "said",
    [
        "Channel Panel",
        "Fgmpo",
        "EBSNA",
        "Vinney Green",
        "Premier Inn",
        "Host Family",
        "Keyworker",
        "Op Enc",
        "S 20",
        "Interim Care",
        "Dec'd",
        "MARAC Mon",
        "NRM Referral",
        "PLO",
        "Bridging Hotel",
        "No PR",
        "Secure Unit",
        "Mum Preg",
        "Serco House",
        "Late Mr Hunt",
        "FC",
        "ARAP",
        "MFH",
        "Secure Home",
    ],
)
def test_words_of_safeguarding_partnerships_are_remarks(said: str) -> None:
    keys = ("surname",) if "FC" in said else ("registration-group", "address")
    assert [key for key in keys if not fault(key, said.strip())] == []


@pytest.mark.parametrize("name", ["C\xe1it", "Cait", "Arap", "Cawn", "Ehm", "Iha"])
def test_a_name_that_is_also_an_abbreviation_is_a_name_and_no_label(name: str) -> None:
    assert fault("forename", name) is None
    assert fault("surname", name) is None
    assert fault("guardians", f"Mrs {name} Murphy") is None
    assert fault("registration-group", name)


@pytest.mark.parametrize("surname", ["\u010ci\u0107", "\u010cI\u0106", "\xc7in", "Ann-Marie \u010ci\u0107"])
def test_a_surname_of_three_letters_with_an_accent_is_no_abbreviation(surname: str) -> None:
    assert fault("surname", surname) is None
    assert fault("surname", "CIC")
    assert fault("surname", "Refug\xe9")


@pytest.mark.parametrize(
    "school",
    [
        "Hillside Children's Centre",
        "Oak Childrens Nursery",
        "Gaelscoil na Fuinseoige",
        "Col\xe9gio do Sol",
        "Bwyd a Maeth",
        "Citizenship GCSE",
        "Psychology Year 12 Group B",
        "St Vincent's School for the Deaf",
    ],
)
def test_names_of_schools_and_subjects_stay(school: str) -> None:
    assert fault("school", school) is None
    for remark in (
        "Oak Children's Home",
        "Red Childrens Centre Placement Order",
        "Maeth",
        "7 RSO Year 2",
        "Deaf",
    ):
        assert fault("school", remark), remark


@pytest.mark.parametrize("title", [*TITLED, *map(str.title, RULES.sensitive.remarks.labels)])
def test_titles_of_subjects_and_clubs_are_labels_and_no_names(title: str) -> None:
    assert [key for key in LABELS if fault(key, title)] == []
    assert fault("surname", title)


@pytest.mark.parametrize("initials", ["FTM", "HBV", "HFU", "HMP", "MTF", "NFA", "RSO", "YOI"])
def test_a_class_is_called_by_the_initials_of_its_teacher(initials: str) -> None:
    for label in (initials, f"7 {initials}", f"7{initials}", f"10/{initials}", f"{initials} 2"):
        assert [key for key in LABELS if fault(key, label)] == []
    for key in ("surname", "address"):
        assert fault(key, initials), key
    for remark in (f"In {initials}", f"Son {initials}", f"Bro in {initials}", f"{initials} 2 wks"):
        assert [key for key in LABELS if not fault(key, remark)] == [], remark
    assert fault("registration-group", f"{initials} Nowak")


@pytest.mark.parametrize("title", RULES.sensitive.remarks.labels)
def test_a_remark_beside_a_title_stands_in_no_label(title: str) -> None:
    stories = set(STORIES) - ALSO_NAMES
    for written in ("{} - {}", "{1} {0}", "13 {}, {}"):
        for key in LABELS:
            passing = [one for one in stories if not fault(key, written.format(title.title(), one))]
            assert passing == []
    for remark in ("- hears voices", "(no contact)", "HIV", "CSE", "SW", "mum", "Jo Smith, bullied"):
        assert fault("house", f"{title.title()} {remark}"), remark
    assert fault("house", f"10{title.title()}1Refuge")


@pytest.mark.parametrize("key", ["surname", "forename", "guardians"])
def test_names_of_people_are_names(key: str) -> None:
    check = RULES.check(key)
    assert check is not None
    assert [name for name in NAMES if check(name) is not None] == []


@pytest.mark.parametrize(
    ("written", "is_one"),
    [
        ("smith", True),
        ("smith, ann", True),
        ("van der berg", True),
        ("ann smith", False),
        ("smith, ann may", False),
    ],
)
def test_in_small_letters_a_name_is_a_word_or_words_with_commas_between(
    written: str, *, is_one: bool
) -> None:
    for key in ("surname", "forename", "full-name", "guardians"):
        assert (fault(key, written) is None) is is_one, key


@pytest.mark.parametrize(
    "written", [one for word in WORDS for way in WAYS.values() if (one := way(word)) != word]
)
def test_a_word_is_found_however_it_is_written(written: str) -> None:
    for key in PLACES:
        check = RULES.check(key)
        assert check is not None
        assert check(written) is not None, (key, written)
        quick = RULES.quick(key, with_queries=True)
        assert written not in quick([written, "Ann", "Brown"])


@pytest.mark.parametrize("word", [*WORDS, "Adopted", "Asthma"])
@pytest.mark.parametrize("form", ["4B{}", "{}4B", "Red{}", "{}House", "12{} Road"])
def test_a_word_is_found_that_is_written_as_one_with_another(word: str, form: str) -> None:
    for key in PLACES:
        assert fault(key, form.format(word)), key
        quick = RULES.quick(key, with_queries=True)
        assert quick is not None
        assert form.format(word) not in quick([form.format(word), "Ann", "Brown"])


@pytest.mark.parametrize(
    "name", ["McCall", "MacBride", "McDonald", "DeShawn", "LeBlanc", "FitzGerald", "DiCaprio"]
)
def test_a_name_with_a_capital_inside_is_a_name(name: str) -> None:
    assert not fault("surname", name)


CASES = (str.title, str.upper, str.lower, str.capitalize)
POSITIONS = ("{}", "{} Brown", "Ann {}", "Ann {} Brown", "12 {} Road")


@pytest.mark.parametrize("key", PLACES)
def test_a_quick_look_finds_nothing_good_that_is_not(key: str) -> None:
    check, quick = RULES.check(key), RULES.quick(key, with_queries=True)
    assert check is not None
    assert quick is not None
    told = RULES.sensitive
    vocabulary = sorted(
        {*told._value_vocabulary, *told._value_stems, *(f"by {w}" for w in told.remarks.places)}
    )
    assert len(vocabulary) > 2_500
    for text in vocabulary:
        written = [position.format(case(text)) for position in POSITIONS for case in CASES]
        good = {one for some in (written, *([one] for one in written)) for one in quick(some)}
        assert [one for one in sorted(good) if check(one) is not None] == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("head", ["Refuge", "Asylum", "Counsellor", "Prison"])
def test_a_heading_is_found_to_be_sensitive_however_it_is_written(head: str, way: str) -> None:
    assert RULES.sensitive.of_name(WAYS[way](head))


@pytest.mark.parametrize(
    "text",
    ["in r.e.f.u.g.e.e camp", "s\u043ecial worker", "\u0430sylum", "\uff21\uff53\uff59\uff4c\uff55\uff4d"],
)
def test_a_text_is_found_to_be_sensitive_however_it_is_written(text: str) -> None:
    assert RULES.sensitive.may_tell(f"Brown\n{text}\nY")
    assert RULES.sensitive.of_cell(text)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("A.K.A. Nowak", False),
        ("Nowak (a.k.a. Brown)", False),
        ("Nowak A.K.A Brown", False),
        ("J.R.R. Nowak", True),
        ("J.A.W. Smith", True),
        ("A.R.E. Smith", True),
        ("C.S.E.", False),
        ("Mia Nowak L.A.C.", False),
        ("Mia L.A.C", False),
        ("Bo C. I. N.", False),
        ("L A C", False),
        ("Nowak, l a c", False),
        ("J. P. Nowak", True),
        ("Nowak J P R", True),
        ("A B Nowak", True),
        ("A.K.A.B. Nowak", True),
        ("T.A.K.A. Nowak", True),
        ("A.K. Nowak", True),
        ("Nowak A.", True),
    ],
)
def test_also_known_as_is_found_with_full_stops_and_no_initials_before_a_surname_are_taken_for_a_word(
    name: str, is_one: bool
) -> None:
    check = RULES.check("surname")
    assert check is not None
    assert (check(name) is None) is is_one
    quick = RULES.quick("surname", with_queries=False)
    assert quick is not None
    assert is_one or name not in quick([name])


@pytest.mark.parametrize("key", ["registration-group", "address"])
@pytest.mark.parametrize(
    "text",
    ["L.A.C.", "L.A.C", "c.i.n", "4B (C.P.P)", "C.S.E.", "a.k.a. Brown", "A.K.A Brown", "L A C", "5B C I N",
     "LAC2", "CIN 2", "Oak CPP1"],
)  # fmt: skip
def test_letters_with_full_stops_are_a_word_in_labels_and_addresses(key: str, text: str) -> None:
    check, quick = RULES.check(key), RULES.quick(key, with_queries=True)
    assert check is not None
    assert quick is not None
    assert check(text) is not None
    assert text not in quick([text])


@pytest.mark.parametrize(
    ("text", "is_sensitive"),
    [
        ("Interim care order", True),
        ("On a care order since May", True),
        ("After care order", False),
        ("Skin care order", False),
        ("Day care order form returned", False),
    ],
)
def test_an_order_of_a_court_is_sensitive_and_no_order_of_goods(text: str, *, is_sensitive: bool) -> None:
    assert bool(RULES.sensitive.of_cell(text)) is is_sensitive


@pytest.mark.parametrize(
    "head", ["D.O.B.", "U.P.N.", "P.E. Set", "Blwyddyn", "Année", "Añejo", "F A O", "A B C D"]
)
def test_a_heading_with_letters_apart_tells_nothing(head: str) -> None:
    assert RULES.sensitive.of_name(head) == ""


LONG = "Saint Mary And Saint John Church Of England Primary School Taunton"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (LONG, False),
        (f"{LONG} 25", True),
        (LONG.lower(), True),
        (f"She left {LONG}", True),
        ("Ann Brown", False),
    ],
)
def test_a_long_name_is_no_story_unless_it_has_figures_or_words_of_sentences(
    text: str, *, is_one: bool
) -> None:
    found = Disclosure(None)
    found.look({text}, RULES)
    assert found.story is is_one
