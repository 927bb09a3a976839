"""A citation counts only as long as its clause says what it is cited for."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.policy.catalogue import Catalogue, load_unchecked
from gateway.policy.citations import citations, cited_by, clause_texts, due, text_faults
from gateway.reasons import REASONS
from tests.policies import confirm
from tests.policy.conftest import check


def edit(policies: Path, file: str, there: str, instead: str) -> None:
    path = policies / file
    text = path.read_text("utf-8")
    assert there in text
    path.write_text(text.replace(there, instead, 1), "utf-8")


def told(policies: Path) -> list[str]:
    return [str(fault) for fault in check(policies)]


def test_a_clause_that_is_gone_is_told_of_everything_that_cites_it(policies: Path) -> None:
    path = policies / "agreement.toml"
    path.write_text(re.sub(r'^"1\.4" = .*\n', "", path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    faults = told(policies)
    assert any(each.startswith("reasons.toml:") and "no clause 1.4" in each for each in faults)


def test_a_clause_with_another_meaning_waits_until_somebody_has_read_it(policies: Path) -> None:
    edit(
        policies,
        "agreement.txt",
        "3.1. The full list of data covered by this agreement is shown in",
        "3.1. FOI:",
    )
    (fault,) = told(policies)
    assert re.match(r"confirmed\.toml:\d+: clauses\.3\.1: the text of clause 3\.1 has changed", fault)
    assert "reason classify:unknown" in fault
    assert "gateway policy confirm 3.1" in fault
    confirm(policies)
    assert told(policies) == []


def test_short_words_with_another_meaning_wait_as_well(policies: Path) -> None:
    edit(policies, "agreement.toml", "Appendix A is the full list of the data.", "Freedom of information.")
    (fault,) = told(policies)
    assert "the text of clause 3.1 has changed" in fault


def test_text_that_is_only_laid_out_otherwise_needs_no_reading(policies: Path) -> None:
    edit(policies, "agreement.txt", "3.1. The full list of data", "3.1. The full list\n   of data")
    assert told(policies) == []


def test_a_citation_of_another_clause_waits(policies: Path) -> None:
    edit(policies, "reasons.toml", '"policy:suspended" = "5.1"', '"policy:suspended" = "9.3.1"')
    faults = told(policies)
    assert any("nobody has confirmed that clause 9.3.1 says this" in each for each in faults)
    assert any(
        "clause 5.1 was confirmed for reason policy:suspended, which no longer" in each for each in faults
    )


def test_a_clause_that_nobody_has_read_is_one_fault_however_much_rests_on_it(policies: Path) -> None:
    (policies / "confirmed.toml").write_text("")
    (fault,) = [each for each in told(policies) if "that clause 5.1 says this" in each]
    assert re.search(r", for (reason [a-z:-]+, ){2}reason [a-z:-]+ and \d+ more: read it", fault), fault
    checked = CliRunner().invoke(app, ["policy", "check", str(policies)])
    assert f"gateway policy confirm --policies {policies} 5.1" in checked.stdout


def test_each_reason_has_its_clause_and_no_other_code_has_one(policies: Path) -> None:
    edit(policies, "reasons.toml", '"policy:suspended" = "5.1"\n', '"policy:suspendet" = "5.1"\n')
    faults = told(policies)
    assert any("the reason policy:suspended rests on no clause" in each for each in faults)
    assert any("no reason policy:suspendet; perhaps policy:suspended" in each for each in faults)
    edit(policies, "reasons.toml", '"policy:suspendet"', '"policy:embargo"')
    assert any("policy:embargo rests on the clause of the flow" in each for each in told(policies))


def test_a_clause_that_nothing_cites_needs_a_word(policies: Path) -> None:
    edit(policies, "agreement.toml", '"1.1" = "It says what the agreement is."\n', "")
    (fault,) = told(policies)
    assert "nothing rests on clause 1.1: cite it, or say under [uncited] why not" in fault
    uncited = '[uncited]\n"1.1" = "x"\n"1.4" = "x"\n"1.44" = "x"\n"D.1" = "x"\n"14" = "x"\n'
    edit(policies, "agreement.toml", "[uncited]\n", uncited)
    assert [each.partition(": ")[2] for each in told(policies)] == [
        "uncited.1.4: clause 1.4 is cited: take it out here",
        "uncited.1.44: the agreement has no clause 1.44; perhaps 1.4",
        "uncited.D.1: the agreement has no clause D.1",
        "uncited.14: the agreement has no clause 14",
    ]


def test_a_clause_that_the_text_does_not_have_is_told(policies: Path) -> None:
    edit(policies, "agreement.txt", "- 1.4. This", "- 1-4. This")
    assert any("the text has no clause 1.4" in each for each in told(policies))


def test_every_clause_is_found_where_it_is_printed(catalogue: Catalogue) -> None:
    texts = clause_texts(catalogue)
    assert texts.keys() == catalogue.agreement.clauses.keys()
    starts = {"1": "1. What is a Data Exchange Agreement?", "10.8.3": "10.8.3. Informing the data subject"}
    starts |= {
        "11.4": "<u>SEN</u> NHS Number",
        "12.10": "10 FFT Aspire",
        "5.5": "5.5. Sending information by fax",
    }
    for clause, words in starts.items():
        assert texts.get(clause, "").lstrip("- ").startswith(words)


NUMBERS = """\
A. Data
A.1 First
A.1(b) Second
## A.3(b)(ii). Third
3(a) Fourth
12.3.1.4: Fifth
"""


def test_numbers_of_any_form_are_found(catalogue: Catalogue) -> None:
    words = dict.fromkeys(["A", "A.1", "A.1(b)", "A.3(b)(ii)", "3(a)", "12.3.1.4"], "x")
    agreement = catalogue.agreement.model_copy(update={"clauses": words, "printed": {}})
    other = catalogue.model_copy(update={"agreement": agreement, "agreement_text": NUMBERS})
    texts = clause_texts(other)
    assert list(text_faults(other)) == []
    assert texts["A.1"] == "A.1 First"
    assert texts["A.3(b)(ii)"] == "## A.3(b)(ii). Third"
    assert agreement.is_heading("A.1")
    assert not agreement.is_heading("3(a)")


def test_a_clause_without_a_number_is_found_behind_the_table_of_contents(catalogue: Catalogue) -> None:
    agreement = catalogue.agreement.model_copy(
        update={"clauses": {"1": "Pupils", "2": "Schools"}, "printed": {"1": "Of pupils", "2": "Of schools"}}
    )
    text = "Of pupils\nOf schools\n\nOf pupils: first.\nOf schools: second.\n"
    other = catalogue.model_copy(update={"agreement": agreement, "agreement_text": text})
    assert clause_texts(other) == {"1": "Of pupils: first.", "2": "Of schools: second."}


def test_the_command_shows_the_clause_and_asks(policies: Path) -> None:
    edit(
        policies, "agreement.txt", "3.1. The full list of data covered", "3.1. The whole list of data covered"
    )
    command = ["policy", "confirm", "--policies", str(policies)]
    refused = CliRunner().invoke(app, command, input="n\n")
    assert refused.exit_code == 1
    assert "3.1. The whole list of data covered" in refused.output
    assert "reason classify:unknown" in refused.output
    assert "0 clauses confirmed, 1 left" in refused.output
    assert len(told(policies)) == 1
    edit(policies, "agreement.txt", "8.2. Notify the Education", "8.2. Tell the Education")
    stopped = CliRunner().invoke(app, command, input="y\n")  # Then the terminal is gone.
    assert (stopped.exit_code, len(told(policies))) == (1, 1), stopped.output
    assert "1 clause confirmed, 1 left" in stopped.output
    assert CliRunner().invoke(app, command, input="y\n").exit_code == 0
    assert told(policies) == []
    assert CliRunner().invoke(app, [*command, "77.7"]).exit_code == 1


def test_no_home_is_made_of_policies_at_fault(policies: Path, tmp_path: Path) -> None:
    edit(policies, "agreement.txt", "3.1. The full list", "3.1. The whole list")
    asked = ("init", "--organisation", "Anyshire", "--policies", str(policies))
    said = CliRunner().invoke(app, [*asked, "--home", str(tmp_path / "new")])
    assert (said.exit_code, (tmp_path / "new").exists()) == (1, False)
    assert said.stderr == f"gateway: 1 fault in {policies}: gateway policy check {policies} names each\n"


def test_a_folder_of_which_nothing_was_confirmed_can_be(policies: Path) -> None:
    (policies / "confirmed.toml").unlink()
    assert CliRunner().invoke(app, ["policy", "confirm", "--yes", "--policies", str(policies)]).exit_code == 0
    assert told(policies) == []
    assert due(load_unchecked(policies)) == ()
    (policies / "agreement.txt").write_text("Nothing is agreed.\n")
    gone = load_unchecked(policies)
    assert due(gone) == tuple(gone.confirmed.clauses)  # In the order of the agreement.


def test_all_that_rests_on_a_clause_is_counted(catalogue: Catalogue) -> None:
    files = {each.file for each, _ in citations(catalogue)}
    of_one = {"agreement.toml", "reasons.toml", "breach.toml"}
    assert files == {*of_one, "flows.toml", "teams.toml", "rights.toml", "methods.toml"}
    assert "safeguard return-address" in cited_by(catalogue)["5.4.3"]


@pytest.mark.parametrize("code", [code for code, each in REASONS.items() if each.rests_on != "the code"])
def test_what_takes_its_clause_from_elsewhere_stands_in_no_table(code: str, catalogue: Catalogue) -> None:
    with pytest.raises(KeyError):
        catalogue.clause_of(code)
