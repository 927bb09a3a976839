"""A SOP program proves itself, or is refused with the name of the vector that it gets wrong."""

import shutil
import sys

import pytest

from gateway.errors import ConfigurationError, Fault
from gateway.home.settings import ProcessorSettings
from gateway.openpgp import self_test
from gateway.openpgp.engines import find_opener, prove_program
from tests.openpgp import vectors

GOOD = vectors.read(vectors.FOLDER / "gpg-default.txt")
WRONG = {
    "gosop": {
        "names-the-subkey",
        "text-as-it-was",
        "names-no-issuer",
        "subkey-by-sha1",
        "subkey-back-by-sha1",
        "by-sha1",
    },
    "rsop": {"signature-ended", "meant-for-others", "names-no-issuer", "subkey-back-of-wrong-type"},
}


@pytest.mark.needs("sqop")
def test_sqop_proves_itself():
    self_test.check(shutil.which("sqop"))
    assert len(self_test.proof().vectors) >= 30


@pytest.mark.parametrize("program", [pytest.param(name, marks=pytest.mark.needs(name)) for name in WRONG])
def test_other_programs_are_refused_by_the_name_of_what_they_get_wrong(program):
    path = shutil.which(program)
    wrong = {vector.name for vector in self_test.proof().vectors if not self_test.passes(path, vector)}
    assert wrong == WRONG[program]
    with pytest.raises(ConfigurationError) as refused:
        self_test.check(path)
    first = next(vector.name for vector in self_test.proof().vectors if vector.name in wrong)
    assert f"it gets {first} wrong" in str(refused.value)


@pytest.mark.needs("gosop")
def test_no_file_is_opened_by_a_program_that_does_not_prove_itself(tmp_path):
    (tmp_path / "sealed").write_bytes(GOOD.data)
    opener = find_opener(ProcessorSettings(engine="sop", sop_program="gosop"), GOOD.key_files())
    with pytest.raises(ConfigurationError, match="names-the-subkey"):
        opener.open(tmp_path / "sealed", GOOD.certificates(), GOOD.limits, GOOD.at)


def program(folder, body: str) -> str:
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_one_that_says_yes_to_everything_is_refused(tmp_path):
    yes = program(
        tmp_path,
        "import os, sys\n"
        "out = next(a.split('@FD:')[1] for a in sys.argv if a.startswith('--verifications-out'))\n"
        "os.write(int(out), b'2026-03-02T11:00:00Z ' + b'a' * 40 + b' ' + b'a' * 40)\n",
    )
    with pytest.raises(ConfigurationError, match="it gets signed wrong"):
        self_test.check(yes)


def test_one_that_says_no_to_everything_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="it gets signed wrong"):
        self_test.check(program(tmp_path, "raise SystemExit(29)"))


def test_one_that_crashes_cannot_be_asked(tmp_path):
    with pytest.raises(Fault):
        self_test.check(program(tmp_path, "import os; os.abort()"))
    with pytest.raises(Fault):
        self_test.check(str(tmp_path / "nowhere"))


def test_one_that_was_replaced_is_asked_again(tmp_path):
    path = program(tmp_path, "raise SystemExit(29)")
    with pytest.raises(ConfigurationError):
        self_test.check(path)
    with pytest.raises(Fault):
        self_test.check(program(tmp_path, "import os; os.abort()  # another one"))


def test_nothing_is_asked_where_no_program_is_used():
    prove_program(ProcessorSettings(engine="embedded", sop_program="gosop"))
    prove_program(ProcessorSettings(sop_program="no-such-program"))
