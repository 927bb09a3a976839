"""200 transfers of 100 KB through one session: files/s, and close to receipt.

python -m tests.bench.transfers [NUMBER]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.content import core_data
from tests.site import Party, Site


def main(number: int) -> None:
    """Measure and print one line."""
    with tempfile.TemporaryDirectory() as root:
        site = Site(Path(root))
        oak = site.provider("oak")
        content = core_data(1, pupils=45)
        files = {
            f"core{n:04}.pgp": oak.seal(
                content.replace(b"GWSAMPLE", f"GWSAMPLE{n}".encode()), site.certificate
            )
            for n in range(number)
        }
        size = statistics.median(map(len, files.values()))
        with site.running() as services:
            oak.put(services.intake, "/in/warm.pgp", oak.seal(core_data(2), site.certificate))
            site.await_decided(1)
            began = time.time()
            closed = upload(oak, services.intake, files)
            receipts = site.receipts("oak")
            while len(list(receipts.glob("core*.txt"))) < number:
                time.sleep(0.02)
            took = time.time() - began
            waits = sorted(
                path.stat().st_mtime - closed[path.name.partition(".pgp")[0] + ".pgp"]
                for path in receipts.glob("core*.txt")
            )
        sys.stdout.write(
            f"{number} transfers of {size / 1000:.0f} KB: {number / took:.1f} files/s, close to receipt "
            f"p50 {waits[len(waits) // 2]:.2f} s, p99 {waits[int(len(waits) * 0.99) - 1]:.2f} s\n"
        )


def upload(party: Party, place: tuple[str, int], files: dict[str, bytes]) -> dict[str, float]:
    """Upload everything in one session; when each was closed."""
    closed = {}
    with party.sftp(place) as session:
        for name, data in files.items():
            with session.open(f"/in/{name}", "wb") as file:
                file.set_pipelined(True)
                file.write(data)
            closed[name] = time.time()
    return closed


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
