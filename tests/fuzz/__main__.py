"""Fuzz each target for its part of the time, guided by coverage; the corpus is kept, and gone on with.

    python -m tests.fuzz [--seconds 600] [--corpus .fuzz-corpus] [TARGET...]

Needs atheris, which instruments the gateway's own code. Exit 1 where an input was found that a parser does
not stand: it lies beside the corpus, as `crash-…`, `timeout-…` or `oom-…`.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run every target in a process of its own: libFuzzer ends the process that it runs in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz-corpus"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return _fuzz(given.one, given.corpus / given.one, given.seconds)
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - the child imports it instrumented

    names = given.targets or list(TARGETS)
    failed = []
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz", "--one", name, "--corpus", str(given.corpus)]
        done = subprocess.run([*command, "--seconds", str(max(1, given.seconds // len(names)))], check=False)
        if done.returncode:
            failed.append(name)
    print("found:", *failed) if failed else print("nothing found")
    return 1 if failed else 0


def _fuzz(name: str, corpus: Path, seconds: int) -> int:
    import atheris  # noqa: PLC0415 - no dependency of the suite

    with atheris.instrument_imports(include=["gateway"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented as it is imported

        target, seeds = TARGETS[name]
        found = seeds()
        for seed in found:  # Modules that are imported only where they are needed are instrumented too.
            target(seed)
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in found:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    limits = (f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=3000", "-max_len=65536")
    atheris.Setup(
        [sys.argv[0], *limits, "-print_final_stats=1", f"-artifact_prefix={corpus.parent}/", str(corpus)],
        target,
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
