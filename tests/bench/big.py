"""One big file: a sealed CSV, from landing to receipt, against bare `sqop decrypt` and `gosop decrypt`.

Both bare programs verify the signature and write to a pipe that is emptied; neither looks at what is
inside, as the gateway does. `python -m tests.bench.big MEBIBYTES [ROUNDS]` measures it against `sqop` alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.secrets import secret_files
from tests.bench.bench_classify import csv_wide
from tests.bench.measure import Costs, Line, Setting, family, line, seconds, until
from tests.bench.parties import Landing, processor
from tests.site import Site

_PATIENCE = 1200


def run(setting: Setting) -> Iterator[Line]:
    """Every line on big files."""
    mebibytes = 64 if setting.quick else 1024
    site = Site(setting.scratch / "big")
    party = site.provider("oak")
    sealed = _sealed(setting.scratch, site, party, mebibytes)
    secret = _secret(setting.scratch, site)
    landing = Landing(site, party)
    ours, theirs = [], []
    peaks: dict[str, list[float]] = {}
    with processor(site) as process:
        costs, bare = Costs(process.pid), Costs()
        for number in setting.rounds(3):
            with Peaks(process.pid) as seen, costs.of(mebibytes):
                ours.append(_ours(site, landing, sealed, number))
            for name, megabytes in seen.by_program().items():
                peaks.setdefault(name, []).append(megabytes)
            with bare.of(mebibytes):
                theirs.append(_bare("sqop", setting.scratch, sealed, party, secret))
    state = site.transfers()[0]
    said = f"{state['state']} {','.join(reason['code'] for reason in state['reasons'])}".strip()
    what = f"sealed CSV of {mebibytes} MiB, landing to receipt"
    yield line("big", what, "s", ours, "sqop decrypt", theirs, better="less", target=1.3, note=said,
               cpu=("MiB", costs.rounds, bare.rounds))  # fmt: skip
    others = [_bare("gosop", setting.scratch, sealed, party, secret)]
    yield line("big", what, "s", ours, "gosop decrypt", others, better="less", note=said)
    for name, found in peaks.items():
        if "sqop" not in name:
            yield line("big", f"peak memory, {name}", "MB", found, "150 MB", [150.0], better="less",
                       target=1.0, bound=True)  # fmt: skip


def main() -> None:
    """Print the seconds of `sqop`, ours, and the ratio, for each round; what was found; the memory."""
    mebibytes, rounds = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2
    with tempfile.TemporaryDirectory(prefix="big-") as folder:
        scratch = Path(folder)
        site = Site(scratch / "big")
        party = site.provider("oak")
        sealed, secret = _sealed(scratch, site, party, mebibytes), _secret(scratch, site)
        landing = Landing(site, party)
        with processor(site) as process, Peaks(process.pid) as peaks:
            for number in range(rounds):
                bare = _bare("sqop", scratch, sealed, party, secret)
                ours = _ours(site, landing, sealed, number)
                print(f"{mebibytes} MiB: sqop {bare:.2f} s, ours {ours:.2f} s, {ours / bare:.2f} times")
        print([state["state"] for state in site.transfers()], peaks.by_program())


def _ours(site: Site, landing: Landing, sealed: Path, number: int) -> float:
    """The seconds from landing to receipt."""
    reference = landing.prepare(f"big{number}.pgp", sealed)
    receipt = site.receipts("oak") / f"big{number}.pgp.{reference}.json"

    def take() -> None:
        landing.land()
        until(receipt.exists, _PATIENCE)

    return seconds(take)


def _secret(scratch: Path, site: Site) -> Path:
    home, secret = Home(site.home), scratch / "secret.pgp"
    secret.write_bytes(secret_files.openpgp_secret(home, secret_files.signing_fingerprint(home)))
    return secret


def _sealed(scratch: Path, site: Site, party: Party, mebibytes: int) -> Path:
    plain, sealed = scratch / "plain.csv", scratch / "sealed.pgp"
    with plain.open("wb") as file:
        file.writelines(csv_wide(mebibytes * 1024**2))
    signer, recipient = scratch / "signer.pgp", scratch / "recipient.asc"
    signer.write_bytes(bytes(party.openpgp))
    recipient.write_text(site.certificate)
    with plain.open("rb") as source, sealed.open("wb") as target:
        subprocess.run(
            ["sqop", "encrypt", "--sign-with", signer, recipient], stdin=source, stdout=target, check=True
        )
    plain.unlink()
    return sealed


def _bare(program: str, scratch: Path, sealed: Path, party: Party, secret: Path) -> float:
    """The seconds of one bare decryption. RuntimeError where it does not verify."""
    verified = scratch / "verified"
    verified.unlink(missing_ok=True)
    options = [f"--verify-with={party.certificate}", f"--verifications-out={verified}"]

    def decrypt() -> None:
        with (
            sealed.open("rb") as source,
            subprocess.Popen(
                [program, "decrypt", *options, secret], stdin=source, stdout=subprocess.PIPE
            ) as run,
        ):
            assert run.stdout is not None
            room = bytearray(1024**2)
            while run.stdout.readinto(room):  # type: ignore[attr-defined]
                pass
        if run.returncode:
            raise RuntimeError(f"{program} decrypt failed")

    taken = seconds(decrypt)
    if not verified.read_text().strip():
        raise RuntimeError(f"{program} decrypt verified no signature")
    return taken


class Peaks:
    """The most memory that a process and its descendants ever held, without what they share by mapping."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._found: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def by_program(self) -> dict[str, float]:
        """Megabytes by program."""
        return dict(sorted(self._found.items()))

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            for process in family(self._pid):
                with _gone_is_fine():
                    command = (process / "cmdline").read_bytes().split(b"\0")
                    status = (process / "status").read_text("ascii")
                    anonymous = int(status.partition("RssAnon:")[2].split()[0]) / 1024
                    name = _program(command)
                    self._found[name] = max(anonymous, self._found.get(name, 0.0))


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    """A process may end while it is looked at."""
    try:
        yield
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return


def _program(command: list[bytes]) -> str:
    words = [word.decode() for word in command if word]
    if any(word.startswith("gateway.examiner.") for word in words):
        return "examining child"
    return "processor" if "gateway" in words else Path(words[0]).name


if __name__ == "__main__":
    main()
