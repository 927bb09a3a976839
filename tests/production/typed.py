"""Commands from standard input, run one after another in this process, by whatever clock it was given.

As JSON: a list of command lines comes in; out goes, for each, its exit code and what it printed. Ann types
them, but for what a second person says.
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
        words = shlex.split(line, comments=True)[1:]
        second = words[:2] == ["policy", "approve"]
        person = {"GATEWAY_ADMIN": "ben" if second else "ann"}
        result = invoke(Path("gateway-home"), *words, given="y\n" if second else None, environment=person)
        done.append([result.exit_code, result.stdout, result.stderr])
    json.dump(done, sys.stdout)
