"""A captured child answers what its attacker likes: that costs its own file, and makes nobody's key of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncssh
import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.classify.identifiers import name_keys
from gateway.examiner.child import ExaminerLost, crash_place
from gateway.examiner.parent import Examiner, Examiners, believable_refusal, persons_of, roll_of
from gateway.examiner.process_pool import CRASHED
from gateway.examiner.protocol import (
    ANSWER,
    PERSONS,
    PUPILS,
    FileRefused,
    NameKeys,
    Numbers,
    OpenRefused,
    Pupils,
    Read,
)
from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.openpgp.certificates import describe
from gateway.processor.service import open_processor
from gateway.registry import keys
from tests.attacks.captured import answering
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.waiting import until
from tests.workshop import Desk, login_of

PATIENCE = 60
CLASSIFIED = {
    "data_type": "school-census", "level": "pupil", "evidence": [], "format": "xml", "extension": "xml",
}  # fmt: skip
# By what is wrong with it, an answer of a classifier that no registry holds.
UNRECORDABLE: dict[str, dict[str, Any]] = {
    "a number that is too large": {**CLASSIFIED, "pupils": 2**80},
    "half a character": {**CLASSIFIED, "format": "\ud800"},
}
REASONS: list[dict[str, Any]] = [
    {"code": "open:old-cipher", "detail": {}},
    {"code": "open:old-cipher", "detail": {"cipher": "x", "code": "y"}},
    {"code": "open:old-cipher", "detail": {"cipher": "x" * 81}},
    {"code": "open:old-cipher", "detail": {"cipher": "x\ny"}},
    {"code": "open:invented"},
    {"code": "person:released"},
]


@dataclass
class Liars(Examiners):
    """Examiners whose children of one kind say what the attacker likes."""

    home: Home
    kind: str
    answer: dict[str, Any]

    def __post_init__(self) -> None:
        super().__init__(self.home)

    def mine(self) -> Examiner:
        examiner = super().mine()
        child = f"_{self.kind}"
        if not hasattr(examiner, "lies"):
            getattr(examiner, child).close()
            setattr(examiner, child, answering(self.home, self.kind, self.answer))
            examiner.lies = True  # type: ignore[attr-defined]
        return examiner


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Where drops are approved at once, which is where a lie about a key would count."""
    with closing(Desk(tmp_path_factory.mktemp("lies"))) as found:
        found._set("rescan_seconds = 5.0", "rescan_seconds = 0.05")
        policy = found.home.policies_in_force / "keys.toml"
        policy.write_text(policy.read_text().replace("approve_drops = false", "approve_drops = true"))
        yield found


@pytest.fixture(scope="module")
def oak(desk: Desk) -> Party:
    return desk.provider("oak", years=THIS_YEAR)


def decided(desk: Desk, reference: str, kind: str, answer: dict[str, Any]) -> list[str]:
    """The codes of what is decided of a file while children lie."""
    stop = threading.Event()
    with open_processor(desk.home, desk.clock, examiners=lambda home: Liars(home, kind, answer)) as processor:
        working = threading.Thread(target=processor.run, args=(stop,))
        working.start()
        try:
            until(lambda: desk.state(reference) not in {"", "landed"}, "a decision", PATIENCE)
        finally:
            stop.set()
            processor.wake()
            working.join(60)
    return desk.codes(reference)


@pytest.mark.long
@pytest.mark.parametrize("what", UNRECORDABLE)
def test_what_cannot_be_recorded_is_held_and_the_next_file_goes_on(desk: Desk, oak: Party, what: str) -> None:
    reference = desk.send(oak, core_data(1))
    answer = {"reference": reference, "content": UNRECORDABLE[what], "kind": "read"}
    assert decided(desk, reference, "classifier", answer) == ["internal:held"]
    later = desk.send(oak, core_data(2))
    desk.process()
    assert desk.state(later) == "accepted"


def read(**texts: str) -> Read:
    """The answer of a classifier with such texts about pupils and persons."""
    told = {"reference": "r", "content": {"code": "x"}, "kind": "read", **texts}
    answer = ANSWER.validate_json(json.dumps(told))
    assert isinstance(answer, Read)
    return answer


UPN, FORMER, BORN, SCHOOL = "A999123420001", "A999123420002", "2016-05-04", "9991234"
PUPIL, NUMBER, KEY = f"{UPN},{BORN},{FORMER},1,1,{SCHOOL}\n", f"{UPN}\n", f"ÅSA|ANN|{BORN}\n"
NO_UPNS = ("", "A99912342000", f"{UPN}1", UPN.lower(), "A99912342000É", f" {UPN}", f"{UPN},{UPN}", f"{UPN}\n")
NO_DAYS = ("2016-5-4", "04/05/2016", f"{BORN}T00:00", "२०१६-05-04", f"{BORN}\n")
NO_ENDS = ("", "\n\n", "\r\n", "\0\n", "\nx", ",\n", "|x\n")
# What no honest classifier says in the place of a part of a line.
LIES = [
    *(("pupils", PUPIL, UPN, upn) for upn in NO_UPNS),
    *(("pupils", PUPIL, FORMER, upn) for upn in NO_UPNS[1:]),
    *(("pupils", PUPIL, BORN, day) for day in NO_DAYS),
    *(("pupils", PUPIL, ",1,1,", f",{flag},1,") for flag in ("", "2", "-1", "True", "1,1", "1\n")),
    *(("pupils", PUPIL, ",1,1,", f",1,{record},") for record in ("", "4294967296", "-1", "1,1", "1\n")),
    *(("pupils", PUPIL, SCHOOL, said) for said in ("99912340", "999/1234", "EY12345", "1,1", "9991234,")),
    *(("numbers", NUMBER, UPN, upn) for upn in NO_UPNS),
    *(("names", KEY, "ANN", name) for name in ("", "ANN BEA", "ANN,BEA", "ANN|BEA", "ANN\n")),
    *(("names", KEY, BORN, day) for day in ("", *NO_DAYS)),
    *(
        (text, line, "\n", end)
        for text, line in (("pupils", PUPIL), ("numbers", NUMBER), ("names", KEY))
        for end in NO_ENDS
    ),
]


@pytest.mark.parametrize(("text", "line", "part", "lie"), LIES)
def test_a_roll_in_another_form_is_no_answer(text: str, line: str, part: str, lie: str) -> None:
    said = line.replace(part, lie, 1)
    assert said != line
    for before in ("", line, 3 * line):
        assert getattr(read(**{text: before + line}), text) == before + line
        with pytest.raises(ValidationError):
            read(**{text: before + said})


def test_no_text_is_longer_than_its_longest_lines_that_are_indexed() -> None:
    (key,) = name_keys(200 * "Å", 200 * "b", "", date(2016, 5, 4))
    pupil = f"{UPN},{BORN},{FORMER},1,123456789,EY123456"
    assert read(pupils=f"{pupil}\n", numbers=NUMBER, names=f"{key}\n")
    for form, line, lines in ((Pupils, pupil, PUPILS), (Numbers, UPN, PERSONS), (NameKeys, key, PERSONS)):
        longest = (len(line) + 1) * lines
        for length, why in ((longest, "string_pattern_mismatch"), (longest + 1, "string_too_long")):
            with pytest.raises(ValidationError, match=why):
                TypeAdapter(form).validate_python(length * "-")


def test_nobody_believes_more_pupils_or_persons_than_are_indexed(desk: Desk) -> None:
    pupil = f"{UPN},,,1,1,\n"
    assert roll_of(read(pupils=PUPILS * pupil), desk.home)
    assert persons_of(read(numbers=(PERSONS - 1) * NUMBER, names=KEY), desk.home)
    with pytest.raises(ExaminerLost):
        roll_of(read(pupils=(PUPILS + 1) * pupil), desk.home)
    for lie in ({"numbers": PERSONS * NUMBER, "names": KEY}, {"names": (PERSONS + 1) * KEY}):
        with pytest.raises(ExaminerLost):
            persons_of(read(**lie), desk.home)


@pytest.mark.parametrize("why", REASONS, ids=str)
def test_a_reason_that_there_is_not_is_not_believed(why: dict[str, Any]) -> None:
    said = FileRefused(reference="261125-oak-ABCDE", why=OpenRefused(**why))
    with pytest.raises(ExaminerLost):
        believable_refusal(said)


def test_nor_does_it_get_around_a_decision(desk: Desk, oak: Party) -> None:
    reference = desk.send(oak, core_data(1))
    answer = {"reference": reference, "why": REASONS[0], "kind": "refused"}
    assert decided(desk, reference, "opener", answer) == ["internal:held"]


@dataclass
class Lie:
    """What a captured judge of drops says of one, and the keys of the provider before."""

    change: str
    kind: str
    fingerprint: str
    material: str
    signed_by: str | None = None

    def of(self, reference: str, desk: Desk) -> dict[str, Any]:
        key = {name: getattr(self, name) for name in ("kind", "fingerprint", "material")}
        signature = {
            "certificate": self.signed_by, "signing_key": self.signed_by, "created_at": desk.now.isoformat(),
        }  # fmt: skip
        return {
            "reference": reference, "kind": "key", "change": self.change,
            "key": {**key, "algorithm": "Ed25519"}, "signature": signature if self.signed_by else None,
        }  # fmt: skip


def lies(desk: Desk, oak: Party) -> dict[str, Lie]:
    mine = asyncssh.generate_private_key("ssh-ed25519")
    line = " ".join(mine.export_public_key().decode().split()[:2])
    certificate = describe(oak.certificate.read_bytes(), desk.now).fingerprint
    return {
        "another key under the fingerprint of one in force": Lie("renewed", "ssh", login_of(oak), line),
        "a key of another fingerprint": Lie("new", "ssh", "SHA256:" + 43 * "A", line, certificate),
        "options before a key": Lie("new", "ssh", mine.get_fingerprint(), f"from=* {line}", certificate),
        "a new key that a stranger signed": Lie("new", "ssh", mine.get_fingerprint(), line, 40 * "a"),
    }


NAMES = [
    "another key under the fingerprint of one in force", "a key of another fingerprint",
    "options before a key", "a new key that a stranger signed",
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_captured_judge_of_drops_makes_no_key_of_its_own(desk: Desk, oak: Party, name: str) -> None:
    before = known(desk)
    shown = desk.home.published.provider("oak") / "authorized_keys"
    reference = desk.land(oak, b"a hostile drop", "key.asc", "keys")
    said = decided(desk, reference, "judge", lies(desk, oak)[name].of(reference, desk))
    assert said == ["internal:held"]
    assert known(desk) == before
    assert shown.read_text().split() == oak.ssh_public.read_text().split()[:2]


def test_a_captured_judge_ratifies_nothing_in_a_strangers_name(desk: Desk) -> None:
    elm = desk.provider("elm")
    reference = desk.land(elm, b"a hostile drop", "agreement.asc", "agreement")
    stranger = {"certificate": 40 * "a", "signing_key": 40 * "a", "created_at": desk.now.isoformat()}
    answer = {"reference": reference, "signature": stranger, "kind": "agreement"}
    assert decided(desk, reference, "judge", answer) == ["internal:held"]


def known(desk: Desk) -> list[tuple[str, str, str]]:
    with desk.registry.read() as session:
        return [(key.fingerprint, key.material, key.state) for key in keys.list_keys(session, "provider")]


def test_where_a_child_crashed_is_told_without_a_word_of_its_own() -> None:
    answer = (
        CRASHED
        + b"KeyError gateway.classify.tables:120 Ann Smith gateway.ann_smith:1 lives gateway.classify.jcq:12"
    )
    assert crash_place(answer) == "KeyError gateway.classify.tables:120 ? ? ? ? gateway.classify.jcq:12"
