"""Commands from standard input, run one after another in this process, by whatever clock it was given.

As JSON: a list of command lines comes in; out goes, for each, its exit code and what it printed.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from tests.commands import invoke

if __name__ == "__main__":
    done = []
    for line in json.load(sys.stdin):
        result = invoke(Path("gateway-home"), *shlex.split(line, comments=True)[1:])
        done.append([result.exit_code, result.stdout, result.stderr])
    json.dump(done, sys.stdout)
