"""What is dropped in folders that take no pupils' data, dispatched by folder."""

from __future__ import annotations

from datetime import datetime

from gateway.home import Home
from gateway.model import Decision, Folder, Held, Refused, Upload
from gateway.processing import agreement_drops, key_drops
from gateway.processing.drop import DROP_BYTES, Drop, Dropped, Tools
from gateway.processing.examination import Examined, Job, OpenRefused
from gateway.reasons import reason
from gateway.registry.database import Registry

DROPS: dict[Folder, Drop] = {"agreement": agreement_drops.DROP, "keys": key_drops.DROP}


def withheld(upload: Upload) -> Examined:
    """The outcome of a file that came in the clear, by what it looked like and the folder it was put in."""
    code = DROPS[upload.folder].withheld if upload.folder in DROPS else "open:not-encrypted"
    if upload.looks_like == "secret-key":
        code = "key:secret"
    # Pupils' data behind something public would be long: then the alarm is the safer answer.
    elif upload.looks_like == "public" and upload.folder == "in" and upload.size <= DROP_BYTES:
        code = "key:not-data"
    return Examined(reference=upload.reference, refused=OpenRefused(code=code))


def examine(job: Job, tools: Tools) -> Examined:
    """Look at a drop; in the child. Fault where the fault is ours."""
    with tools.home.sealed(job.reference).open("rb") as file:
        data = file.read(DROP_BYTES + 1)
    if not data:
        return Examined(reference=job.reference, refused=OpenRefused(code="open:empty"))
    if len(data) > DROP_BYTES:
        return Examined(reference=job.reference, refused=OpenRefused(code="open:too-large"))
    return DROPS[job.folder].examine(job, data, tools)


def settle(folder: Folder, drop: Dropped) -> Decision:
    """Decide on a drop and record what follows from it, all in the caller's transaction."""
    examined = drop.examined
    if examined.lost:
        return Held(reasons=(reason("internal:held"),))
    if examined.refused is not None:
        if examined.refused.code == "key:secret":
            key_drops.forget(drop)
        return Refused(reasons=(reason(examined.refused.code, **examined.refused.detail),))
    return DROPS[folder].settle(drop)


def publish(folders: set[Folder], home: Home, registry: Registry, now: datetime) -> None:
    """Show outside what drops in these folders have changed, once it is durable."""
    for folder, drop in DROPS.items():
        if folder in folders and drop.publish is not None:
            drop.publish(home, registry, now)
