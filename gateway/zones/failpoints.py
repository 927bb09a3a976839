"""Kill the process at a named place, in tests, to prove that a crash neither loses nor doubles a file.

Inactive unless the environment says GATEWAY_FAILPOINT=NAME or NAME:N. Then the process passing NAME (for the
Nth time) kills itself with SIGKILL: no handler runs, nothing is flushed, as in a kill by the kernel. Anybody
able to set a service's environment could kill it anyway.

The list of names has the order in which a file passes them; both zones use this module.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Literal, get_args

Failpoint = Literal[
    # Intake: an upload is received and handed over.
    "upload.opened",
    "upload.stored",
    "hand-over.reserved",
    "hand-over.moved",
    "hand-over.durable",
    "hand-over.recorded",
    "hand-over.remembered",
    # The processor: landed files are taken inside.
    "claim.copied",
    "claim.stored",
    "claim.durable",
    "land.written",
    "land.committed",
    "land.half-emptied",
    "land.emptied",
    # The isolated child, and the processor receiving its result.
    "examine.asked",
    "examine.opened",
    "examine.classified",
    "examine.answered",
    # The processor: the outcome is put on record and brought out.
    "commit.written",
    "commit.committed",
    "publish.half",
    "publish.written",
    "publish.marked",
    "publish.finished",
    # The mailboxes: a file is collected.
    "collect.opened",
    "collect.written",
    "collect.recorded",
]
FAILPOINTS: tuple[Failpoint, ...] = get_args(Failpoint)
# Where a whole home is moved: no file passes there.
MoveStep = Literal["move.file", "move.rows", "move.closed"]
# What waits is judged anew.
AnewStep = Literal["anew.written"]
# The upgrade of a home of an earlier version.
UpgradeStep = Literal["upgrade.agreed", "upgrade.tables", "upgrade.entries", "upgrade.policies"]

VARIABLE = "GATEWAY_FAILPOINT"

_lock = threading.Lock()
_armed, _, _times = os.environ.get(VARIABLE, "").partition(":")
_left = int(_times or 1)


def passing(name: Failpoint | MoveStep | AnewStep | UpgradeStep) -> None:
    """Kill the process here if the failpoint `name` is armed; otherwise do nothing."""
    global _left  # noqa: PLW0603 - one countdown for the process, whichever thread passes
    if not _armed or name != _armed:
        return
    with _lock:
        _left -= 1
        if _left == 0:
            try:
                os.kill(os.getpid(), signal.SIGKILL)
            except PermissionError:  # In an isolated child, forbidden to send signals.
                os._exit(128 + signal.SIGKILL)
