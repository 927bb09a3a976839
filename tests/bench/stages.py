"""Where the time of a big file goes: each stage by itself, and what goes on at once, against bare `sqop`.

python -m tests.bench.stages [MEBIBYTES]
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from gateway.classify import classify, load_rules
from gateway.classify.content import encoding_of
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Job
from gateway.home import Home
from gateway.home.settings import ClassifyLimits, OpenLimits
from gateway.model import Opened
from gateway.openpgp.sop import SopOpener
from gateway.secrets import secret_files
from gateway.store.of_home import SealedFolder
from tests.bench import big
from tests.bench.bench_classify import POLICIES, TODAY
from tests.site import Site

_MEBIBYTES = 128


def main() -> None:
    """Print a line for each stage: seconds, CPU of this process and its children, and times bare `sqop`."""
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else _MEBIBYTES
    with tempfile.TemporaryDirectory(prefix="stages-") as folder:
        scratch = Path(folder)
        site = Site(scratch / "site")
        party = site.provider("oak")
        sealed = big._sealed(scratch, site, party, mebibytes)
        home = Home(site.home)
        secret = scratch / "secret.pgp"
        secret.write_bytes(secret_files.openpgp_secret(home, secret_files.signing_fingerprint(home)))
        bare = big._bare("sqop", scratch, sealed, party, secret)
        print(f"{'bare sqop decrypt':40} {bare:6.2f} s")

        def stage(name: str, work: Callable[[], object]) -> object:
            begun, cpu = time.perf_counter(), sum(os.times()[:4])
            found = work()
            taken = time.perf_counter() - begun
            used = 1000 * (sum(os.times()[:4]) - cpu) / mebibytes
            print(f"{name:40} {taken:6.2f} s  {used:5.1f} ms of CPU a MiB  {taken / bare:5.2f} times sqop")
            return found

        store = SealedFolder(scratch / "sealed")
        store.root.mkdir()
        size = sealed.stat().st_size
        with sealed.open("rb") as source:
            stage("copied, hashed and synced", lambda: store.put("261124-oak-0000A", source.fileno(), size))
        opener = SopOpener(shutil.which("sqop") or "sqop", [secret])
        limits = OpenLimits()
        certificate = party.certificate.read_bytes()
        opened = stage(
            "opened into memory, and hashed",
            lambda: opener.open(sealed, [certificate], limits, datetime.now(UTC)),
        )
        assert isinstance(opened, Opened)
        rules = load_rules(POLICIES)
        with os.fdopen(opened.content, "rb") as content:
            stage("its encoding found", lambda: encoding_of(content))
            stage("classified", lambda: classify(content, "x", ClassifyLimits(), rules, today=TODAY))
        job = Job(
            reference="261124-oak-0000A", name="x", senders=(certificate.decode(),), now=datetime.now(UTC)
        )
        with closing(Examiner(home)) as examiner, sealed.open("rb") as source:
            examiner.start()
            time.sleep(2)  # Until the children have started.
            stage("opened and classified at once", lambda: examiner.look(job, source.fileno()))


if __name__ == "__main__":
    main()
