"""The sandbox: a supplier tries a client, and gets the outcome that a file's name asks for."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.homes.sandbox import CODES, asked_for, placeholders
from gateway.policy.catalogue import load_catalogue
from gateway.policy.shipped import shipped_policies
from tests import warm
from tests.commands import invoke
from tests.content import core_data
from tests.ending import ending

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("sandbox")
    started = warm.Popen(
        [sys.executable, "-m", "gateway", "sandbox", "--folder", str(made / "s")],
        stdout=warm.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    with ending(started) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("ready intake 127.0.0.1:")
        yield made
        running.terminate()
        assert running.wait(60) == 0


def sent(folder: Path, name: str, content: bytes, code: int) -> dict[str, Any]:
    file = folder / name
    file.write_bytes(content)
    kit = ("--kit", str(folder / "s" / "kit"), "--passphrase-file", str(folder / "s" / "passphrase"))
    result = invoke(None, "send", str(file), *kit, "--json")
    assert result.exit_code == code, result.stderr
    row: dict[str, Any] = json.loads(result.stdout)[0]
    return row


def test_a_name_picks_the_outcome(folder: Path) -> None:
    assert sent(folder, "core.xml", core_data(seed=31), 0)["state"] == "accepted"
    held = sent(folder, "held.policy-other-school.xml", core_data(seed=32), 3)
    assert [reason["code"] for reason in held["reasons"]] == ["policy:other-school"]
    refused = sent(folder, "refused.open-damaged.xml", core_data(seed=33), 1)
    assert [reason["code"] for reason in refused["reasons"]] == ["open:damaged"]
    assert Path(refused["receipt"]).exists()


def test_each_code_that_can_be_asked_for_can_be_told() -> None:
    catalogue = load_catalogue(shipped_policies())
    assert len(CODES) > 50
    for code in CODES:
        assert asked_for(f"held.{code.replace(':', '-')}.xml") == ("held", code)
        assert catalogue.reason(code, **placeholders(code)).sentence
    assert asked_for("held.no-such-thing.xml") is None
