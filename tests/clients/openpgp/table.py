"""The part of docs/clients.md about OpenPGP programs: their keys, and their files through both engines."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.errors import Refusal
from tests.clients.openpgp.bench import CONTENT, RECEIPT, TOLD, Bench, CannotDo, Gateway, Party
from tests.clients.openpgp.programs import CANNOT, ENROLLED, PROGRAMS, Act, KeyKind, Program

INTRODUCTION = """
# Which OpenPGP programs are understood

The same for every OpenPGP program and library at hand, each with keys that it made itself. First the keys: is
one enrolled, does the program read a receipt, and does it open a copy that the gateway seals to it?

| program | version | key | enrolment | a receipt | a copy |
|---|---|---|---|---|---|
"""
FILES = """
Then its files, each signed by it and sealed to the gateway's key of Curve25519 or RSA, through both engines.

| program | version | key | what was done | sealed to | embedded | sqop | why |
|---|---|---|---|---|---|---|---|
"""


def page(wanted: str = "") -> str:
    """Both tables, of the programs whose names contain `wanted`."""
    keys: list[str] = []
    files: list[str] = []
    for program in PROGRAMS:
        if wanted.lower() in program.name.lower():
            for row, of_files in _rows(program):
                line = f"| {' | '.join(row)} |\n"
                (files if of_files else keys).append(line)
                print(*row, sep=" \u00b7 ", file=sys.stderr, flush=True)
    return INTRODUCTION + "".join(keys) + FILES + "".join(files)


def _rows(program: Program) -> Iterator[tuple[list[str], bool]]:
    """The rows of one program; True for those about files."""
    if not all(shutil.which(str(need)) or Path(need).exists() for need in program.needs):
        yield [program.name, "not here", *[""] * 4], False
        return
    version = program.version()
    for key in program.keys:
        with tempfile.TemporaryDirectory(prefix="clients-") as folder:
            bench = Bench(Path(folder))
            place = Path(folder) / "theirs"
            place.mkdir()
            party = program.party(place, key.kind, bench)
            try:
                start = [program.name, version, key.name]
                yield [*start, *_of_key(bench, party, key)], False
                for act in key.acts:
                    yield [*start, *_of_file(bench, party, act)], True
            finally:
                getattr(party, "close", lambda: None)()


def _of_key(bench: Bench, party: Party, key: KeyKind) -> list[str]:
    try:
        bench.enrolled(party.certificate)
        enrolled = ENROLLED
    except Refusal as refusal:
        enrolled = refusal.code
    shown = _judged(enrolled, key.enrolled)
    if enrolled != ENROLLED:
        return [shown, "", ""]
    gateway = bench.gateways[key.gateway]
    receipt, copy = bench.receipt(key.gateway), bench.sealed_to(party.certificate, key.gateway)
    return [
        shown,
        _done(
            lambda: _lines(party.read(receipt, gateway.certificate)) == RECEIPT.splitlines(),
            "read",
            key.reads,
        ),
        _done(lambda: party.open(copy, gateway.certificate) == CONTENT, "opened", key.opens),
    ]


def _lines(text: bytes) -> list[str]:
    return text.decode("utf-8").splitlines()


def _done(act: Callable[[], bool], word: str, cannot: str) -> str:
    """What came of an act that is to give the very same: its word, or why it is known not to work."""
    try:
        came = word if act() else "something else came out"
    except CannotDo as error:
        came = str(error)
    if came == word:
        return _judged(word, word) if not cannot else f"**{word}, and it was thought to be impossible**"
    return cannot or f"**{_cell(came)}**"


def _of_file(bench: Bench, party: Party, act: Act) -> list[str]:
    gateway: Gateway = bench.gateways[act.to]
    try:
        sealed = party.seal(bench.content, gateway.certificate, *act.how)
        if act.change is not None:
            sealed = act.change(sealed)
        at = datetime.now(UTC) + timedelta(days=act.after_days)
        verdicts = bench.verdicts(act.to, sealed, party.certificate, at)
    except CannotDo:
        verdicts = [CANNOT, CANNOT]
    return [act.what, act.to, *(_judged(verdict, act.expect) for verdict in verdicts), act.why]


def _judged(came: str, expected: str) -> str:
    words = {TOLD: "opens", CANNOT: "not made", ENROLLED: "enrolled"}
    shown = words.get(came, f"`{came}`" if ":" in came else came)
    return shown if came == expected else f"**{_cell(shown)}**"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")[:150]


if __name__ == "__main__":
    print(page(*sys.argv[1:]))
