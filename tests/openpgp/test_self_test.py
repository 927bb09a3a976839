"""A SOP program proves itself, or is refused with the name of the vector that it gets wrong."""

import hashlib
import json
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError, Fault
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Job
from gateway.home.settings import ProcessorSettings, load_settings
from gateway.openpgp import self_test
from gateway.openpgp.engines import (
    find_opener,
    mark_proved,
    program_file,
    prove_program,
    proved_program,
    usable,
)
from gateway.openpgp.interface import Content
from tests.openpgp import vectors
from tests.workshop import Workshop, fresh

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
    assert len(self_test.vectors()) >= 30


@pytest.mark.parametrize("program", [pytest.param(name, marks=pytest.mark.needs(name)) for name in WRONG])
def test_other_programs_are_refused_by_the_name_of_what_they_get_wrong(program):
    path = shutil.which(program)
    wrong = {vector.name for vector in self_test.vectors() if not self_test.passes(path, vector)}
    assert wrong == WRONG[program]
    with pytest.raises(ConfigurationError) as refused:
        self_test.check(path)
    first = next(vector.name for vector in self_test.vectors() if vector.name in wrong)
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


def test_the_embedded_engine_takes_its_place_unless_the_settings_demand_it(tmp_path: Path) -> None:
    settings = ProcessorSettings(engine="auto", sop_program=program(tmp_path, "raise SystemExit(29)"))
    assert usable(settings) == settings.model_copy(update={"engine": "embedded"})
    with pytest.raises(ConfigurationError, match="it gets signed wrong"):
        usable(settings.model_copy(update={"engine": "sop"}))


def test_one_that_writes_without_end_is_refused(tmp_path):
    """As unfit, and not as if the file of whoever is waiting were too large."""
    with pytest.raises(ConfigurationError, match="is not to be trusted"):
        self_test.check(program(tmp_path, "import os\nwhile True: os.write(1, bytes(1024 * 1024))"))


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


@pytest.mark.needs("sqop")
def test_an_opener_does_not_ask_a_program_that_the_service_has_asked(desk: Workshop, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    path = tmp_path / "program"
    path.write_text(f'#!/bin/sh\necho called >> {calls}\nexec sqop "$@"\n')
    path.chmod(0o755)
    file = desk.home.settings
    file.write_text(file.read_text().replace('sop_program = "sqop"', f'sop_program = "{path}"'))
    settings = load_settings(desk.home).processor
    job = Job(reference="261127-oak-00001", name="data.csv", senders=(), others=(), now=desk.now)
    for asks in (True, False):  # Nobody has asked it when the first of two openers starts.
        with closing(Examiner(desk.home)) as examiner, Content(len(GOOD.data)) as sealed:
            sealed.write(GOOD.data)
            examiner.look(job, sealed.finish()[0])
        assert calls.exists() is asks
        prove_program(settings)
        calls.unlink(missing_ok=True)


def test_a_program_in_the_place_of_one_that_was_believed_is_asked(tmp_path: Path) -> None:
    settings = ProcessorSettings(engine="sop", sop_program=program(tmp_path, "raise SystemExit(29)"))
    file = program_file(settings)
    assert file is not None
    assert proved_program(settings) is None
    mark_proved(file)
    assert proved_program(settings) == file
    prove_program(settings)
    program(tmp_path, "raise SystemExit(29)  # another one")
    assert proved_program(settings) is None
    with pytest.raises(ConfigurationError, match="it gets signed wrong"):
        prove_program(settings)


@pytest.mark.needs("sqop")
def test_where_a_program_opens_no_compressed_message_the_embedded_engine_opens_all(
    desk: Workshop, tmp_path: Path
) -> None:
    """Such is the sqop of Ubuntu 26.04. The stand-in takes every other vector to Debian's."""
    (vector,) = (one for one in self_test.vectors() if one.name == "compressed")
    refused = hashlib.sha256(vector.sealed).hexdigest()
    path = program(
        tmp_path,
        "import hashlib, os, sys\n"
        f"if hashlib.sha256(os.pread(0, 2**20, 0)).hexdigest() == {refused!r}:\n"
        "    sys.exit(41)\n"
        "os.execvp('sqop', ['sqop', *sys.argv[1:]])",
    )
    file = desk.home.settings
    file.write_text(file.read_text().replace('sop_program = "sqop"', f'sop_program = "{path}"'))
    reference = desk.send(desk.provider("oak"), fresh())
    desk.process()
    assert desk.transfer(reference).engine == "embedded"
    complaints = json.loads(desk.gateway("doctor", "--json", code=0))
    (told,) = (one for one in complaints if "gets compressed wrong" in one["what"])
    assert told["severity"] == "warning"
    assert "the embedded engine opens files, and none of over 64 MiB" in told["what"]
    file.write_text(file.read_text().replace('engine = "auto"', 'engine = "sop"'))
    complaints = json.loads(desk.gateway("doctor", "--json", code=1))
    assert [one["severity"] for one in complaints if "gets compressed wrong" in one["what"]] == ["fault"]
