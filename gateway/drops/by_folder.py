"""What is dropped in folders that take no pupils' data, dispatched by folder."""

from __future__ import annotations

from datetime import datetime

from gateway.drops import agreement, keys
from gateway.drops.drop import Drop, Dropped
from gateway.examiner.drop_tools import DROP_BYTES
from gateway.examiner.protocol import Examined, OpenRefused
from gateway.home import Home
from gateway.model import Decision, Folder, Held, Refused, Upload
from gateway.reasons import reason
from gateway.registry.database import Registry

DROPS: dict[Folder, Drop] = {"agreement": agreement.DROP, "keys": keys.DROP}


def withheld(upload: Upload) -> Examined:
    """The outcome of a file that came in the clear, by what it looked like and the folder it was put in."""
    code = DROPS[upload.folder].withheld if upload.folder in DROPS else "open:not-encrypted"
    if upload.looks_like == "secret-key":
        code = "key:secret"
    # Pupils' data behind something public would be long: then the alarm is the safer answer.
    elif upload.looks_like == "public" and upload.folder == "in" and upload.size <= DROP_BYTES:
        code = "key:not-data"
    return Examined(reference=upload.reference, refused=OpenRefused(code=code))


def settle(folder: Folder, drop: Dropped) -> Decision:
    """Decide on a drop and record what follows from it, all in the caller's transaction."""
    examined = drop.examined
    if examined.lost:
        return Held(reasons=(reason("internal:held"),))
    if examined.refused is not None:
        if examined.refused.code == "key:secret":
            keys.forget(drop)
        return Refused(reasons=(reason(examined.refused.code, **examined.refused.detail),))
    return DROPS[folder].settle(drop)


def publish(folders: set[Folder], home: Home, registry: Registry, now: datetime) -> None:
    """Show outside what drops in these folders have changed, once it is durable."""
    for folder, drop in DROPS.items():
        if folder in folders and drop.publish is not None:
            drop.publish(home, registry, now)
