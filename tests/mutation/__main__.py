"""Run each mutant of a sample against the tests nearest to it: `python -m tests.mutation --count 500`.

What was found is put down in .mutants_cache/code: a run that was interrupted goes on. The seed draws the
sample, and a larger sample has all of a smaller one. Mutants live in copies of the tree. Every 25th run is a
control, without its change, which has to pass. At the end docs/mutants-code.md is written.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.mutation.changes import CORE, Mutant, core
from tests.mutation.nearest import MAP, Nearest, place
from tests.mutation.page import judged, write

_ROOT = Path(__file__).parents[2]
_KEPT = _ROOT / ".mutants_cache" / "code"
# Of tests, to choose from.
_FOLDERS = (
    "record", "registry", "policy", "classify", "openpgp", "intake", "receipts", "log", "verify", "processor",
    "mailboxes", "keys", "views", "ssh", "reports", "agreements", "cli", "layouts", "observe", "corpus",
    "attacks", "evidence", "console", "hand_on", "courier",
)  # fmt: skip
_LEFT = ".venv", ".git", ".*_cache", ".hypothesis", "build", "*.egg-info", ".term-*", ".fuzz-*"
_MOST_SECONDS = 20  # Of tests for one mutant, by the work that they took when they were measured.
_CONTROL = 25
_begun: set[subprocess.Popen[str]] = set()
_GONE = re.compile(r"^ERROR: not found: \S*?/tree/([^\s\[]+)", re.MULTILINE)
_BROWSERS = re.compile(r"playwright|\bhouse: House\b")


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the tree, whose virtual environment has that copy's `gateway`, for isolated children too."""
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        tree, ours = Path(folder, "tree"), Path(sys.prefix)
        shutil.copytree(_ROOT, tree, ignore=shutil.ignore_patterns(*_LEFT), symlinks=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tree / ".venv"], check=True)
        its = tree / ".venv" / "bin"
        for program in (one for one in (ours / "bin").iterdir() if not (its / one.name).exists()):
            first, _, rest = program.read_bytes().partition(b"\n")
            if first.startswith(f"#!{ours}/bin/python".encode()):
                (its / program.name).write_bytes(f"#!{its}/python\n".encode() + rest)
                (its / program.name).chmod(0o755)
            else:
                (its / program.name).symlink_to(program)
        packages = next((ours / "lib").glob("python3*/site-packages"))
        (tree / ".venv" / packages.relative_to(ours) / "copy.pth").write_text(f"{tree}\n{packages}\n")
        yield tree


def run(tree: Path, *words: str, wall: float | None = None, cpu: float = 1e6, **more: str) -> tuple[int, str]:
    """Run pytest in a copy, in a fresh process: its exit status, negative where it was stopped."""
    limited = ["sh", "-c", f'ulimit -t {int(cpu)}; exec "$@"', "sh", str(tree / ".venv/bin/python")]
    with subprocess.Popen(
        [*limited, "-m", "pytest", *words], cwd=tree, env={**_environment(tree), **more}, text=True,
        start_new_session=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        _begun.add(process)
        try:
            said, _ = process.communicate(timeout=wall)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
        _begun.discard(process)
        return process.returncode, said


def _environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{tree / '.venv/bin'}:{os.environ['PATH']}"}


def measured(folders: list[str], minutes: float) -> list[Path]:
    """Measure the files of tests that are new or changed, but for those with browsers; return all known."""
    files = [file for folder in folders for file in sorted((_ROOT / "tests" / folder).rglob("test_*.py"))]
    files = [file for file in files if not _BROWSERS.search(file.read_text("utf-8"))]
    kept = _KEPT / "lines"
    kept.mkdir(parents=True, exist_ok=True)
    if missing := [str(file.relative_to(_ROOT)) for file in files if not place(file, kept).exists()]:
        print(f"measuring {len(missing)} files of tests", flush=True)
        with copied() as tree:
            words = ["-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
            words += ["-p", "tests.mutation.nearest", *missing]
            _, said = run(tree, *words, wall=60 * minutes if minutes else None, **{MAP: str(kept)})
            print(*said.splitlines()[-12:], sep="\n", flush=True)
    return [path for file in files if (path := place(file, kept)).exists()]


def _failed(said: str) -> list[str]:
    """Return the tests that failed, by what pytest said."""
    return re.findall(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)


class Copy:
    """A copy of the tree, and a process of it that has imported the tests."""

    def __init__(self, tree: Path, folders: list[str]) -> None:
        self._tree = tree
        ready = [
            tree / ".venv/bin/python",
            "-m",
            "tests.mutation.ready",
            *(f"tests/{one}" for one in folders),
        ]
        self._ready = subprocess.Popen(
            ready, cwd=tree, env=_environment(tree), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        _begun.add(self._ready)
        self._answered()

    def _answered(self) -> str:
        assert self._ready.stdout is not None
        answer = self._ready.stdout.readline()
        if not answer:
            raise RuntimeError("the tests cannot be imported")
        return answer

    def close(self) -> None:
        self._ready.communicate()
        _begun.discard(self._ready)

    def judge(self, mutant: Mutant | None, file: str, tests: dict[str, float]) -> dict[str, Any]:
        """Run tests on a mutant of a file, or on the file as it is: forked, then anew where it survives."""
        path, begun = self._tree / file, time.monotonic()
        before = path.read_bytes()
        named = self._tree.parent / "tests"
        named.write_text("".join(f"{name}\n" for name in tests))
        words = ["-q", "-x", "-p", "tests.mutation.nearest", "-p", "no:cacheprovider"]
        words += [f"--basetemp={self._tree.parent / 't'}", f"@{named}"]
        cpu, wall = 30 + 10 * sum(tests.values()), 240 + 15 * sum(tests.values())
        try:
            path.write_bytes(mutant.applied(before) if mutant else before)
            shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)  # Two may be as old and as long.
            status, said = 0, ""
            if mutant and mutant.function:
                status, said = self._fork(words, str(path), cpu, wall)
            if status == 0 or (status > 0 and not _failed(said)):  # It survives, or no test has failed.
                status, said = run(self._tree, *words, wall=wall, cpu=cpu)
        finally:
            path.write_bytes(before)
            shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
        if gone := set(_GONE.findall(said)):  # A test that is not there notices nothing.
            left = {name: seconds for name, seconds in tests.items() if name.partition("[")[0] not in gone}
            if not left or left == tests:
                raise RuntimeError(f"tests are named that are not there: {sorted(gone)}")
            return self.judge(mutant, file, left)
        failed = _failed(said)
        found = "timeout" if status < 0 else "survived" if status == 0 else "killed"
        told = {"found": found, "by": failed[0] if status > 0 and failed else "", "tests": len(tests)}
        told["seconds"] = round(time.monotonic() - begun, 1)
        return {**told, "said": said[-500:]} if status > 0 and not failed else told

    def _fork(self, words: list[str], changed: str, cpu: float, wall: float) -> tuple[int, str]:
        out = self._tree.parent / "said"
        asked = {"words": words, "changed": changed, "cpu": cpu, "wall": wall, "out": str(out)}
        assert self._ready.stdin is not None
        self._ready.stdin.write(json.dumps(asked) + "\n")
        self._ready.stdin.flush()
        return json.loads(self._answered()), out.read_text("utf-8", "replace")


class Run:
    """The mutants of one sample: those that are known already, and those that are not."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._seed, self._kept = given.seed, _KEPT / f"{given.seed}.jsonl"
        self._ends = time.monotonic() + 60 * given.minutes
        signal.signal(signal.SIGTERM, self.stop)
        self._nearest = Nearest(measured(given.folders, given.measuring))
        mutants = (one for one in core(_ROOT) if one.file.split("/")[1] in given.rooms)
        self._sample = sorted(mutants, key=lambda one: one.turn(given.seed))[: given.count]
        self._folders: list[str] = given.folders
        self._copies = SimpleQueue[Copy]()
        known = {one["turn"]: one["found"] for one in self.known()}
        again = {"survived"} if given.again else set()
        settled = {*judged(), *judged("killed_elsewhere", "test")}
        self._waiting = [
            one
            for one in self._sample
            if (found := known.get(one.turn(given.seed))) is None
            or (found in again and (one.file, one.function, one.change) not in settled)
        ]
        print(f"seed {given.seed}: {len(self._sample)} mutants, {len(self._waiting)} to run", flush=True)

    def known(self) -> list[dict[str, Any]]:
        """What was found of the sample last, each mutant once, and whether it survived before."""
        lines = self._kept.read_text("utf-8").splitlines() if self._kept.exists() else []
        found: dict[str, dict[str, Any]] = {}
        for one in map(json.loads, lines):
            earlier = found.get(one["turn"], {})
            survived = earlier.get("survived", False) or earlier.get("found") == "survived"
            found[one["turn"]] = {**one, "survived": survived}
        return [found[turn] for one in self._sample if (turn := one.turn(self._seed)) in found]

    def stop(self, *_: object) -> None:
        """End at once: what is under way is not known."""
        self._ends = -1
        for process in _begun:
            os.killpg(process.pid, signal.SIGTERM)
        sys.exit(1)

    def go_on(self, jobs: int) -> None:
        with ExitStack() as copies, ThreadPoolExecutor(jobs) as threads:
            for _ in range(jobs if self._waiting else 0):
                tree = copies.enter_context(copied())
                self._copies.put(copies.enter_context(closing(Copy(tree, self._folders))))
            list(threads.map(self._one, range(1, len(self._waiting) + 1), self._waiting))
        write(self._seed, self.known())

    def _one(self, number: int, mutant: Mutant) -> None:
        tests = self._nearest.to(mutant, _MOST_SECONDS)
        if time.monotonic() > self._ends:
            return
        if not tests:
            raise RuntimeError(f"no test runs anything of {mutant.file}, or near it")
        copy = self._copies.get()
        try:
            control = copy.judge(None, mutant.file, tests) if number % _CONTROL == 0 else None
            if control and control["found"] != "survived":
                raise RuntimeError(f"without any change the tests fail: {control}")
            told = copy.judge(mutant, mutant.file, tests)
        finally:
            self._copies.put(copy)
        if self._ends < 0:
            return
        told |= {"turn": mutant.turn(self._seed), "file": mutant.file, "function": mutant.function}
        told |= {"line": mutant.lines.start, "change": mutant.change}
        with self._kept.open("a", encoding="utf-8") as out:
            out.write(json.dumps(told) + "\n")
        place = f"{mutant.file}:{mutant.lines.start}"
        print(told["found"], told["seconds"], place, mutant.function, mutant.change, told["by"], flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no mutant after so many")
    parser.add_argument(
        "--measuring", type=float, default=0, help="end measuring tests after so many minutes"
    )
    parser.add_argument("--again", action="store_true", help="run survivors anew that nobody has judged")
    parser.add_argument("--rooms", nargs="*", default=CORE, help="to draw from")
    parser.add_argument("--folders", nargs="*", default=_FOLDERS, help="of tests, to choose from")
    given = parser.parse_args()
    Run(given).go_on(given.jobs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
