"""python -m tests.openpgp.fuzz: altered sealed files through the engines; it goes on where it was stopped.

    python -m tests.openpgp.fuzz --engine embedded --count 1000000 --state FILE

Mutation n is the same every time: of a file as it lies, or, for every third, of the signed message within,
which is sealed again. Each must be refused with a code of ours, or open to a content that was signed as a
whole, by that very key: anything else (another content, a fault, an exception, a crash) ends the run with
the number of the mutation. `--first N --count N+1 --workers 1` repeats one.
"""

import argparse
import atexit
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from gateway.errors import Refusal
from gateway.openpgp import packets
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.interface import Opener, SealedSource
from gateway.openpgp.layers import SecretKey, unwrapped
from gateway.openpgp.sop import SopOpener
from gateway.reasons import REASONS
from tests.openpgp import vectors
from tests.openpgp.make.sealing import Recipient, session_key, with_digest
from tests.openpgp.vectors import KEYS, Vector

ENGINES = ("embedded", "sop")
_OURS = ("gateway", "gateway-old", "gateway-rsa", "gateway-p256", "gateway-sequoia")
_MOST_BYTES = 20_000
_CURVE25519 = frozenset({"gateway", "gateway-old", "gateway-sequoia"})
_PORTION = 500


@dataclass(frozen=True, slots=True)
class Seed:
    """A file that opens, and what it opens to."""

    vector: Vector
    sha256: str
    signer: str
    message: bytes

    def part(self, *, within: bool) -> bytes:
        """The file, or the signed message within its encryption and compression."""
        return self.message if within else self.vector.data


def mutated(number: int, seeds: list[Seed]) -> tuple[Seed, bytes]:
    """The mutation of that number, and the file that it was."""
    dice = random.Random(f"mutation {number}")
    seed, within = dice.choice(seeds), number % 3 == 0
    parts = [one.part(within=within) for one in seeds]
    data = bytearray(seed.part(within=within))
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        data = dice.choice(MUTATIONS)(dice, data, parts)
    return seed, sealed_again(bytes(data), seed.vector.keys[0]) if within else bytes(data)


def sealed_again(message: bytes, key: str) -> bytes:
    """A message sealed to a key of the vectors, or to `gateway` where that is not of Curve25519."""
    name = key if key in _CURVE25519 else "gateway"
    session = session_key(9, message[:16])
    return recipient(name).wrap(session, 9) + with_digest(message, session)


@cache
def recipient(name: str) -> Recipient:
    """A key of the vectors, to seal to."""
    return Recipient.of((KEYS / f"{name}.asc").read_bytes())


def _place(dice: random.Random, data: bytearray) -> int:
    """Somewhere; more often near the start, where the structure is."""
    size = max(1, len(data))
    return dice.randrange(size) if dice.random() < 0.6 else dice.randrange(min(size, 200))


def _bit(dice: random.Random, data: bytearray, _: list[bytes]) -> bytearray:
    if data:
        data[_place(dice, data)] ^= 1 << dice.randrange(8)
    return data


def _octet(dice: random.Random, data: bytearray, _: list[bytes]) -> bytearray:
    if data:
        data[_place(dice, data)] = dice.choice(
            [0, 1, 2, 3, 127, 128, 192, 223, 254, 255, dice.randrange(256)]
        )
    return data


def _left_out(dice: random.Random, data: bytearray, _: list[bytes]) -> bytearray:
    at = _place(dice, data)
    return data[:at] + data[at + dice.choice([1, 2, 8, 64, 500]) :]


def _put_in(dice: random.Random, data: bytearray, _: list[bytes]) -> bytearray:
    at = _place(dice, data)
    return data[:at] + dice.randbytes(dice.choice([1, 2, 8, 64])) + data[at:]


def _repeated(dice: random.Random, data: bytearray, _: list[bytes]) -> bytearray:
    at, size = _place(dice, data), dice.choice([1, 8, 64, 500])
    return data[: at + size] + data[at : at + size] + data[at + size :]


def _cut(dice: random.Random, data: bytearray, _: list[bytes]) -> bytearray:
    return data[: _place(dice, data)]


def _spliced(dice: random.Random, data: bytearray, parts: list[bytes]) -> bytearray:
    other = dice.choice(parts)
    return data[: _place(dice, data)] + other[dice.randrange(len(other)) :]


def _packets_moved(dice: random.Random, data: bytearray, parts: list[bytes]) -> bytearray:
    """Whole packets of this file and of another, in another order."""
    found = []
    for one in (bytes(data), dice.choice(parts)):
        try:
            found += [one[part.start : part.end] for part in packets.walk(one)]
        except packets.FramingError:
            continue
    return bytearray(b"".join(dice.sample(found, dice.randint(1, len(found))))) if found else data


MUTATIONS: list[Callable[[random.Random, bytearray, list[bytes]], bytearray]] = [
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
    found, keys = [], [SecretKey((KEYS / f"{key}.key").read_bytes()) for key in _OURS]
    for vector in vectors.every():
        if vector.expect == "open" and len(vector.data) < _MOST_BYTES:
            said = verdict(engine, vector, vector.data, path)
            if isinstance(said, tuple):
                found.append(Seed(vector, *said, _within(path, vector, keys) or found[0].message))
    return found


def _within(path: Path, vector: Vector, keys: list[SecretKey]) -> bytes | None:
    """The signed message in a file; None where only a program knows its cipher."""
    try:
        return unwrapped(
            SealedSource.at(path, vector.limits).read(vector.limits), keys, vector.limits
        ).message
    except Refusal:
        return None


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


def run(name: str, first: int, count: int) -> Counter[str]:
    """The verdicts on `count` mutations from `first` on. AssertionError at one that is not as it must be."""
    engine, seeds, path = _bench(name)
    # Packets of several files may make one of them again: it is whole as its sender signed it.
    signed = {(seed.sha256, seed.signer) for seed in seeds}
    seen = Counter[str]()
    for number in range(first, first + count):
        seed, data = mutated(number, seeds)
        try:
            said = verdict(engine, seed.vector, data, path)
        except Exception as error:
            raise AssertionError(f"mutation {number} of {seed.vector.name}: {error!r}") from error
        kept = said in signed if isinstance(said, tuple) else said in REASONS
        assert kept, f"mutation {number} of {seed.vector.name}: {said}"
        seen["open" if isinstance(said, tuple) else said] += 1
    return seen


@cache
def _bench(name: str) -> tuple[Opener, list[Seed], Path]:
    """An engine, the files that it opens, and where to lay what it shall open; once a process."""
    folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    atexit.register(folder.cleanup)
    engine, path = engine_of(name), Path(folder.name) / "sealed"
    return engine, seeds_for(engine, path), path


def in_rounds(
    name: str, first: int, last: int, workers: int, deadline: float
) -> Iterator[tuple[int, Counter[str]]]:
    """Mutations from `first` on in several processes: after each round, which is next and what was seen."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        while first < last and time.monotonic() < deadline:
            starts = range(first, min(last, first + workers * _PORTION), _PORTION)
            jobs = [pool.submit(run, name, at, min(_PORTION, last - at)) for at in starts]
            seen = sum((job.result() for job in jobs), Counter[str]())
            first += sum(seen.values())
            yield first, seen


def main() -> None:
    """Read the command line, run, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, default="embedded")
    parser.add_argument(
        "--count", type=int, default=20_000, help="up to which mutation, with those done before"
    )
    parser.add_argument("--first", type=int)
    parser.add_argument("--state", type=Path, help="where it is noted how far it came")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to stop")
    given = parser.parse_args()
    first = given.first
    if first is None:
        first = int(given.state.read_text()) if given.state and given.state.exists() else 0
    started, came, seen = time.monotonic(), first, Counter[str]()
    try:
        for came, more in in_rounds(given.engine, first, given.count, given.workers, started + given.seconds):
            seen += more
            if given.state is not None:
                given.state.write_text(str(came))
    except AssertionError as error:
        sys.exit(str(error))
    except BrokenProcessPool:
        sys.exit(f"{given.engine}: a process was lost at a mutation from {came} on")
    seconds = time.monotonic() - started
    print(f"{given.engine}: mutations {first} to {came - 1} in {seconds:.0f} s: {dict(seen)}")


if __name__ == "__main__":
    main()
