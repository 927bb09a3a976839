"""python -m tests.openpgp.fuzz: altered sealed files through the engines; it goes on where it was stopped.

    python -m tests.openpgp.fuzz --engine embedded --count 100000 --state FILE

Mutation n is the same every time. Each must be refused with a code of ours, or open to a content that
was signed as a whole, by that very key: anything else (another content, a fault, an exception, a crash) ends
the run with the number of the mutation. `--first N --count 1` repeats one.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refusal
from gateway.openpgp import packets
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.promise import Opener
from gateway.openpgp.sop import SopOpener
from gateway.reasons import REASONS
from tests.openpgp import vectors
from tests.openpgp.vectors import KEYS, Vector

ENGINES = ("embedded", "sop")
_OURS = ("gateway", "gateway-old", "gateway-rsa", "gateway-p256", "gateway-sequoia")
_MOST_BYTES = 20_000
_SAVED_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Seed:
    """A file that opens, and what it opens to."""

    vector: Vector
    sha256: str
    signer: str


def mutated(number: int, seeds: list[Seed]) -> tuple[Seed, bytes]:
    """The mutation of that number, and the file that it was."""
    dice = random.Random(f"mutation {number}")
    seed = dice.choice(seeds)
    data = bytearray(seed.vector.data)
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        data = dice.choice(MUTATIONS)(dice, data, seeds)
    return seed, bytes(data)


def _place(dice: random.Random, data: bytearray) -> int:
    """Somewhere; more often near the start, where the structure is."""
    size = max(1, len(data))
    return dice.randrange(size) if dice.random() < 0.6 else dice.randrange(min(size, 200))


def _bit(dice: random.Random, data: bytearray, _: list[Seed]) -> bytearray:
    if data:
        data[_place(dice, data)] ^= 1 << dice.randrange(8)
    return data


def _octet(dice: random.Random, data: bytearray, _: list[Seed]) -> bytearray:
    if data:
        data[_place(dice, data)] = dice.choice(
            [0, 1, 2, 3, 127, 128, 192, 223, 254, 255, dice.randrange(256)]
        )
    return data


def _left_out(dice: random.Random, data: bytearray, _: list[Seed]) -> bytearray:
    at = _place(dice, data)
    return data[:at] + data[at + dice.choice([1, 2, 8, 64, 500]) :]


def _put_in(dice: random.Random, data: bytearray, _: list[Seed]) -> bytearray:
    at = _place(dice, data)
    return data[:at] + dice.randbytes(dice.choice([1, 2, 8, 64])) + data[at:]


def _repeated(dice: random.Random, data: bytearray, _: list[Seed]) -> bytearray:
    at, size = _place(dice, data), dice.choice([1, 8, 64, 500])
    return data[: at + size] + data[at : at + size] + data[at + size :]


def _cut(dice: random.Random, data: bytearray, _: list[Seed]) -> bytearray:
    return data[: _place(dice, data)]


def _spliced(dice: random.Random, data: bytearray, seeds: list[Seed]) -> bytearray:
    other = dice.choice(seeds).vector.data
    return data[: _place(dice, data)] + other[dice.randrange(len(other)) :]


def _packets_moved(dice: random.Random, data: bytearray, seeds: list[Seed]) -> bytearray:
    """Whole packets of this file and of another, in another order."""
    found = []
    for one in (bytes(data), dice.choice(seeds).vector.data):
        try:
            found += [one[part.start : part.end] for part in packets.walk(one)]
        except packets.FramingError:
            continue
    return bytearray(b"".join(dice.sample(found, dice.randint(1, len(found))))) if found else data


MUTATIONS: list[Callable[[random.Random, bytearray, list[Seed]], bytearray]] = [
    _bit,
    _bit,
    _octet,
    _octet,
    _left_out,
    _put_in,
    _repeated,
    _cut,
    _spliced,
    _packets_moved,
]


def engine_of(name: str) -> Opener:
    """An engine with every key of the vectors."""
    keys = [KEYS / f"{key}.key" for key in _OURS]
    return EmbeddedOpener(keys) if name == "embedded" else SopOpener(shutil.which("sqop") or "sqop", keys)


def seeds_for(engine: Opener, path: Path) -> list[Seed]:
    """The small vectors that open."""
    found = []
    for vector in vectors.every():
        if vector.expect == "open" and len(vector.data) < _MOST_BYTES:
            said = verdict(engine, vector, vector.data, path)
            if isinstance(said, tuple):
                found.append(Seed(vector, *said))
    return found


def verdict(engine: Opener, vector: Vector, data: bytes, path: Path) -> str | tuple[str, str]:
    """The code of the refusal, or the digest of the content and the key that signed it."""
    path.write_bytes(data)
    try:
        opened = engine.open(path, vector.certificates(), vector.limits, vector.at)
    except Refusal as refusal:
        if (waits := getattr(refusal, "opened", None)) is not None:
            os.close(waits.content)
            return waits.sha256, waits.signature.signing_key
        return refusal.code
    os.close(opened.content)
    return opened.sha256, opened.signature.signing_key


def run(name: str, first: int, count: int, state: Path | None = None) -> Counter[str]:
    """The verdicts on `count` mutations from `first` on. AssertionError at one that is not as it must be."""
    engine, seen = engine_of(name), Counter[str]()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "sealed"
        seeds = seeds_for(engine, path)
        # Packets of several files may make one of them again: it is whole as its sender signed it.
        signed = {(seed.sha256, seed.signer) for seed in seeds}
        for number in range(first, first + count):
            seed, data = mutated(number, seeds)
            try:
                said = verdict(engine, seed.vector, data, path)
            except Exception as error:
                raise AssertionError(f"mutation {number} of {seed.vector.name}: {error!r}") from error
            kept = said in signed if isinstance(said, tuple) else said in REASONS
            assert kept, f"mutation {number} of {seed.vector.name}: {said}"
            seen["open" if isinstance(said, tuple) else said] += 1
            if state is not None and (number + 1) % _SAVED_EVERY == 0:
                state.write_text(str(number + 1))
    if state is not None:
        state.write_text(str(first + sum(seen.values())))
    return seen


def main() -> None:
    """Read the command line, run, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, default="embedded")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--first", type=int)
    parser.add_argument("--state", type=Path, help="where it is noted how far it came")
    given = parser.parse_args()
    first = given.first
    if first is None:
        first = int(given.state.read_text()) if given.state and given.state.exists() else 0
    started = time.monotonic()
    try:
        seen = run(given.engine, first, given.count, given.state)
    except AssertionError as error:
        sys.exit(str(error))
    seconds = time.monotonic() - started
    last = first + sum(seen.values()) - 1
    print(f"{given.engine}: mutations {first} to {last} in {seconds:.0f} s: {dict(seen)}")


if __name__ == "__main__":
    main()
