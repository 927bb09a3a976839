"""docs/data-protection.md, word by word: each command as it stands there, by the people that it asks for."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import asyncssh
import pytest

from gateway.classify.identifiers import upn_fault
from tests.classify import made
from tests.clock import THIS_YEAR
from tests.content import census
from tests.workshop import Desk

pytestmark = pytest.mark.long

GUIDE = Path(__file__).parents[2] / "docs" / "data-protection.md"
REFERENCE = re.compile(r"\b\d{6}-oak-[0-9A-Z]{5}\b")
CHILD, UPN = made.Child(1), "Y999123420001"


def commands() -> list[tuple[str, bool]]:
    """Each command of the guide, and whether it is one of a second person."""
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [(line.partition("  #")[0].strip(), "# a second person" in line) for line in lines]


@pytest.fixture
def office(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    """A gateway with files for the references of the guide, and its people."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SUDO_USER", raising=False)
    for name in ("jane", "sam"):
        key = tmp_path / f"{name}.pub"
        key.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_public_key())
        desk.gateway("staff", "add", name, "--team", "central-data-team", "--ssh-key", str(key))
    return desk


def test_every_command_works_as_written(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    oak = office.provider("oak", years=THIS_YEAR)
    contents = [
        census(pupils=2),
        census(seed=2, pupils=2),
        made.ctf([made.pupil(CHILD, made.CORE_INSIDE)]).encode(),
    ]
    wanted = list(dict.fromkeys(REFERENCE.findall(GUIDE.read_text("utf-8"))))
    sent = [office.send(oak, content) for content in contents]
    office.process()
    assert len(wanted) == len(sent) == 3
    given = dict(zip(wanted, sent, strict=True))
    said: dict[str, str] = {}
    assert upn_fault(UPN) is None  # Whoever types it is not told of a slip.
    assert UPN in GUIDE.read_text("utf-8")
    for line, second in commands():
        monkeypatch.setenv("GATEWAY_ADMIN", "sam" if second else "jane")
        words = [given.get(word, word) for word in shlex.split(line)]
        words = [CHILD.upn if word == UPN else word for word in words]
        said[line] = office.gateway(*words[1:])
    states = [(office.state(one), office.codes(one)[0]) for one in sent]
    assert states == [
        ("refused", "person:withdrawn-for-good"),
        ("accepted", "person:redelivered"),
        ("accepted", "policy:allowed"),
    ]
    assert office.transfer(sent[1]).teams == ("central-data-team",)
    assert "exclusions" in office.transfer(sent[2]).teams
    found = [text for line, text in said.items() if line.startswith("gateway pupils find --upn")]
    assert sent[2] in found[0]
    assert json.loads(office.gateway("legal-holds", "list", "--json")) != []
    for kind in ("withdrawn", "redelivered"):
        assert kind in office.kinds(sent[1])
    for one, why in ((0, "oak confirms it"), (1, "for this team alone"), (2, "read the order")):
        for report in (("transfers", "show"), ("report", "transfer")):
            assert why in " ".join(office.gateway(*report, sent[one]).split())
    office.gateway("log", "verify")
