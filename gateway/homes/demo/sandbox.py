"""A gateway to program against: schools with keys, files for every outcome, services that keep running."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from rich.console import Console

from gateway.errors import GatewayError
from gateway.homes.demo.cast import enrol, uploads
from gateway.homes.demo.stage import Stage

_OUTCOMES = {
    "core data.xml.pgp": "oak-accepted.pgp",
    "core again.xml.pgp": "oak-refused-wrong-signer.pgp",
    "core.xml": "oak-refused-not-encrypted.pgp",
    "census.xml.pgp": "oak-refused-damaged.pgp",
    "core.xml.pgp": "elm-held-agreement.pgp",
}
_LETTER = b"Dear colleagues, this is no data.\n"


def run_sandbox(console: Console, folder: Path) -> None:
    """Make a sandbox in a new folder and run it until Ctrl-C or SIGTERM. GatewayError where it exists.

    Below `folder`: `oak` and `elm` with `ssh` and `openpgp.key` of each school and the gateway's certificate,
    `files` with a sealed file for each outcome and two plain ones. The line printed last says host, port and
    the fingerprint of the host key.
    """
    if folder.exists():
        raise GatewayError(f"{folder} exists already: name a new folder")
    folder.mkdir(mode=0o700, parents=True)
    stage = Stage(folder / "home")
    stage.done("init", "--organisation", "Sandbox County Council", "--log-origin", "sandbox.invalid/log")
    cast = enrol(stage, folder)
    certificate = stage.done("keys", "gateway", "export")
    files = folder / "files"
    files.mkdir()
    for one in (cast.oak.party, cast.elm.party):
        (one.folder / "openpgp.key").write_text(str(one.openpgp), "utf-8")
        (one.folder / "gateway.asc").write_text(certificate, "utf-8")
    for sent in uploads(cast, certificate):
        if name := _OUTCOMES.get(sent.name):
            (files / name).write_bytes(sent.data)
        if sent.name == "core.xml":
            (files / "accepted.xml").write_bytes(sent.data)
    (files / "held-unknown.txt").write_bytes(_LETTER)
    (files / "oak-held-unknown.pgp").write_bytes(cast.oak.party.seal(_LETTER, certificate))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with stage.running(folder / "services.log") as running:
        host, port = running.intake
        keys = stage.json("keys", "host", "list")
        known = next(key["fingerprint"] for key in keys if key["service"] == "intake")
        console.print(f"ready {host} {port} {known}", soft_wrap=True)
        stop.wait()
