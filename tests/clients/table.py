"""docs/clients.md: every SSH and OpenPGP program at hand, what was done with it, and what came of it.

`make clients` runs this. A program that is missing is said to be. It fails where something is not as it
should be, once the page is written.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.clients.bench import Bench
from tests.clients.openpgp import table as openpgp_table
from tests.clients.programs import PROGRAMS


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Every program, its version, what was done and what came of it."""
    for program in PROGRAMS:
        if program.needs and not (shutil.which(program.needs) or Path(program.needs).exists()):
            yield program.name, "not here", "", ""
            continue
        version = program.version()
        for what, act in program.acts.items():
            with tempfile.TemporaryDirectory(prefix="clients-") as folder:
                bench = Bench(Path(folder))
                try:
                    said = act(bench)
                    result = bench.judge(what, said)
                except subprocess.TimeoutExpired:
                    result = "**never ended**"
                finally:
                    bench.running.stop()
            if what in program.known:
                result = f"{result.replace('**', '')}: {program.known[what]}"
            yield program.name, version, what, result
            print(program.name, version, what, result, sep=" · ", file=sys.stderr, flush=True)


INTRODUCTION = """# Which programs get in

What `make clients` did with every SSH program and library that Debian, PyPI and npm provide, against an
intake as it is shipped, and what came of it. What is in bold is not as it should be. A folder is sent whole;
its files land each on its own. What was handed over cannot be taken back: to a program that deletes it, it is
gone.

| program | version | what was done | result |
|---|---|---|---|
"""


def main() -> None:
    """Write the page to the file that is named."""
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows())
    page = INTRODUCTION + lines + openpgp_table.page()
    Path(sys.argv[1]).write_text(page, "utf-8")
    wrong = [line for line in page.splitlines() if line.startswith("|") and "**" in line]
    if wrong:
        sys.exit("not as it should be:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
