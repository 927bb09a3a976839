"""Faults at random upon several hosts, and what must hold afterwards: `make cluster` runs this program."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from sqlmodel import select

from gateway.registry.tables import EventRow, TransferRow
from tests.commands import invoke
from tests.faults import several
from tests.faults.region import NAMES, Region
from tests.waiting import until

_PATIENCE_SECONDS, _APART_SECONDS = 180, 61


def storm(
    region: Region, chance: random.Random, *, faults: int, seconds: float, pause: float, longest: float
) -> Counter[str]:
    """So many faults, as far as the time allows, while a school uploads; midway the standby takes over.

    `longest`: for how many seconds a host may stand still or be cut off.
    """
    happened: Counter[str] = Counter()
    end = time.monotonic() + seconds
    with region.uploading(pause):
        while sum(happened.values()) < faults and time.monotonic() < end:
            if not region.database.is_over and sum(happened.values()) >= faults // 2:
                region.database.fail_over()
                happened["the database killed, and the standby took over"] += 1
            kinds = region.faults(chance, longest)
            (kind,) = chance.choices(list(kinds), [weight for weight, _ in kinds.values()])
            print(f"{time.monotonic() - end + seconds:6.0f} s  {kind}", flush=True)
            kinds[kind][1]()
            happened[kind] += 1
            time.sleep(chance.uniform(0.2, 2))
            region.heal()
    return happened


def check(region: Region) -> Counter[str]:
    """Let all that was told to have landed be decided, then hold all against all; the states."""
    region.set_clocks_right()
    right = time.monotonic() + _APART_SECONDS
    region.heal()
    until(
        lambda: _all_decided(region), "every file that was told of to be decided", seconds=_PATIENCE_SECONDS
    )
    until(region.look, "the school's look at every door", seconds=_PATIENCE_SECONDS)
    doors = [host.shown for host in region.hosts]
    until(
        lambda: doors[0]() == doors[1]() == doors[2](),
        "each receipt at every door",
        seconds=_PATIENCE_SECONDS,
    )
    shown = doors[0]()
    with region.registry() as registry, registry.read() as session:
        events = list(session.exec(select(EventRow.subject, EventRow.kind)))
        rows = {row.reference: row for row in session.exec(select(TransferRow))}
    for kind in ("landed", "decided"):
        times = Counter(subject for subject, each in events if each == kind)
        assert times == dict.fromkeys(rows, 1), f"{kind}: {[one for one in times if times[one] != 1]}"
    landed = {name.rsplit(".", 2)[-2] for name in shown if name.endswith(".landed")}
    assert landed == set(rows), landed ^ set(rows)
    assert set(region.told) <= {row.name for row in rows.values()}
    time.sleep(max(0.0, right - time.monotonic()))  # A signature of the future is none.
    for host in region.hosts:
        for service in host.services:
            service.stop()
        done = invoke(host.site.home, "log", "verify", "--sealed")
        assert done.exit_code == 0, done.stdout + done.stderr
        found = json.loads(invoke(host.site.home, "doctor", "--deep", "--json").stdout)
        faults = [one["what"] for one in found if one["severity"] == "fault"]
        # Those that were stopped before it are silent, and have nothing in their spools.
        assert all("says nothing; 0 uploads waited" in one for one in faults), faults
    return Counter(row.state for row in rows.values())


def _all_decided(region: Region) -> bool:
    region.heal()
    with region.registry() as registry, registry.read() as session:
        rows = session.exec(select(TransferRow.name, TransferRow.state)).all()
    return set(region.told) <= {name for name, _ in rows} and all(state != "landed" for _, state in rows)


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    asked = parser.parse_args()
    print(f"seed {asked.seed}; {', '.join(NAMES)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="region-", ignore_cleanup_errors=True) as folder:
        region = Region(Path(folder) / "region")
        try:
            several.acts(region)
            chance = random.Random(asked.seed)
            happened = storm(
                region, chance, faults=asked.faults, seconds=asked.seconds, pause=0.5, longest=45
            )
            print(dict(happened), flush=True)
            print(f"{len(region.told)} uploads were acknowledged; {dict(check(region))}: all is well")
        finally:
            region.close()


if __name__ == "__main__":
    main()
