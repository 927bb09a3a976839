"""Commands, options and fields that programs outside this project rely on: none may go or change its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from gateway.cli.app import COMMAND
from tests.content import core_data
from tests.workshop import Desk

CONTRACT = {
    "init": "--organisation",
    "run": "--intake-port --mailboxes-port --console-port",
    "serve intake": "", "serve mailboxes": "", "serve console": "", "serve courier": "", "serve web": "",
    "process": "--once",
    "doctor": "",
    "providers add": "--name --kind --ssh-key --openpgp-key",
    "providers list": "--json", "providers show": "", "providers suspend": "",
    "providers import": "--dry-run", "providers close": "", "providers convert": "--kind",
    "providers merge": "--why", "providers invite": "",
    "keys list": "--json", "keys add": "", "keys retire": "", "keys revoke": "--reason", "keys confirm": "",
    "keys gateway rotate": "", "keys gateway export": "",
    "staff add": "--team --ssh-key", "staff list": "--json", "staff remove": "", "staff set": "",
    "staff invite": "",
    "agreement ratify": "--signatory --on", "agreement status": "--json", "agreement text": "",
    "transfers list": "--state --provider --json", "transfers show": "--json",
    "transfers withdraw": "--why", "transfers redeliver": "--team --why", "transfers open": "--why",
    "held list": "--json", "held release": "--why --as --team", "held refuse": "--why",
    "held return": "--advice",
    "receipts show": "", "receipts verify": "--gateway-key",
    "flows list": "--json", "flows status": "--provider --on --json",
    "declare": "--method --provider --data --safeguard",
    "log verify": "", "log head": "", "log prove": "",
    "classify": "--json",
    "policy check": "", "policy explain": "", "policy test": "--as --on", "policy diff": "",
    "policy pack install": "", "policy pack list": "--json",
    "discrepancies list": "--json", "discrepancies show": "", "discrepancies resolve": "",
    "samples": "--seed --pupils --errors",
    "demo": "", "sandbox": "",
    "pupils find": "--upn",
    "year open": "",
    "letters preview": "--json", "letters list": "--json", "letters send": "",
    "send": "", "send setup": "", "send watch": "", "send status": "", "send renew": "", "send rotate": "",
    "send revoke": "", "send receipts": "",
    "hosts list": "--json", "hosts add": "", "hosts join": "", "hosts remove": "",
    "upgrade": "--dry-run --undo",
    "report assurance": "",
}  # fmt: skip


@pytest.mark.parametrize("command", CONTRACT)
def test_each_command_of_the_contract_is_there_with_its_options(command: str) -> None:
    found: Any = COMMAND
    context = click.Context(found)
    for word in command.split():
        inner = found.get_command(context, word)
        assert inner is not None, f"gateway {command}"
        found, context = inner, click.Context(inner, parent=context)
    options = {name for parameter in found.params for name in parameter.opts}
    assert set(CONTRACT[command].split()) <= options


def test_files_are_listed_and_told_for_programs_with_the_fields_of_the_contract(
    desk: Desk, tmp_path: Path
) -> None:
    desk.send(desk.provider("oak"), core_data())
    desk.process()
    (row,) = json.loads(desk.gateway("transfers", "list", "--json"))
    who = {"reference", "provider", "name", "sha256", "size", "landed_at"}
    assert who | {"state", "flow", "teams", "decided_at", "reasons"} <= set(row)
    assert row["landed_at"].endswith(("Z", "+00:00"))
    assert all(set(reason) >= {"code", "clause", "sentence", "next_step"} for reason in row["reasons"])
    file = tmp_path / "core.xml"
    file.write_bytes(core_data())
    (told,) = json.loads(desk.gateway("classify", str(file), "--json"))
    assert {"file", "data_type", "level", "evidence", "runner_up", "pupils", "findings", "items"} <= set(told)
