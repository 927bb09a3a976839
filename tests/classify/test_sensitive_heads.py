"""Heads as offices write them, abbreviated or in Welsh, tell what is sensitive under either agreement."""

import tomllib
from functools import cache

import pytest

from gateway.classify import Rules, load_rules
from gateway.model import Classified
from gateway.policy.catalogue import load_catalogue
from tests.classify import made
from tests.classify.conftest import POLICIES, Classify

HEADS = {
    "safeguarding": "CSE;CSE Risk;CCE;MACE;CP;CP Reg;CPP;EHA;EHAT;MARAC;MASH;S47;FGM;LADO;DSL;"
    "Operation Encompass;Diogelu;Pryder Diogelu;Cam-drin;Amddiffyn Plant;"
    "Cofrestr Amddiffyn Plant;Hunan-niweidio;Hunanladdiad",
    "social care": "SW;SW Name;S/W;Soc Wkr;Allocated SW;CIN;S17;s20;CSC;CSC Ref;FSW;IRO;SGO;SG Order;"
    "Gweithiwr Cymdeithasol;Plentyn mewn Angen;Gofalwr Ifanc",
    "looked-after children": "LAC;CLA;PEP;VSH;UASC;Plentyn sy'n Derbyn Gofal;Derbyn Gofal;Mabwysiadu;Maethu;"
    "Gofalwr Maeth;CIC;Addopted;Mewn Gofal",
    "health": "Meds;Med Cond;Asth;Allerg;Dx;ASC Dx;HV;SALT;GP;Iechyd;Cyflwr Meddygol;Meddyginiaeth;"
    "Alergeddau;Meddyg Teulu;Anabledd;Epilepsi;Beichiog",
    "mental health": "CAMHS;CYPMHS;EBSA;Ed Psych;Gorbryder;Iselder;Cwnsela;Profedigaeth",
    "behaviour": "Beh Pts;Behav;Dets;Incid;RPI;Phys Int;Ymddygiad;Digwyddiadau;Bwlio;Cosb",
    "non-public identifiers": "NINO;NI No;N.I.;Rhif Yswiriant Gwladol;Rhif YG;Rhif GIG;Pasbort",
    "nationality and immigration": "NRPF;BRP;HO Ref;Ceisiwr Lloches;Ffoadur;Cenedligrwydd;Gwlad Enedigol",
    "biometric data": "Biometrig;Olion Bysedd;Ffotograff",
    "offences and the police": "MAPPA;MAPPA Level;YOT;YJS;YOS;Heddlu;Troseddau;Llys",
    "sexuality and gender identity": "Rhywioldeb;Cyfeiriadedd Rhywiol;"
    "Hunaniaeth Rhywedd;Rhagenwau;Trawsryweddol",
    "family and financial circumstances": "DV;DVA;DA;Srt Cd;Sort Code;A/C No;"
    "Acc No;IBAN;BIC;Trais Domestig;Trais yn y Cartref;"
    "Cod Didoli;Rhif Cyfrif;Credyd Cynhwysol;Digartref;Carchar;Ysgariad",
}


@cache
def rules_of(agreement: str) -> Rules:
    return load_rules(POLICIES / agreement)


@pytest.mark.parametrize("agreement", ["somerset", "cwm-alarch"])
@pytest.mark.parametrize("topic", HEADS)
def test_a_head_tells_its_topic(topic: str, agreement: str) -> None:
    sensitive = rules_of(agreement).sensitive
    told = {head: sensitive.of_name(head) for head in HEADS[topic].split(";")}
    assert told == dict.fromkeys(told, topic)


@pytest.mark.parametrize("head", ["GPSscore", "KS2_GPSraw", "CPDhours", "SWEnglish"])
def test_letters_of_a_longer_abbreviation_tell_no_topic(head: str) -> None:
    sensitive = rules_of("somerset").sensitive
    assert sensitive.of_name(head) == ""
    assert sensitive.of_name("LACStatus") == "looked-after children"


@pytest.mark.parametrize("agreement", ["somerset", "cwm-alarch"])
def test_what_is_sensitive_by_the_rights_is_so_where_nobody_recognises_the_file(agreement: str) -> None:
    rules, outside = rules_of(agreement), load_catalogue(POLICIES / agreement).rights.outside
    keys = {key for key, item in rules.others.items() if item.label in outside.sensitive}
    heads = [name for key, name in rules.column_names() if key in keys]
    heads += [name for key in keys for name in rules.others[key].elements]
    assert [head for head in heads if not rules.sensitive.of_name(head)] == []


def test_words_that_are_sensitive_or_codes_in_one_agreement_are_so_in_the_other() -> None:
    one, other = rules_of("somerset"), rules_of("cwm-alarch")
    assert one.sensitive == other.sensitive
    for codes in ("exclusion-reason", "language", "relationship", "religion", "travel-mode", "year-group"):
        assert one.code_sets[codes] == other.code_sets[codes]
    assert other.code_sets["ethnicity"] >= {"PREFER NOT TO SAY", "MIRPURI PAKISTANI", "VIETNAMESE"}
    assert other.column_field("Default Address") == "address"


def test_a_package_takes_no_policies_from_a_link() -> None:
    project = tomllib.loads((POLICIES.parent / "pyproject.toml").read_text("utf-8"))
    places = project["tool"]["setuptools"]["data-files"]
    taken = [path for room in places for one in places[room] for path in POLICIES.parent.glob(one)]
    assert POLICIES / "sensitive.toml" in taken
    assert [path for path in taken if path.is_symlink()] == []
    assert "policies/sensitive.toml" in places["share/gateway/policies/cwm-alarch"]


@pytest.mark.parametrize(
    "head", ["Dydd Llun", "Dosbarth", "Enw", "Cyfenw", "Set", "Detail", "Salutation", "South West"]
)
def test_a_head_that_only_looks_alike_tells_none(head: str) -> None:
    assert rules_of("cwm-alarch").sensitive.of_name(head) == ""


def test_of_many_columns_that_are_not_listed_the_sensitive_ones_are_told_first(classify: Classify) -> None:
    rows = [[*row, *120 * ["q"], "x"] for row in made.core_rows()]
    rows[0][-121:] = [*(f"Zz{n}" for n in range(120)), "CAMHS"]
    found = classify(made.as_csv(rows).encode())
    assert isinstance(found, Classified)
    first, *others, last = found.unlisted
    assert (first.header, first.topic) == ("CAMHS", "mental health")
    assert [one.header for one in others] == [f"Zz{n}" for n in range(99)]
    assert (last.further, last.filled) == (True, 21)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["red", "blue"], "words"),
        (["9", "8"], "numbers"),
        (["A*", "B"], "grades"),
        ([*99 * ["red"], "She told her teacher that her uncle comes at night"], "free text"),
    ],
)
def test_a_column_that_nobody_knows_is_of_a_kind_and_one_text_makes_it_free_text(
    classify: Classify, values: list[str], kind: str
) -> None:
    rows = made.core_rows(100)
    for row, value in zip(rows, ["Zz", *(100 // len(values) * values)], strict=True):
        row.append(value)
    found = classify(made.as_csv(rows).encode())
    assert isinstance(found, Classified)
    assert [(one.header, one.kind) for one in found.unlisted] == [("Zz", kind)]


@pytest.mark.parametrize("header", ["Period From", "Period To", "Notice Period", "Periods Missed"])
def test_a_period_of_a_timetable_tells_of_no_health(rules: Rules, header: str) -> None:
    assert rules.sensitive.of_name(header) == ""


@pytest.mark.parametrize("header", ["Menstruation", "Menstrual Cycle", "Period Pains", "Has Started Periods"])
def test_a_period_of_a_girl_tells_of_health(rules: Rules, header: str) -> None:
    assert rules.sensitive.of_name(header) == "health"
