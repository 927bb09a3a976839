"""Isolated children that run what an attacker sends, as if a parser in them had been taken over.

They are started, told and confined as in production; only what they do with a request is the attacker's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.examiner.child import Child
from gateway.examiner.protocol import (
    OPENER_SETUP,
    READER_SETUP,
    OpenerSetup,
    ReaderSetup,
)
from gateway.home import Home
from gateway.home.settings import Limits, ProcessorSettings
from gateway.openpgp.interface import Content
from gateway.secrets.secret_files import openpgp_secrets
from tests.sealed import sealed_file

# What an attacker brings along is loaded before the doors close: that it cannot be later is no defence.
_TAKEN_OVER = """
import ctypes, gc, json, mmap, os, resource, signal, socket, subprocess, sys, threading, time
import gateway.examiner.{module} as child

def captured(*asked):
    message, descriptors = asked[-2:]
    attack, known = json.loads(message)
    found = {{}}
    try:
        exec(attack, {{**globals(), **known, "content": descriptors[0], "found": found}})
    except BaseException as error:
        found["refused"] = type(error).__name__
    return json.dumps(found).encode(), ()

child.{worker} = captured
child.serve(child.prepared)
"""


# The opener is honest here; what it starts, as it starts a SOP program, runs what the attacker sends.
_PROGRAM_TAKEN_OVER = """
import os
import gateway.examiner.opener as child
from gateway.zones.memory import in_memory
from gateway.openpgp.sop import limit, started

_IN_PROGRAM = '''
import ctypes, json, mmap, os, resource, signal, socket, subprocess, sys, threading, time
attack, known = json.load(open(int(sys.argv[1]), "rb"))
found = {{}}
try:
    exec(attack, {{**globals(), **known, "content": 0, "found": found}})
except BaseException as error:
    found["refused"] = type(error).__name__
os.write(1, json.dumps(found).encode())
'''

def with_a_captured_program(self, message, descriptors):
    asked = in_memory(message)
    program = started([{program!r}, "-I", "-c", _IN_PROGRAM, str(asked)], descriptors[0], [asked])
    with program:
        limit(program.pid, self.limits)
        return program.stdout.read(), ()

child.usable = lambda settings: settings  # It is no SOP program, which is why it is not used.
child.{worker} = with_a_captured_program
child.serve(child.prepared)
"""

# It says the same whatever it is asked, and gives back what it was given.
_LYING = """
import gateway.examiner.{module} as child

def lying(*_):
    return {answer!r}, ()

child.{worker} = lying
child.serve(child.prepared)
"""


def _child(module: str, setup: bytes, code: str = _TAKEN_OVER, **known: object) -> Child:
    worker = "Opening.work" if module == "opener" else "work"
    return Child(("-c", code.format(module=module, worker=worker, **known)), lambda: setup, lambda: None)


def answering(home: Home, module: str, answer: dict[str, Any]) -> Child:
    """A child of that kind that gives one answer, whatever it is asked."""
    setups = {"opener": _opener_setup, "classifier": _reader_setup, "judge": _reader_setup}
    setup = setups[module](home)
    return _child(module, setup, _LYING, answer=json.dumps(answer).encode())


def captured_opener(home: Home, engine: str) -> Child:
    """An opener that holds the secrets of `home`."""
    return _child("opener", _opener_setup(home, engine))


def captured_program(home: Home, program: str) -> Child:
    """What an opener starts as its SOP program: `program`, which runs what an attacker sends."""
    return _child("opener", _opener_setup(home, "sop", program), _PROGRAM_TAKEN_OVER, program=program)


def captured_classifier(home: Home) -> Child:
    """A classifier with the rules of `home`."""
    return _child("classifier", _reader_setup(home))


def _opener_setup(home: Home, engine: str = "embedded", program: str = "sqop") -> bytes:
    secrets = {fingerprint: secret.decode() for fingerprint, secret in openpgp_secrets(home).items()}
    settings = ProcessorSettings.model_validate({"engine": engine, "sop_program": program})
    setup = OpenerSetup(secrets=secrets, settings=settings, limits=Limits().open, proved=None)
    return OPENER_SETUP.dump_json(setup)


def _reader_setup(home: Home) -> bytes:
    return READER_SETUP.dump_json(ReaderSetup(rules=home.policies_in_force.absolute(), limits=Limits()))


def captured_judge(home: Home) -> Child:
    """A judge of drops."""
    return _child("judge", _reader_setup(home))


def captured_viewer(home: Home) -> Child:
    """A viewer with the rules of `home`."""
    return _child("viewer", _reader_setup(home))


@contextmanager
def a_content(data: bytes = b"one content") -> Iterator[int]:
    """A content as an opener gives it."""
    with Content(1024) as content:
        content.write(data)
        descriptor, *_ = content.finish()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def run_in(child: Child, attack: str, known: dict[str, Any], *, owner: str = "mallory") -> dict[str, Any]:
    """What an attack found, in a child that took a file of `owner`."""
    with a_content() as content:
        answer, given = child.ask(owner, json.dumps([attack, known]).encode(), [content], 20)
    for descriptor in given:
        os.close(descriptor)
    found: dict[str, Any] = json.loads(answer)
    return found


def everything_worth_having(home: Home) -> dict[str, Path]:
    """By what it is, every kind of file that a captured child would want to read."""
    return {
        "the secret OpenPGP keys": next((home.keys / "openpgp").glob("*.asc")),
        "the log's key": home.keys / "log.pem",
        "the key of the pupils' digests": home.keys / "pupil-index.key",
        "the settings": home.settings,
        "the registry": home.registry,
        "the policies": home.policies_in_force / "flows.toml",
        "another provider's file": sealed_file(home, "261125-oak-ABCDE"),
        "the users of the machine": Path("/etc/passwd"),
    }
