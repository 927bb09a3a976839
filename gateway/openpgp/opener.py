"""Opening a sealed file: the one promise that both engines keep.

`open` hands out content only if the file is one integrity-protected OpenPGP message, holding
exactly one literal, with exactly one valid signature over all of it by one of the given senders,
made within the window of time that the limits allow. Everything else is a named refusal.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.errors import ConfigurationError
from gateway.model import Opened
from gateway.openpgp.sealed_file import Sealed
from gateway.settings import OpenLimits, Processor


class Opener(Protocol):
    """A way to open sealed files with the gateway's own keys."""

    name: str

    def open(self, sealed: Sealed, senders: Sequence[bytes], limits: OpenLimits, now: datetime) -> Opened:
        """The content of `sealed`, signed by one of the certificates `senders` (armored or binary).

        Refusal, with a code of `gateway.reasons`, where the file is at fault; Fault where we are.
        The caller closes `Opened.content`.
        """
        ...

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """The content of a file that was opened before, as a descriptor that the caller closes.

        Who signed was settled then, and its certificate may have ended since: what counts now is
        that the content is the very same, by its SHA-256. Fault where it is not. With `session`, what
        `session_key` gave for this file, none of our keys is needed.
        """
        ...

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """The key of this one message as SOP programs write it, CIPHER:HEX; None where ours yield none."""
        ...


def prove_program(settings: Processor) -> None:
    """ConfigurationError where the SOP program that would be used does not prove itself: see `self_test`.

    Fault where it cannot be asked. Nothing where none is used, or none is there.
    """
    from gateway.openpgp import self_test  # noqa: PLC0415 - loading all of it costs 0.2 s

    program = shutil.which(settings.sop_program) if settings.engine != "embedded" else None
    if program is not None:
        self_test.check(program)


def find_opener(settings: Processor, secret_keys: Sequence[Path | bytes]) -> Opener:
    """The engine that the settings ask for; by itself, a SOP program if there is one, save for small files.

    `secret_keys` are keys, or files that hold one, not under a passphrase. ConfigurationError where
    the program is missing or a key cannot be used; and, when it is first needed, where the program does
    not prove itself: see `self_test`.
    """
    from gateway.openpgp import self_test  # noqa: PLC0415 - loading all of it costs 0.2 s
    from gateway.openpgp.by_size import BySizeOpener  # noqa: PLC0415
    from gateway.openpgp.embedded import EmbeddedOpener  # noqa: PLC0415
    from gateway.openpgp.sop import SopOpener  # noqa: PLC0415

    program = shutil.which(settings.sop_program) if settings.engine != "embedded" else None
    if program is not None:
        sop = SopOpener(program, secret_keys, self_test.check)
        if settings.engine == "sop":
            return sop
        try:
            return BySizeOpener(EmbeddedOpener(secret_keys), sop)
        except ConfigurationError:
            return sop  # A key that only the program can read.
    if settings.engine == "sop":
        raise ConfigurationError(
            f"gateway.toml: processor.sop_program: {settings.sop_program} is not on the PATH"
        )
    return EmbeddedOpener(secret_keys)
