"""What reading a view of a large census costs, against reading the whole file: CPU time, and memory.

Both are collected by OpenSSH's sftp from a real mailboxes service. CPU time is what the service and its
isolated children take, user and system, the SOP program among them; the client is left out. So other work on
the machine hardly matters.

    python -m tests.bench.views [MEBIBYTES]
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, Released
from gateway.registry import rolls, transfers
from gateway.samples import make, school
from tests.mailboxes.mailroom import NOW, Mailroom
from tests.policies import why

_TICKS = os.sysconf("SC_CLK_TCK")
_ROUNDS = 3
_TEAMS = ("central-data-team", "sen")


def census(mebibytes: int) -> bytes:
    """A school census of about this size."""
    rng = random.Random(3)
    made = make("school-census", "xml-summer", rng=rng, school=school(rng, 1), pupils=800)
    first, last = made.index(b"<PupilOnRoll>"), made.rindex(b"</PupilOnRoll>") + len(b"</PupilOnRoll>")
    pupils = made[first:last] + b"\n"
    odd = pupils[:-1].replace(b"</PupilStatus>", b"<Locker>7</Locker></PupilStatus>", 1) + b"\n"
    return made[:first] + odd + pupils * (mebibytes * 1024**2 // len(pupils)) + made[last:]


def descendants(pid: int) -> Iterator[int]:
    """The processes below one."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def cpu_seconds() -> float:
    """What this process, in which the service runs, and the processes below it have taken."""
    ticks = 0
    for pid in (os.getpid(), *descendants(os.getpid())):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # What waited-for children of this process took is the client's.
        ticks += sum(map(int, fields[11 : 13 if pid == os.getpid() else 15]))
    return ticks / _TICKS


def peak_mebibytes() -> float:
    """The most memory that one of the isolated children has had, without what lies in anonymous files."""
    texts = (Path(f"/proc/{pid}/status").read_text() for pid in descendants(os.getpid()))
    lines = (line for text in texts for line in text.splitlines() if line.startswith("RssAnon"))
    return max(int(line.split()[1]) for line in lines) / 1024


def collected(room: Mailroom, person: str, folder: str, reference: str, to: Path) -> float:
    """Collect a file with OpenSSH's sftp; the CPU seconds that it took."""
    before = cpu_seconds()
    subprocess.run(
        ["sftp", "-q", "-F", str(room.ssh_config(person)), "-b", "-", "mailboxes"],
        input=f"get /{folder}/*{reference}.??? {to}\n",
        text=True,
        check=True,
    )
    return cpu_seconds() - before


def delivered(room: Mailroom, content: bytes, *, whole: bool) -> str:
    """A census that two persons sent on as it is, or one that teams are shown their views of."""
    found = classify(BytesIO(content), "x", ClassifyLimits(), load_rules(room.home.policies))
    assert isinstance(found, Classified), found
    codes = ("person:released-against-policy", "policy:no-basis") if whole else ("person:released",)
    reasons = tuple(why(code, count=1) if code == "policy:no-basis" else why(code) for code in codes)
    decision = Released(flow="school-census", data_type="school-census", teams=_TEAMS, reasons=reasons)
    return room.store(content, decision, found)


def main(mebibytes: int) -> None:
    """Measure, and print a line for each way to read."""
    with tempfile.TemporaryDirectory() as root:
        room = Mailroom(Path(root))
        for team in (*_TEAMS, "school-place-planning"):
            room.staff(f"of-{team}", team)
        content = census(mebibytes)
        whole, viewed = delivered(room, content, whole=True), delivered(room, content, whole=False)
        with room.registry.write() as session:
            sequence = transfers.get(session, viewed).sequence
            rolls.deliver_counts(session, [(sequence, "school-place-planning")], NOW)
        readings = [
            ("the whole file", "central-data-team", whole),
            ("all but what nobody lists", "central-data-team", viewed),
            ("what one section may have", "sen", viewed),
            ("counts", "school-place-planning", viewed),
        ]
        base = 0.0
        with room.open():
            collected(room, "of-sen", "sen", viewed, Path(root) / "warm")
            for what, team, reference in readings:
                took = min(
                    collected(room, f"of-{team}", team, reference, Path(root) / f"{team}.got")
                    for _ in range(_ROUNDS)
                )
                base = base or took
                size = (Path(root) / f"{team}.got").stat().st_size / 1024**2
                print(f"{what:26}  {took:6.2f} s of CPU  {took / base:5.2f} times  {size:8.1f} MiB given")
            print(f"anonymous memory of the largest isolated child: {peak_mebibytes():.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
