"""Lines for a SIEM: every one fits the schema, whatever was logged, and the guide tells every field."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import jsonschema
import pytest

from gateway.observe import logs

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "siem.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def line_of(message: str, *args: object, error: Exception | None = None) -> dict[str, object]:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("gateway.x", logging.WARNING, "", 1, message, args, info)
    line: dict[str, object] = json.loads(logs.AsJson().format(record))
    return line


@pytest.mark.parametrize(
    "message",
    [
        "offence code=login-failed address=192.0.2.1 suppressed=0",
        "login provider=oak key=SHA256:abc",
        "landed reference=261124-oak-7K2MX bytes=12",
        "console-login-failed address=192.0.2.1",
        "page sha256=00",
        "a sentence about nothing in particular",
        "a\nb\x1b[31m\u202e",
    ],
)
def test_what_services_log_fits_the_schema(message: str) -> None:
    assert list(VALIDATOR.iter_errors(line_of(message))) == []
    assert list(VALIDATOR.iter_errors(line_of("%s", message, error=ValueError("x\ny")))) == []


def test_a_coded_line_has_the_names_of_ecs() -> None:
    line = line_of("offence code=login-failed address=192.0.2.1 suppressed=3")
    told = {name: line[name] for name in ("event.action", "event.code", "source.ip", "labels.suppressed")}
    assert told == {
        "event.action": "offence", "event.code": "login-failed", "source.ip": "192.0.2.1",
        "labels.suppressed": "3",
    }  # fmt: skip
    assert (line["event.category"], line["event.outcome"]) == (["intrusion_detection"], "failure")
    assert line_of("landed reference=r bytes=12")["file.size"] == 12


@pytest.mark.parametrize(
    "message", ["login provider=oak key=SHA256:abc client=web", "login kind=staff key=x", "console-login"]
)
def test_every_login_is_an_authentication(message: str) -> None:
    line = line_of(message)
    told = (line["event.action"], line["event.category"], line["event.outcome"])
    assert told == (message.split(maxsplit=1)[0], ["authentication"], "success")


def test_a_line_with_anything_else_would_be_found() -> None:
    for change in ({"user": "jane"}, {"message": "a\nb"}, {"labels.x": 1}, {"ecs.version": "9"}):
        assert list(VALIDATOR.iter_errors(line_of("a b=c") | change)) != []


def test_the_guide_tells_every_field_and_no_other() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", (DOCS / "siem.md").read_text("utf-8"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([@a-z._*]+)`", row) if "." in name or "@" in name}
    named = set(SCHEMA["properties"]) | {"labels.*"}
    assert {name for name in told | {"message"} if not name.startswith("gateway")} == named
