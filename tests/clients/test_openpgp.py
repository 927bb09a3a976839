"""The judge of the OpenPGP programs: what is as it should be, and what is in bold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.clients.openpgp import table
from tests.clients.openpgp.programs import PROGRAMS, RSA, Act

ACTS = [
    Act("sign and seal"),
    Act("with another signature", change=lambda data: data[:-9] + bytes(9)),
    Act("", to=RSA),
]


def rows(name: str, monkeypatch: pytest.MonkeyPatch, **more: object) -> list[str]:
    program = next(one for one in PROGRAMS if one.name == name)
    changed = replace(program, keys=[replace(program.keys[0], acts=ACTS, **more)])
    monkeypatch.setattr(table, "PROGRAMS", [changed])
    return [line for line in table.page().splitlines() if line.startswith(f"| {name} ")]


@pytest.mark.long
@pytest.mark.needs("sqop")
def test_what_opens_what_does_not_and_what_ought_to(monkeypatch: pytest.MonkeyPatch) -> None:
    key, good, damaged, to_rsa = rows("sqop", monkeypatch)
    assert key.endswith("| enrolled | read | opened |")
    assert good.endswith("| curve25519 | opens | opens |  |")
    assert damaged.endswith("| **`open:damaged`** | **`open:damaged`** |  |")
    assert to_rsa.endswith("| rsa4096 | opens | opens |  |")


@pytest.mark.needs("sqop")
def test_what_was_thought_to_be_impossible_or_refused_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    key = rows("sqop", monkeypatch, reads="it cannot", enrolled="key:weak")[0]
    assert "**enrolled**" in key
    assert "thought to be impossible" in key


def test_a_program_that_is_missing_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    program = replace(PROGRAMS[0], needs=["no-such-program"])
    monkeypatch.setattr(table, "PROGRAMS", [program])
    assert "not here" in table.page()
